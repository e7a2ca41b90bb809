"""Supplier invoices from IFS to Ramp, the whole road against simulators over HTTP: `python -m benchmarks.road`.

First as fast as it goes: documents a second, CPU and memory by stage, bytes in the ledger. Then under the limits of
both systems with 200 ms to an answer: how much of each budget is used, and that it is never exceeded.
MLC_BENCHMARK_INVOICES sets how many invoices the first part has.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.filled import STAGES, size_of
from benchmarks.measuring import Aim, Figure, Table, program
from mlc_pipelines.integrations.house import House

NAME, FLOW = "tenant_1", "bills"
BEFORE = ("gl_accounts", "dimensions", "accounting_vendors", "vendors")
CALLS_A_MINUTE, LATENCY, IN_FLIGHT = 1000, 0.2, 8
LIMITS = {"ifs": (CALLS_A_MINUTE, 60.0), "ramp": (200, 10.0)}
LEAST_SHARE, MOST_CALLS = 0.95, 1.3
BURST = 10
READS = {"GET", "token"}


@dataclass(frozen=True)
class Passed:
    """One stage: what it took, and what both systems were asked meanwhile."""

    stage: str
    documents: int
    seconds: float
    cpu: float
    peak_mib: float
    asked: Mapping[str, Any]


def measure(quick: bool) -> Figure:
    """Measure both parts."""
    free = int(os.environ.get("MLC_BENCHMARK_INVOICES", "300" if quick else "100000"))
    fast, bytes_each = _carried(free)
    slow, _ = _carried(60 if quick else 1500, calls_a_minute=CALLS_A_MINUTE, latency=LATENCY)
    shares = [_budget(passed, system) for passed in slow for system in LIMITS if _counts(passed, system)]
    deliver = next(passed for passed in slow if passed.stage == "deliver")
    return Figure(
        "road",
        f"Road: {free:,} supplier invoices from IFS to Ramp",
        [
            Table(
                "as fast as it goes", ("", "documents", "documents/s", "CPU ms each", "peak MiB"), [*map(_line, fast)]
            ),
            Table(
                "calls a document", ("", "IFS reads", "IFS writes", "Ramp reads", "Ramp writes"), [*map(_calls, slow)]
            ),
            Table(
                f"with {CALLS_A_MINUTE} calls a minute to IFS, 200 in 10 s to Ramp, {LATENCY * 1000:.0f} ms an answer",
                ("", "calls", "share of the budget", "most in a window", "refused"),
                [share[:-2] for share in shares],
            ),
        ],
        aims=_aims(shares, deliver),
        notes=[
            f"The ledger takes {bytes_each:,.0f} bytes a document.",
            "The simulators run in a process of their own.",
        ],
    )


def _carried(invoices: int, **limits: float) -> tuple[list[Passed], float]:
    """Carry all invoices; what went wrong by the simulators' own books is a SystemExit."""
    with tempfile.TemporaryDirectory() as made, office(Path(made) / "home", invoices=invoices, **limits) as told:
        environ, ask = told
        with House.open(os.environ | environ) as house, house.session(NAME) as session:
            for flow in BEFORE:
                road = house.road(session, NAME, flow)
                for stage in ("collect", "translate", "deliver"):
                    STAGES[stage](road)
            ask()
            road = house.road(session, NAME, FLOW)
            passed = [_pass(name, road, ask) for name in STAGES]
            sent = sum(
                each.count for each in house.ledger.books(NAME).reports.sums(flow=FLOW) if each.place == "delivered"
            )
            size = size_of(house.ledger.engine) / invoices
        there = passed[-1].asked
        if there["twice"] or there["there"] != sent or sent < invoices * 0.7:  # some of the sandbox's are held
            raise SystemExit(f"{there['there']} bills in Ramp, {sent} by the ledger; twice: {there['twice'][:3]}")
    return passed, size


@contextmanager
def office(folder: Path, **options: float) -> Iterator[tuple[dict[str, str], Callable[[], dict[str, Any]]]]:
    """Start `benchmarks.office`; give the environment of its installation, and what asks it."""
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", f"{value}")]
    command = [sys.executable, "-m", "benchmarks.office", str(folder), *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        line, answers = process.stdin, process.stdout

        def ask() -> dict[str, Any]:
            line.write("\n")
            line.flush()
            told: dict[str, Any] = json.loads(answers.readline())
            return told

        try:
            yield json.loads(answers.readline()), ask
        finally:
            line.close()


def _pass(name: str, road: Any, ask: Any) -> Passed:
    began, worked = time.perf_counter(), time.process_time()
    tally = STAGES[name](road)
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    if tally.interrupted:
        raise SystemExit(f"{name}: {tally.interrupted}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    number = max(tally.counts.get(what, 0) for what in ("new", "translated", "landed"))
    print(f"  {name}: {number} in {seconds:.1f} s", file=sys.stderr, flush=True)
    return Passed(name, number, seconds, cpu, peak, ask())


def _line(passed: Passed) -> list[str]:
    each = passed.cpu / passed.documents * 1000
    rate = passed.documents / passed.seconds
    return [passed.stage, f"{passed.documents:,}", f"{rate:,.0f}", f"{each:.2f}", f"{passed.peak_mib:,.0f}"]


def _counts(passed: Passed, system: str) -> int:
    return sum(passed.asked[system]["calls"].values())


def _calls(passed: Passed) -> list[str]:
    row = [passed.stage]
    for system in LIMITS:
        calls = passed.asked[system]["calls"]
        reads = sum(number for kind, number in calls.items() if kind in READS)
        row += [f"{number / passed.documents:.2f}" for number in (reads, sum(calls.values()) - reads)]
    return row


def _budget(passed: Passed, system: str) -> list[Any]:
    """Tell how much of a budget a stage used while it had work, and the most calls that any window held."""
    limit, window = LIMITS[system]
    times: Sequence[float] = passed.asked[system]["times"]
    steady = times[BURST:-IN_FLIGHT]  # after the burst at the start, and before the last calls, when others have ended
    share = (len(steady) - 1) / ((steady[-1] - steady[0]) * limit / window) if len(steady) > 1 else 0.0
    first = most = 0
    for last, at in enumerate(times):
        while times[first] <= at - window:
            first += 1
        most = max(most, last - first + 1)
    refused = passed.asked[system]["calls"].get("429", 0)
    name = f"{passed.stage}: {'IFS' if system == 'ifs' else 'Ramp'}"
    return [
        name,
        f"{len(times):,}",
        f"{share:.1%}",
        f"{most} of {limit}",
        f"{refused}",
        share,
        most <= limit and not refused,
    ]


def _aims(shares: Sequence[Sequence[Any]], deliver: Passed) -> list[Aim]:
    busy = [share for share in shares if int(share[1].replace(",", "")) >= 100]
    least = min(share[-2] for share in busy)
    calls = deliver.asked["ramp"]["calls"]
    writes = sum(number for kind, number in calls.items() if kind not in READS) / deliver.documents
    return [
        Aim(f"at least {LEAST_SHARE:.0%} of each budget is used", f"{least:.1%} at least", least >= LEAST_SHARE),
        Aim("no budget is exceeded in any window", "never", all(share[-1] for share in shares)),
        Aim(
            f"at most {MOST_CALLS} calls a posted document on top of the look-up", f"{writes:.2f}", writes <= MOST_CALLS
        ),
    ]


if __name__ == "__main__":
    sys.exit(program(["road"], [measure], __doc__))
