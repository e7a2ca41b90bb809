"""What every figure is made of: contestants in turn, medians, tables, bars, and aims that were met or missed."""

import argparse
import json
import os
import platform
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Found = dict[str, Any]
"""What one run of a contestant came to: `seconds`, `cpu`, `peak_mib`, `versions`, and what it counted."""


@dataclass(frozen=True)
class Table:
    """Rows under columns; the first column names the row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Bars:
    """A chart: one bar for each name."""

    title: str
    unit: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Aim:
    """A figure to reach, and what was found."""

    text: str
    found: str
    met: bool


@dataclass(frozen=True)
class Figure:
    """One comparison, as it is printed, kept as JSON and put on the page."""

    name: str
    title: str
    tables: Sequence[Table]
    bars: Sequence[Bars] = ()
    aims: Sequence[Aim] = ()
    notes: Sequence[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


def in_turn(contestants: Mapping[str, Callable[[], Found]], rounds: int) -> dict[str, list[Found]]:
    """Run all contestants one after the other, so many times; whatever disturbs the machine disturbs all of them."""
    runs: dict[str, list[Found]] = {name: [] for name in contestants}
    for number in range(1, rounds + 1):
        for name, run in contestants.items():
            found = run()
            runs[name].append(found)
            print(f"  round {number}/{rounds}: {name}: {found['seconds']:.2f} s", file=sys.stderr, flush=True)
    return runs


def median(runs: Sequence[Found], what: str) -> float:
    """Give the median of one quantity over the runs of a contestant."""
    return float(statistics.median(run[what] for run in runs))


def turns(rounds: int) -> str:
    """Say how often contestants ran."""
    return f"medians of {rounds} runs in turn" if rounds > 1 else "one run"


def versions(runs: Mapping[str, Sequence[Found]]) -> dict[str, str]:
    """Gather the versions that the contestants told."""
    return {name: told for found in runs.values() for run in found for name, told in run["versions"].items()}


def times(ratio: float) -> str:
    """Write a ratio: `3.2 x`."""
    return f"{ratio:.1f} x" if ratio < 100 else f"{ratio:.0f} x"


def machine() -> dict[str, str]:
    """Describe what everything ran on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "cores": str(os.cpu_count()),
        "model": names[0] if names else platform.processor() or platform.machine(),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def machine_line(told: Mapping[str, str]) -> str:
    """Write the machine in one line."""
    return (
        f"{told['cores']} cores ({told['model']}), {told['memory']} memory, {told['system']}, Python {told['python']}, "
        f"SQLite {told['sqlite']}, load {told['load']} at the start"
    )


def document(figures: Sequence[Figure], told: Mapping[str, str], *, quick: bool) -> dict[str, Any]:
    """Put a run into one document; `benchmarks.page` makes the page of it."""
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return {"made": made, "quick": quick, "machine": dict(told), "figures": [asdict(figure) for figure in figures]}


def show(figure: Figure) -> None:
    """Print a figure."""
    print(f"\n{figure.title}")
    for table in figure.tables:
        print(f"\n  {table.title}")
        lines = [table.columns, *table.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(table.columns))]
        for line in lines:
            first, *rest = (cell.ljust(width) if not place else cell.rjust(width)
                            for place, (cell, width) in enumerate(zip(line, widths, strict=True)))  # fmt: skip
            print(f"    {first}  {'  '.join(rest)}".rstrip())
    print()
    for aim in figure.aims:
        print(f"  {'met   ' if aim.met else 'MISSED'} {aim.text}: {aim.found}")
    for note in figure.notes:
        print(f"  {note}")
    print(f"  versions: {', '.join(f'{name} {told}' for name, told in figure.versions.items())}", flush=True)


def program(names: Sequence[str], measures: Sequence[Callable[[bool], Figure]], about: str | None) -> int:
    """Be the command of some figures: measure, print, and keep the document where a file is named.

    1 when an aim of a full run was missed.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="smaller and fewer; its figures are rough")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the results as one document")
    if len(names) > 1:
        parser.add_argument("figures", nargs="*", default=[], metavar="FIGURE", help=f"of: {', '.join(names)}")
    given = parser.parse_args()
    wanted = getattr(given, "figures", None) or names
    if unknown := set(wanted) - set(names):
        parser.error(f"there is no figure {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # programs start as they do for an operator: compiled already
    told = machine()
    print(machine_line(told), flush=True)
    figures = []
    for name, measure in zip(names, measures, strict=True):
        if name in wanted:
            began = time.monotonic()
            figures.append(measure(given.quick))
            show(figures[-1])
            print(f"  measured in {time.monotonic() - began:.0f} s", flush=True)
    if given.json:
        given.json.write_text(json.dumps(document(figures, told, quick=given.quick), indent=1) + "\n")
    missed = [aim for figure in figures for aim in figure.aims if not aim.met]
    return 1 if missed and not given.quick else 0
