"""Connection files: one YAML a connection, every key known, every code as it was written."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mlc_pipelines.connections.tables_of_words import MappingTables, read_tables
from mlc_pipelines.errors import ConfigurationError

M = TypeVar("M", bound=BaseModel)
NAME = re.compile(r"[a-z][a-z0-9_]*")
CRON_FIELDS = 5


class _Head(BaseModel):
    """The part of a connection file that every integration shares."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=False)

    name: str
    integration: str
    companies: tuple[str, ...] = Field(min_length=1)
    schedule: str | None = None
    enabled: bool = False

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not NAME.fullmatch(value):
            raise ValueError("a name is made of a-z, 0-9 and _, and begins with a letter")
        return value

    @field_validator("schedule")
    @classmethod
    def _cron(cls, value: str | None) -> str | None:
        if value is not None and len(value.split()) != CRON_FIELDS:
            raise ValueError("a schedule is a cron line of five fields, such as */15 * * * *")
        return value


@dataclass(frozen=True, slots=True)
class Connection:
    """A tenant's side of one integration, as its file says."""

    name: str
    integration: str
    companies: tuple[str, ...]
    schedule: str | None
    enabled: bool
    path: Path
    sections: Mapping[str, BaseModel]
    mapping: MappingTables

    def section(self, kind: type[M]) -> M:
        """Give the section that was read as `kind`."""
        for section in self.sections.values():
            if isinstance(section, kind):
                return section
        raise ConfigurationError(f"{self.path}: there is no section read as {kind.__name__}")


@dataclass(frozen=True, slots=True)
class BrokenConnection:
    """A file that cannot be used, and why; the others go on."""

    path: Path
    name: str
    problem: str


class _TextLoader(yaml.SafeLoader):
    """Reads every scalar as the text it was written as; the settings' types decide what it means."""


_TextLoader.yaml_implicit_resolvers = {}
_TextLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_TextLoader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^(?:<<)$"), ["<"])


def connections_folder(environ: Mapping[str, str]) -> Path:
    """Give the folder of connection files: MLC_CONNECTIONS_DIR, else `connections` here."""
    return Path(environ.get("MLC_CONNECTIONS_DIR", "connections"))


def load_connection(path: Path, sections: Mapping[str, type[BaseModel]]) -> Connection:
    """Read one file. `sections` names the integrations' settings and `ifs`; a file has `ifs` and its own integration's.

    Raises ConfigurationError that lists every problem with file and line.
    """
    content, lines = _read(path)
    head = _model(_Head, content, path, lines, ())
    if head.integration not in sections or head.integration == "ifs":
        there = ", ".join(sorted(set(sections) - {"ifs"}))
        raise ConfigurationError(
            f"{_at(path, lines, ('integration',))}: there is no integration {head.integration!r}; there are: {there}"
        )
    wanted = ("ifs", head.integration)
    known = [*_Head.model_fields, *wanted, "mapping"]
    problems = [_unknown(path, lines, (key,), known) for key in content if key not in known]
    problems += [f"{path}: section {name} is missing" for name in wanted if name not in content]
    if problems:
        raise ConfigurationError("\n".join(problems))
    read = {name: _model(sections[name], content[name], path, lines, (name,)) for name in wanted}
    mapping = read_tables(content.get("mapping") or {}, path)
    return Connection(**head.model_dump(), path=path, sections=read, mapping=mapping)


def load_connections(
    folder: Path, sections: Mapping[str, type[BaseModel]]
) -> tuple[list[Connection], list[BrokenConnection]]:
    """Read every `*.yaml` and `*.yml` of a folder; broken ones and doubled names are set aside."""
    good: list[Connection] = []
    broken: list[BrokenConnection] = []
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        try:
            good.append(load_connection(path, sections))
        except ConfigurationError as error:
            broken.append(BrokenConnection(path, _name_of(path), str(error)))
    names = [connection.name for connection in good]
    doubled = {name for name in names if names.count(name) > 1}
    broken += [
        BrokenConnection(item.path, item.name, f"{item.path}: name {item.name} is used by two files")
        for item in good
        if item.name in doubled
    ]
    return [connection for connection in good if connection.name not in doubled], broken


def _read(path: Path) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=_TextLoader)
        content = yaml.load(text, Loader=_TextLoader)  # noqa: S506  # a SafeLoader with fewer types
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: a connection file is a list of keys and values")
    lines: dict[tuple[str, ...], int] = {}
    _note_lines(node, (), lines, path)
    return content, lines


def _note_lines(node: Any, at: tuple[str, ...], lines: dict[tuple[str, ...], int], path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*at, str(key.value))
            if place in lines:
                raise ConfigurationError(f"{path}:{key.start_mark.line + 1}: {'.'.join(place)} stands twice")
            lines[place] = key.start_mark.line + 1
            _note_lines(value, place, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*at, str(index))] = value.start_mark.line + 1
            _note_lines(value, (*at, str(index)), lines, path)


def _model(kind: type[M], content: Any, path: Path, lines: Mapping[tuple[str, ...], int], at: tuple[str, ...]) -> M:
    try:
        return kind.model_validate(content if content is not None else {})
    except ValidationError as error:
        raise ConfigurationError("\n".join(_problem(path, lines, at, kind, item) for item in error.errors())) from error


def _problem(
    path: Path,
    lines: Mapping[tuple[str, ...], int],
    at: tuple[str, ...],
    kind: type[BaseModel],
    item: Mapping[str, Any],
) -> str:
    place = (*at, *(str(part) for part in item["loc"]))
    if item["type"] == "extra_forbidden":
        return _unknown(path, lines, place, list(kind.model_fields))
    message = str(item["msg"]).removeprefix("Value error, ")
    value = "" if item["type"] == "missing" else f" (it is {str(item['input'])[:60]!r})"
    return f"{_at(path, lines, place)}: {'.'.join(place)}: {message}{value}"


def _unknown(path: Path, lines: Mapping[tuple[str, ...], int], place: tuple[str, ...], known: list[str]) -> str:
    near = difflib.get_close_matches(place[-1], known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{_at(path, lines, place)}: {'.'.join(place)}: unknown setting{hint}"


def _at(path: Path, lines: Mapping[tuple[str, ...], int], place: tuple[str, ...]) -> str:
    while place and place not in lines:
        place = place[:-1]
    return f"{path}:{lines[place]}" if place else str(path)


def _name_of(path: Path) -> str:
    try:
        content, _ = _read(path)
    except ConfigurationError:
        return path.stem
    name = content.get("name")
    return name if isinstance(name, str) and NAME.fullmatch(name) else path.stem
