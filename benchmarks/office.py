"""Offices (IFS and Ramp) in a process of their own, with an installation beside them; works for other benchmarks.

It prints the environment of the installation as one line of JSON, then answers each line on its standard input with
what has happened since the last one, and ends when the input does.
"""

import argparse
import json
import os
import sys
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from mlc_pipelines.commands.environment import use_home
from mlc_pipelines.integrations.house import House
from mlc_pipelines.sandbox.kernel.faults import Fault
from mlc_pipelines.sandbox.kernel.journal import Journal, JournalEntry
from mlc_pipelines.sandbox.office import Sample
from mlc_pipelines.sandbox.offices.ramp import RampOffice

UNLIMITED = 100_000
RAMP_CALLS = 200  # in ten seconds, as Ramp says


class Counted:
    """Counts what a simulator was asked, instead of keeping every request as its journal would."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._close = journal.close
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._times: list[float] = []
        setattr(journal, "close", self.close)  # noqa: B010  # mypy knows no methods that are replaced

    def close(self, entry: JournalEntry, *, status: int | None, effects: list[str]) -> None:
        """Count an answered request and forget it."""
        self._close(entry, status=status, effects=effects)
        with self._lock:
            self._journal.entries.remove(entry)
            kind = "token" if entry.path.endswith("/token") else entry.method
            self._calls["429" if status == 429 else kind] += 1
            self._times.append(entry.at.timestamp())

    def told(self) -> dict[str, Any]:
        """Give calls by kind and their times since the last time."""
        with self._lock:
            calls, times = dict(self._calls), sorted(self._times)
            self._calls.clear()
            self._times.clear()
        return {"calls": calls, "times": times}


def main() -> None:
    """Open, answer, and end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--offices", type=int, default=1, help="connections, each with its own IFS and Ramp")
    parser.add_argument("--invoices", type=int, required=True, help="of each")
    parser.add_argument("--calls-a-minute", type=int, default=UNLIMITED, help="of IFS; Ramp has its own 200 in 10 s")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each answer takes")
    given = parser.parse_args()
    database = os.environ.get("MLC_DATABASE_URL")
    use_home(given.folder)
    os.environ["MLC_DATABASE_URL"] = database or os.environ["MLC_DATABASE_URL"]
    with ExitStack() as stack, House.open() as house:
        offices = [stack.enter_context(_office(number, given)) for number in range(1, given.offices + 1)]
        counted = [(Counted(office.ifs.journal), Counted(office.ramp.journal)) for office in offices]
        for number, office in enumerate(offices, start=1):
            _lay_out(office, f"tenant_{number}", given, house)
        told = {name: value for name, value in os.environ.items() if name.startswith(("MLC_", "DAGSTER_"))}
        print(json.dumps(told), flush=True)
        for _ in sys.stdin:
            facts: dict[str, Any] = {"there": sum(len(office.sent()) for office in offices)}
            facts["twice"] = [line for office in offices for line in office.duplicates()]
            facts["ifs"], facts["ramp"] = (each.told() for each in counted[0])
            print(json.dumps(facts), flush=True)


def _office(number: int, given: argparse.Namespace) -> RampOffice:
    limited = given.calls_a_minute < UNLIMITED
    office = RampOffice(seed=number, invoices=given.invoices, calls_a_minute=given.calls_a_minute if limited else 0)
    if limited:
        office.ramp.calls.limit = RAMP_CALLS
    if given.latency:
        late = Fault("stall", seconds=given.latency)
        for faults in (office.ifs.faults, office.ramp.faults):
            setattr(faults, "before", lambda _request: late)  # noqa: B010  # as above
    return office


def _lay_out(office: RampOffice, tenant: str, given: argparse.Namespace, house: House) -> None:
    """Write the connection file of an office under a name, and thus with credentials and limits, of its own."""
    folder = given.folder / "connections"
    sample = Sample(calls_a_minute=given.calls_a_minute, patience=120.0)
    file = office.lay_out(folder, sample)
    text = file.read_text(encoding="utf-8").replace(office.name, tenant).replace("enabled: true", "enabled: false")
    if given.calls_a_minute == UNLIMITED:
        text = text.replace("\nramp:\n", f"\nramp:\n  requests_per_10_seconds: {UNLIMITED}\n")
    file.unlink()
    (folder / f"{tenant}.yaml").write_text(text, encoding="utf-8")
    for table in office.tables():
        (folder / table).rename(folder / table.replace(office.name, tenant))
    for name, value in office.all_secrets().items():
        house.vault.set(name.replace(office.name, tenant), SecretStr(value))


if __name__ == "__main__":
    main()
