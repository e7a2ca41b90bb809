"""Writes the page of runs: `python -m benchmarks.page results.json ...`, into `docs/performance.md` and its charts."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.measuring import machine_line

PAGE = Path("docs/performance.md")
WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 860, 330, 100, 22, 8, 40
OURS, OTHERS = "#1f6feb", "#9aa4b0"
HEAD = """# Performance

What a user would pick instead, and the limit of the machine, measured beside us in the same run. Written by
`python -m benchmarks.page FILE ...` from runs of `python -m benchmarks [FIGURE ...] --json FILE`; do not edit.

"""


def page(runs: Sequence[Mapping[str, Any]], charts: str) -> Iterator[str]:
    """Write the page of runs, one after the other; `charts` is the folder of the charts, as the page names it."""
    yield HEAD
    for run in runs:
        rough = " A quick run: its figures are rough." if run["quick"] else ""
        names = ", ".join(figure["name"] for figure in run["figures"])
        yield f"- {run['made'][:10]}, {names}: {machine_line(run['machine'])}.{rough}\n"
    figures = [figure for run in runs for figure in run["figures"]]
    yield "\n| Aim | Found | |\n| --- | --- | --- |\n"
    for figure in figures:
        yield from (_line([aim["text"], aim["found"], "met" if aim["met"] else "**missed**"]) for aim in figure["aims"])
    for figure in figures:
        yield f"\n## {figure['title']}\n"
        yield from (f"\n![{bars['title']}]({charts}/{_file(figure, place)})\n" for place, bars in _charts(figure))
        for table in figure["tables"]:
            yield f"\n{table['title'][:1].upper()}{table['title'][1:]}:\n\n"
            yield _line(table["columns"])
            yield _line(["---", *["---:"] * (len(table["columns"]) - 1)])
            yield from map(_line, table["rows"])
        if figure["notes"]:
            yield "\n" + "".join(f"- {note}\n" for note in figure["notes"])
        if figure["versions"]:
            yield "\nVersions: " + ", ".join(f"{name} {told}" for name, told in figure["versions"].items()) + ".\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def _charts(figure: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    return enumerate(figure["bars"], start=1)


def _file(figure: Mapping[str, Any], place: int) -> str:
    return f"performance-{figure['name']}-{place}.svg"


def chart(bars: Mapping[str, Any]) -> str:
    """Draw bars as SVG; the first is ours."""
    values = bars["values"]
    most = max(values.values())
    height = TOP + len(values) * (BAR + GAP) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/><g font-size="13">',
        f'<text x="12" y="24" font-size="15" font-weight="bold">{escape(bars["title"])}, {escape(bars["unit"])}</text>',
    ]
    for place, (name, value) in enumerate(values.items()):
        y = TOP + place * (BAR + GAP)
        long = max(1.0, value / most * (WIDTH - LEFT - RIGHT))
        color = OTHERS if place else OURS
        parts.append(f'<text x="{LEFT - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{long:.1f}" height="{BAR}" fill="{color}"/>')
        parts.append(f'<text x="{LEFT + long + 6:.1f}" y="{y + 16}">{value:,.0f}</text>')
    return "\n".join([*parts, "</g></svg>\n"])


def write(runs: Sequence[Mapping[str, Any]], to: Path) -> None:
    """Write page and charts."""
    images = to.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    for figure in (figure for run in runs for figure in run["figures"]):
        for place, bars in _charts(figure):
            (images / _file(figure, place)).write_text(chart(bars), encoding="utf-8")
    to.write_text("".join(page(runs, images.name)), encoding="utf-8")


def main() -> int:
    """Write the page of files of results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--to", type=Path, default=PAGE, metavar="PAGE")
    given = parser.parse_args()
    write([json.loads(file.read_text(encoding="utf-8")) for file in given.results], given.to)
    return 0


if __name__ == "__main__":
    sys.exit(main())
