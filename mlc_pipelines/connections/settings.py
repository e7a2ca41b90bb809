"""Connection files: one YAML a connection, every key known, every code as it was written."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mlc_pipelines.connections.tables_of_words import MappingTables, read_tables
from mlc_pipelines.connections.text_file import Place, TextFile, read_text_file
from mlc_pipelines.errors import ConfigurationError

M = TypeVar("M", bound=BaseModel)
NAME = re.compile(r"[a-z][a-z0-9_]*")
CRON_FIELDS = 5
LONGEST_SHOWN = 60
_MAY_HOLD_A_SECRET = re.compile(r"secret|token|password|credential|key|url", re.IGNORECASE)


class _Head(BaseModel):
    """The part of a connection file that every integration shares."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    integration: str
    companies: tuple[str, ...] = Field(min_length=1)
    documents_from: date = date.min
    schedule: str | None = None
    enabled: bool = False
    calls_in_flight: int = Field(default=8, ge=1, le=64)

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not NAME.fullmatch(value):
            raise ValueError("a name is made of a-z, 0-9 and _, and begins with a letter")
        return value

    @field_validator("companies")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(value) or len(set(value)) != len(value):
            raise ValueError("each company is named once, by its code")
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
    documents_from: date = date.min  # documents dated before it are left to whoever carried them until then
    calls_in_flight: int = 8  # to one side at the same moment; more pays where answers take long

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


def connections_folder(environ: Mapping[str, str]) -> Path:
    """Give the folder of connection files: MLC_CONNECTIONS_DIR, else `connections` here."""
    return Path(environ.get("MLC_CONNECTIONS_DIR", "connections"))


def load_connection(path: Path, sections: Mapping[str, type[BaseModel]]) -> Connection:
    """Read one file. `sections` names the integrations' settings and `ifs`; a file has `ifs` and its own integration's.

    Raises ConfigurationError that lists every problem with file and line.
    """
    return _connection(read_text_file(path), sections)


def load_connections(
    folder: Path, sections: Mapping[str, type[BaseModel]]
) -> tuple[list[Connection], list[BrokenConnection]]:
    """Read every `*.yaml` and `*.yml` of a folder; broken ones and all files of a name used twice are set aside."""
    good: list[Connection] = []
    broken: list[BrokenConnection] = []
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if path.name.startswith("."):  # what editors leave beside a file
            continue
        name = path.stem
        try:
            file = read_text_file(path)
            name = _stated_name(file) or name
            good.append(_connection(file, sections))
        except ConfigurationError as error:
            broken.append(BrokenConnection(path, name, str(error)))
    names = [*(item.name for item in good), *(item.name for item in broken)]
    doubled = [item for item in good if names.count(item.name) > 1]
    broken += [
        BrokenConnection(item.path, item.name, f"{item.path}: name {item.name} is used by two files")
        for item in doubled
    ]
    return [connection for connection in good if connection not in doubled], broken


def _connection(file: TextFile, sections: Mapping[str, type[BaseModel]]) -> Connection:
    problems: list[str] = []
    head = _model(_Head, file.content, file, (), problems)
    systems = sorted(set(sections) - {"ifs"})
    integration = file.content.get("integration")
    if isinstance(integration, str) and integration not in systems:
        there = ", ".join(systems)
        problems.append(f"{file.at(('integration',))}: there is no integration {integration!r}; there are: {there}")
    wanted = ("ifs", *(name for name in systems if name == integration))
    if integration in systems:
        known = [*_Head.model_fields, *wanted, "mapping"]
        problems += [_unknown(file, (key,), known) for key in file.content if key not in known]
    problems += [f"{file.path}: section {name} is missing" for name in wanted if name not in file.content]
    there_are = [name for name in wanted if name in file.content]
    read = {name: _model(sections[name], file.content[name], file, (name,), problems) for name in there_are}
    mapping = MappingTables({})
    try:
        mapping = read_tables(file)
    except ConfigurationError as error:
        problems.append(str(error))
    if problems or head is None:
        raise ConfigurationError("\n".join(problems))
    found = {name: section for name, section in read.items() if section is not None}
    return Connection(**head.model_dump(), path=file.path, sections=found, mapping=mapping)


def _stated_name(file: TextFile) -> str | None:
    name = file.content.get("name")
    return name if isinstance(name, str) and NAME.fullmatch(name) else None


def _model(kind: type[M], content: Any, file: TextFile, at: Place, problems: list[str]) -> M | None:
    try:
        return kind.model_validate(content if content is not None else {})
    except ValidationError as error:
        problems += [_problem(file, at, kind, item) for item in error.errors()]
        return None


def _problem(file: TextFile, at: Place, kind: type[BaseModel], item: Mapping[str, Any]) -> str:
    inside = tuple(str(part) for part in item["loc"])
    place = (*at, *inside)
    if item["type"] == "extra_forbidden":
        return _unknown(file, place, sorted(_fields_beside(kind, inside)))
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{file.at(place)}: {'.'.join(place)}: {message}{_shown(item, inside)}"


def _shown(item: Mapping[str, Any], inside: Place) -> str:
    """Repeat the value that is wrong, unless it is none, is long-winded, or may be a secret put in the wrong place."""
    value = item["input"]
    if item["type"] == "missing" or not isinstance(value, str) or _MAY_HOLD_A_SECRET.search(".".join(inside)):
        return ""
    return f" (it is {value[:LONGEST_SHOWN]!r})"


def _unknown(file: TextFile, place: Place, known: list[str]) -> str:
    near = difflib.get_close_matches(place[-1], known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{file.at(place)}: {'.'.join(place)}: unknown setting{hint}"


def _fields_beside(kind: type[BaseModel], inside: Place) -> set[str]:
    """Name the settings that may stand where the last part of `inside` stands."""
    kinds = [kind]
    for part in inside[:-1]:
        fields = [model.model_fields[part] for model in kinds if part in model.model_fields]
        if fields:  # otherwise a key of a table or the number of a row, one step nearer to the same models
            kinds = [model for field in fields for model in _models(field.annotation)]
    return {name for model in kinds for name in model.model_fields}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
