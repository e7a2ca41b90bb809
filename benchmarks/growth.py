"""What a record, a poll and a question cost on a small ledger and on a large one: `python -m benchmarks.growth`.

Both ledgers are worked in turn, so that whatever else the machine does meets both; a ratio is the median of the
ratios of the rounds. MLC_BENCHMARK_LEDGERS names a folder that keeps the ledgers for another time: a million records
take a while. MLC_TEST_DATABASE=postgres measures PostgreSQL, MLC_BENCHMARK_KEYS=ordered keys in order.
"""

import gzip
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from benchmarks.filled import BLOCK, CONNECTION, FLOW, STAGES, Desk, carried, fill, furnished, key_of, size_of, unused
from benchmarks.measuring import Aim, Figure, Table, program
from benchmarks.processes import ran
from mlc_pipelines.flows.road import Road
from mlc_pipelines.integrations.house import House
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines_tests.databases import USUAL, address

MOST_RATIO, MOST_STATUS_SECONDS = 1.2, 1.0
RECORD = "a record, received to confirmed"
COMMANDS = {
    "mlc status": ("status", "--json"),
    "mlc holds": ("holds", "--json"),
    "mlc trail": ("trail", CONNECTION, key_of(501), "--json"),
}
COLUMNS = ("", "small, ms", "large, ms", "ratio", "small, CPU ms", "large, CPU ms", "CPU ratio")


@dataclass
class Place:
    """One ledger, and what was measured on it: seconds by what was done, one number a round."""

    entries: int
    environ: dict[str, str]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def timed(self, what: str, work: Callable[[], object], *, share: int = 1) -> None:
        """Do something, and note what it took, by each of `share` records."""
        began, worked = time.perf_counter(), time.process_time()
        work()
        self.noted(what, (time.perf_counter() - began) / share, (time.process_time() - worked) / share)

    def noted(self, what: str, seconds: float, cpu: float) -> None:
        """Note what something took."""
        self.seconds.setdefault(what, []).append(seconds)
        self.cpu.setdefault(what, []).append(cpu)


def measure(quick: bool) -> Figure:
    """Measure both ledgers, and what a pruning leaves of one."""
    sizes, rounds, records = ((2 * BLOCK, 20 * BLOCK), 1, 100) if quick else ((10 * BLOCK, 1000 * BLOCK), 7, 500)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(os.environ.get("MLC_BENCHMARK_LEDGERS", made))
        small, large = (_place(folder / f"{USUAL}-{size}", size) for size in sizes)
        for number in range(rounds):
            numbers = unused(records)
            for place in (small, large) if number % 2 else (large, small):
                _work(place, numbers)
        with House.open(large.environ) as house:
            size = size_of(house.ledger.engine)
        retention = _retention(Path(made) / "old", BLOCK if quick else 10 * BLOCK)
    return Figure(
        "growth",
        f"Growth: {small.entries:,} and {large.entries:,} records in the ledger, and retention",
        [
            Table(
                f"medians of {rounds} rounds in turn, {records} records each, {USUAL}",
                COLUMNS,
                [[what, *_told(small, large, what)] for what in small.seconds],
            ),
            Table("retention: a record before and after it is pruned", ("", ""), retention),
        ],
        aims=_aims(small, large),
        notes=[f"The large ledger takes {size / large.entries:,.0f} bytes a record, before retention."],
        versions={"sqlalchemy": version("sqlalchemy")},
    )


def _place(folder: Path, size: int) -> Place:
    kept = folder / "environment"
    if kept.exists():
        lines = kept.read_text(encoding="utf-8").splitlines()
        return Place(size, {**os.environ, **dict(line.split("=", 1) for line in lines)})
    folder.mkdir(parents=True)
    environ = furnished(folder, address(folder))
    with House.open(environ) as house:
        fill(house, size)
    ours = [f"{name}={value}" for name, value in environ.items() if os.environ.get(name) != value]
    kept.write_text("\n".join(ours), encoding="utf-8")
    return Place(size, environ)


def _work(place: Place, numbers: range) -> None:
    """Carry new records, poll for nothing, and ask."""
    place.timed("open the house", lambda: House.open(place.environ).close())
    with House.open(place.environ) as house:
        books = house.ledger.books(CONNECTION)
        road = Road(Desk(numbers), house.ledger, books)
        for name, stage in STAGES.items():
            place.timed(f"  {name}", lambda stage=stage: stage(road), share=len(numbers))  # type: ignore[misc]  # bound now
        for told in (place.seconds, place.cpu):
            told.setdefault(RECORD, []).append(sum(told[f"  {name}"][-1] for name in STAGES))
        idle = Road(Desk(), house.ledger, books)
        place.timed("a poll that finds nothing", lambda: [stage(idle) for stage in STAGES.values()])
        place.timed("sums and count of a run", lambda: (books.reports.sums(flow=FLOW), books.reports.miscounted(FLOW)))
        place.timed("holds by cause", books.reports.held)
    for name, arguments in COMMANDS.items():
        ended = ran(["-m", "mlc_pipelines.cli", *arguments], place.environ, codes=(0, 1))
        place.noted(name, ended.seconds, ended.cpu_seconds)


def _ratio(small: Sequence[float], large: Sequence[float]) -> float:
    return float(statistics.median(after / before for before, after in zip(small, large, strict=True) if before))


def _told(small: Place, large: Place, what: str) -> list[str]:
    told = []
    for before, after in ((small.seconds[what], large.seconds[what]), (small.cpu[what], large.cpu[what])):
        told += [f"{statistics.median(each) * 1000:,.2f}" for each in (before, after)]
        told.append(f"{_ratio(before, after):.2f}")
    return told


def _aims(small: Place, large: Place) -> list[Aim]:
    ratio = _ratio(small.seconds[RECORD], large.seconds[RECORD])
    cpu = _ratio(small.cpu[RECORD], large.cpu[RECORD])
    status = statistics.median(large.seconds["mlc status"])
    return [
        Aim(
            f"a record costs at most {MOST_RATIO} times as much on the large ledger",
            f"{ratio:.2f} by the clock, {cpu:.2f} by the processor",
            max(ratio, cpu) <= MOST_RATIO,
        ),
        Aim(
            f"mlc status takes at most {MOST_STATUS_SECONDS:.0f} s there",
            f"{status:.2f} s",
            status <= MOST_STATUS_SECONDS,
        ),
    ]


class _YearAgo(SystemClock):
    """The machine's clock, four hundred days back."""

    def now(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC) - timedelta(days=400)


def _retention(folder: Path, entries: int) -> list[list[str]]:
    """Carry records a year ago, prune them today: what a record takes before and after, and how long it takes."""
    folder.mkdir()
    environ = furnished(folder, address(folder))
    with House.open(environ, clock=_YearAgo()) as house:
        for first in range(0, entries, BLOCK):
            carried(house, range(first, first + BLOCK))
    archive = folder / "archive.jsonl.gz"
    with House.open(environ) as house:
        before = size_of(house.ledger.engine)
        began = time.perf_counter()
        done = house.ledger.retention.prune(timedelta(days=100), archive)
        seconds = time.perf_counter() - began
        wrong = list(house.ledger.audit.verify())
        _give_back(house.ledger.engine)
        after = size_of(house.ledger.engine)
    with gzip.open(archive) as lines:
        archived = sum(1 for line in lines if line.startswith(b'{"entry"'))
    if wrong or done.findings or done.entries != archived or done.entries < entries * 0.98:  # what is held stays
        raise SystemExit(f"{done.entries} of {entries} pruned, {archived} archived; {wrong or done.findings}")
    return [
        ["records pruned", f"{done.entries:,} of {entries:,}"],
        ["records/s", f"{done.entries / seconds:,.0f}"],
        ["bytes a record before", f"{before / entries:,.0f}"],
        ["bytes a record after", f"{after / entries:,.0f}"],
        ["bytes a record in the archive", f"{archive.stat().st_size / done.entries:,.0f}"],
    ]


def _give_back(engine: Engine) -> None:
    """Let the database return what is free to the disk, outside any transaction."""
    pooled = engine.raw_connection()
    try:
        driver: Any = pooled.driver_connection
        if USUAL == "postgres":
            driver.autocommit = True
        driver.execute("VACUUM" if USUAL == "sqlite" else "VACUUM FULL")
    finally:
        pooled.invalidate()


if __name__ == "__main__":
    sys.exit(program(["growth"], [measure], __doc__))
