"""Mapping tables of a connection: written in its file, or in a CSV file beside it."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlc_pipelines.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class MappingTables:
    """Tables by name, each from a code to a code; all text."""

    tables: Mapping[str, Mapping[str, str]]

    def table(self, name: str) -> Mapping[str, str] | None:
        """Give a table, or None where the connection has none of that name."""
        return self.tables.get(name)


def read_tables(section: Any, path: Path) -> MappingTables:
    """Read the `mapping` section of a connection file; a `{file: x.csv}` names a file in the same folder."""
    if not isinstance(section, dict):
        raise ConfigurationError(f"{path}: mapping is a list of tables by name")
    return MappingTables({name: _table(name, table, path) for name, table in section.items()})


def _table(name: str, table: Any, path: Path) -> Mapping[str, str]:
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: mapping.{name} is a table of codes, or {{file: name.csv}}")
    if set(table) == {"file"}:
        return _csv(path.parent, str(table["file"]), f"{path}: mapping.{name}")
    odd = [key for key, value in table.items() if not isinstance(value, str)]
    if odd:
        raise ConfigurationError(f"{path}: mapping.{name}: {', '.join(map(str, odd))} has no code beside it")
    return {str(key): value for key, value in table.items()}


def _csv(folder: Path, file: str, where: str) -> Mapping[str, str]:
    """Read a table with a header line; the last column is the value, the ones before it, joined by ^, the key."""
    path = (folder / file).resolve()
    if folder.resolve() not in path.parents:
        raise ConfigurationError(f"{where}: {file} lies outside the folder of the connection file")
    table: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            header = next(rows, None)
            if header is None or len(header) < 2:  # noqa: PLR2004  # a key and a value
                raise ConfigurationError(f"{path}:1: a table has a header line of at least two columns")
            for row in rows:
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) != len(header):
                    raise ConfigurationError(
                        f"{path}:{rows.line_num}: {len(row)} columns, the header has {len(header)}"
                    )
                cells = [cell.strip() for cell in row]
                key = "^".join(cells[:-1])
                if key in table:
                    raise ConfigurationError(f"{path}:{rows.line_num}: {key} stands twice")
                table[key] = cells[-1]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{where}: {file} cannot be read: {error}") from error
    return table
