"""Documents loaded into one REST target by us, by drt and by a thread pool: `python -m benchmarks.load [--quick]`.

Each contestant is a process on one core, its clock starts when everything is imported. The target keeps a document
before it loses an answer; a document of which it then has two was made twice.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.documents import documents
from benchmarks.environments import compete, told
from benchmarks.measuring import Aim, Bars, Figure, Found, Table, in_turn, median, program, times, turns, versions
from benchmarks.target import Target, serving

MANY, USUAL = 32, 8
OURS, OURS_USUAL = f"mlc_pipelines, {MANY} calls at once", f"mlc_pipelines, {USUAL} at once (default)"
DRT, DRT_CUT = "drt, one sync", f"drt, cut into {USUAL} syncs"
POOL = f"httpx in {MANY} threads, three tries"
AIMED, RATIO, CALLS = 0.020, 8.0, 1.3
LOST = 0.01
ROUNDS = 3


def contestants(
    target: Target, source: Path, number: int, *, latency: float, lost: float
) -> Mapping[str, Callable[[], Found]]:
    """Name who loads, and how."""

    def ours(in_flight: int) -> Found:
        command = [sys.executable, "-m", "benchmarks.ours_load", target.url]
        return told([*command, "--documents", str(number), "--in-flight", str(in_flight)])

    runs = {
        OURS: partial(ours, MANY),
        OURS_USUAL: partial(ours, USUAL),
        DRT: partial(compete, "drt", "drt_load.py", str(source), target.url, "1"),
        DRT_CUT: partial(compete, "drt", "drt_load.py", str(source), target.url, str(USUAL)),
        POOL: partial(compete, "bare", "pool_load.py", str(source), target.url, str(MANY)),
    }

    def judged(run: Callable[[], Found]) -> Found:
        target.rules(latency=latency, lost=lost)
        found = run()
        count = target.count()
        if count["references"] != number:
            raise RuntimeError(f"{count['references']} of {number} documents arrived: {found}")
        return found | {"twice": count["documents"] - count["references"], "lost": count.get("lost", 0),
                        "calls": count["creates"] + count.get("looks", 0)}  # fmt: skip

    return {name: partial(judged, run) for name, run in runs.items()}


def measure(quick: bool) -> Figure:
    """Compare rates at 0, 20 and 200 ms (a quick run: 20), then what lost answers do."""
    number = 150 if quick else 5000
    # At 200 ms drt waits for minutes and does nothing else: once is enough, and so are fewer.
    numbers = {AIMED: number} if quick else {0.0: number, AIMED: number, 0.2: number // 5}
    runs: dict[float, dict[str, list[Found]]] = {}
    with serving() as target, tempfile.TemporaryDirectory() as folder:
        for latency, many in numbers.items():
            rounds = 1 if quick or latency > AIMED else ROUNDS
            source = _written(Path(folder), many)
            runs[latency] = in_turn(contestants(target, source, many, latency=latency, lost=0), rounds)
        lossy = in_turn(contestants(target, _written(Path(folder), number), number, latency=AIMED, lost=LOST), 1)
    tables = [_rates(latency, found, numbers[latency]) for latency, found in runs.items()]
    return Figure(
        "load",
        f"Load: {number:,} documents into a REST target, on one core",
        [*tables, _losses(lossy, number)],
        [
            Bars(
                "Load, 20 ms latency",
                "documents/s",
                {name: _rate(found, number) for name, found in runs[AIMED].items()},
            )
        ],
        _aims(runs[AIMED], lossy, number),
        _notes(),
        versions(runs[AIMED]),
    )


def _written(folder: Path, number: int) -> Path:
    source = folder / f"{number}.json"
    source.write_text(json.dumps(documents(number)))
    return source


def _rate(runs: Sequence[Found], number: int) -> float:
    return number / median(runs, "seconds")


def _rates(latency: float, runs: Mapping[str, Sequence[Found]], number: int) -> Table:
    mine = _rate(runs[OURS], number)
    rows = []
    for name, found in runs.items():
        rate, cpu = _rate(found, number), median(found, "cpu") / number * 1e3
        calls = f"{median(found, 'calls') / number:.2f}"
        rows.append([name, f"{rate:,.0f}", f"{cpu:.2f}", times(mine / rate), calls])
    head = ["", "documents/s", "CPU ms a document", f"{MANY} at once are", "calls a document"]
    return Table(f"latency {latency * 1000:.0f} ms, {number:,} documents, {turns(len(runs[OURS]))}", head, rows)


def _losses(runs: Mapping[str, Sequence[Found]], number: int) -> Table:
    rows = [
        [name, f"{found['lost']}", f"{found['twice']}", f"{number / found['seconds']:,.0f}"]
        for name, (found,) in runs.items()
    ]
    head = ["", "lost", "made twice", "documents/s"]
    return Table(f"{LOST:.0%} of answers lost, latency {AIMED * 1000:.0f} ms", head, rows)


def _aims(aimed: Mapping[str, Sequence[Found]], lossy: Mapping[str, Sequence[Found]], number: int) -> list[Aim]:
    ratio = _rate(aimed[OURS], number) / _rate(aimed[DRT], number)
    twice = {name: found["twice"] for name, (found,) in lossy.items()}
    theirs = ", ".join(f"{name} {twice[name]}" for name in (DRT, DRT_CUT, POOL))
    mine = twice[OURS] + twice[OURS_USUAL]
    calls = max(found["calls"] for name in (OURS, OURS_USUAL) for found in lossy[name]) / number - 1
    return [
        Aim(f"at least {RATIO:.0f} x drt at 20 ms latency", times(ratio), ratio >= RATIO),
        Aim(f"at most {CALLS} calls a document on top of the look-up", f"{calls:.2f}", calls <= CALLS),
        Aim("no document twice where answers are lost", f"ours {mine}; {theirs}", mine == 0),
    ]


def _notes() -> list[str]:
    return [
        "Ours walks the whole road: collected, translated, announced, looked up, sent, written down; two calls each.",
        "drt sends one record after the other; its pacing is off; it tries thrice, a second apart, without looking.",
    ]


if __name__ == "__main__":
    sys.exit(program(["load"], [measure], __doc__))
