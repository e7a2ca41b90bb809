"""Mapping tables of a connection: written in its file, or in a CSV file beside it."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlc_pipelines.connections.text_file import TextFile
from mlc_pipelines.errors import ConfigurationError

_FEWEST_COLUMNS = 2  # a key and a value


@dataclass(frozen=True, slots=True)
class MappingTables:
    """Tables by name, each from a code to a code; all text."""

    tables: Mapping[str, Mapping[str, str]]

    def table(self, name: str) -> Mapping[str, str] | None:
        """Give a table, or None where the connection has none of that name."""
        return self.tables.get(name)


def read_tables(file: TextFile) -> MappingTables:
    """Read the `mapping` section of a connection file; a `{file: x.csv}` names a file in the same folder.

    Raises ConfigurationError that lists every table's first problem with file and line.
    """
    section = file.content.get("mapping")
    if section is None:
        return MappingTables({})
    if not isinstance(section, dict):
        raise ConfigurationError(f"{file.at(('mapping',))}: mapping is a list of tables by name")
    tables: dict[str, Mapping[str, str]] = {}
    problems: list[str] = []
    for name, table in section.items():
        try:
            tables[name] = _table(name, table, file)
        except ConfigurationError as error:
            problems.append(str(error))
    if problems:
        raise ConfigurationError("\n".join(problems))
    return MappingTables(tables)


def _table(name: str, table: Any, file: TextFile) -> Mapping[str, str]:
    where = f"{file.at(('mapping', name))}: mapping.{name}"
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where} is a table of codes, or {{file: name.csv}}")
    if "file" in table:
        if len(table) > 1 or not isinstance(table["file"], str):
            raise ConfigurationError(f"{where}: file stands alone and names one CSV file")
        return _csv(file.path.parent, table["file"], where)
    for key, value in table.items():
        if not isinstance(value, str) or not value:
            at = file.at(("mapping", name, key))
            raise ConfigurationError(f"{at}: mapping.{name}: {key} has no code beside it; write one or take it out")
    return dict(table)


def _csv(folder: Path, name: str, where: str) -> Mapping[str, str]:
    """Read a table with a header line; the last column is the value, the ones before it, joined by ^, the key."""
    path = (folder / name).resolve()
    if folder.resolve() not in path.parents:
        raise ConfigurationError(f"{where}: {name} lies outside the folder of the connection file")
    table: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for line, cells in _rows(stream.read().splitlines(keepends=True), path):
                key = "^".join(cells[:-1])
                if key in table:
                    raise ConfigurationError(f"{path}:{line}: {key} stands twice")
                if not cells[-1]:
                    raise ConfigurationError(f"{path}:{line}: {key} has no code beside it; write one or take it out")
                table[key] = cells[-1]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{where}: {name} cannot be read: {error}") from error
    return table


def _rows(lines: list[str], path: Path) -> Iterator[tuple[int, list[str]]]:
    # Spreadsheets of countries with a decimal comma write semicolons.
    semicolons = bool(lines) and ";" in lines[0] and "," not in lines[0]
    rows = csv.reader(lines, strict=True, delimiter=";" if semicolons else ",")
    header = next(rows, [])
    if len(header) < _FEWEST_COLUMNS:
        raise ConfigurationError(f"{path}:1: a table has a header line of at least two columns")
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise ConfigurationError(f"{path}:{rows.line_num}: {len(cells)} columns, the header has {len(header)}")
        yield rows.line_num, cells
