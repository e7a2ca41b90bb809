"""A YAML file in which every scalar stays the text it was written as, and every key knows its line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlc_pipelines.errors import ConfigurationError

Place = tuple[str, ...]

_TEXT = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"


class _TextLoader(yaml.SafeLoader):
    """Reads `0010`, `1E5`, `no` and `2026-01-31` as text; the settings' types decide what they mean."""


_TextLoader.yaml_implicit_resolvers = {}
_TextLoader.add_implicit_resolver(_NULL, re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_TextLoader.add_implicit_resolver(_MERGE, re.compile(r"^(?:<<)$"), ["<"])


@dataclass(frozen=True, slots=True)
class TextFile:
    """What a file says, and the line of each of its keys."""

    path: Path
    content: Mapping[str, Any]
    lines: Mapping[Place, int]

    def at(self, place: Place) -> str:
        """Name file and line of a key, or of what it should stand in: `acme.yaml:12`."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.path}:{self.lines[place]}" if place else str(self.path)


def read_text_file(path: Path) -> TextFile:
    """Read a file, or raise ConfigurationError: not there, not YAML, a key that stands twice or is not text."""
    try:
        loader = _TextLoader(path.read_text(encoding="utf-8-sig"))
        node = loader.get_single_node()
        lines: dict[Place, int] = {}
        _note_lines(node, (), lines, path=path, above=())
        content = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigurationError(f"{path}{line}: cannot be read as YAML: {error.problem}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: a connection file is a list of keys and values")
    return TextFile(path, content, lines)


def _note_lines(
    node: yaml.Node | None, at: Place, lines: dict[Place, int], *, path: Path, above: tuple[int, ...]
) -> None:
    if id(node) in above and isinstance(node, yaml.CollectionNode):
        raise ConfigurationError(f"{path}:{node.start_mark.line + 1}: {'.'.join(at)} contains itself")
    above = (*above, id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag not in (_TEXT, _MERGE):
                raise ConfigurationError(f"{path}:{line}: a key is text; put it between quotes")
            place = (*at, str(key.value))
            if place in lines:
                raise ConfigurationError(f"{path}:{line}: {'.'.join(place)} stands twice")
            lines[place] = line
            _note_lines(value, place, lines, path=path, above=above)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*at, str(index))] = value.start_mark.line + 1
            _note_lines(value, (*at, str(index)), lines, path=path, above=above)
