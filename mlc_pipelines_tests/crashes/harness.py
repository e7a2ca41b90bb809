"""An office whose workers are killed: orders to the warm parent, kills at every step, and the account afterwards."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import SecretStr

from mlc_pipelines.commands.playground import CALLS_A_MINUTE, open_playground
from mlc_pipelines.commands.verification import verify
from mlc_pipelines.integrations.catalogue import catalogue
from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.states import State
from mlc_pipelines.sandbox.office import Office, Sample
from mlc_pipelines.sandbox.offices.airbase import AirbaseOffice
from mlc_pipelines.sandbox.offices.bill import BillOffice
from mlc_pipelines.sandbox.offices.procurify import ProcurifyOffice
from mlc_pipelines.sandbox.offices.ramp import RampOffice
from mlc_pipelines.sandbox.offices.stampli import StampliOffice
from mlc_pipelines_tests.databases import USUAL, address

PLACES = ("MLC_HOME", "MLC_DATABASE_URL", "MLC_CONNECTIONS_DIR", "DAGSTER_HOME")
WRITING = ("deliver", "confirm")
READING = ("collect", "collect", "translate")  # a file is whole when it was seen twice
A_WHILE = 1800.0
MOST_KILLS = 200
NEWCOMER = "Nordtek Instruments"
MADE_BY_POLICY = {
    "airbase": {"new_vendors": "create"},
    "bill": {"new_vendors": "create"},
    "procurify": {"new_suppliers": "create"},
    "ramp": {"new_vendors": "create"},
    "stampli": {"vendor_create": True, "vendor_country": "US"},
}
"""Settings by which suppliers are made in IFS too, so that there are workers to kill while they do."""


@dataclass(frozen=True)
class Life:
    """What became of one worker."""

    killed: bool
    steps: tuple[str, ...]  # the last one is where it was killed

    @property
    def last(self) -> str:
        """Where it was killed."""
        return self.steps[-1]


class WarmParent:
    """The process that forks workers."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "mlc_pipelines_tests.crashes.worker"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def fork(self, order: Mapping[str, Any]) -> Life:
        """Let a worker live; AssertionError with its traceback when it ends otherwise than well or killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        assert told["killed"] or told["ended"] == 0, told["problem"] or told
        return Life(told["killed"], tuple(told["steps"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)


@dataclass
class Plant:
    """One office with its installation; whoever works there is a process of its own and may be killed."""

    office: Office
    parent: WarmParent
    environ: Mapping[str, str]
    ahead: float = 0.0  # seconds that the workers' clock is ahead of the machine's
    at_once: int = 1  # calls that a worker has under way
    deaths: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # by flow and stage

    @property
    def flows(self) -> dict[str, tuple[str, ...]]:
        """The flows in their order, with their stages."""
        cards = catalogue()[self.office.system].flows
        return {card.name: tuple(stage for stage, _ in card.assets.all()) for card in cards}

    def work(self, *work: tuple[str, Sequence[str]], kill_at: int = 0, kill_after: str | None = None) -> Life:
        """Let one worker work stages of flows; it is killed at the step of that number or name, if it comes so far."""
        order = {
            "environ": dict(self.environ),
            "connection": self.office.name,
            "work": work,
            "kill_at": kill_at,
            "kill_after": kill_after,
            "ahead": self.ahead,
            "at_once": self.at_once,
        }
        return self.parent.fork(order)

    def kill_at_every_step(self, flow: str, stage: str) -> None:
        """Kill a worker at its first step, the next one at its second, and so on until one comes through."""
        deaths = self.deaths.setdefault((flow, stage), [])
        while (life := self.work((flow, [stage]), kill_at=len(deaths) + 1)).killed:
            deaths.append(life.last)
            assert len(deaths) < MOST_KILLS, f"{flow}, {stage}: the road does not end"

    def kill_everywhere(self) -> None:
        """Let people act before each flow, and kill the workers of every stage that writes at every step."""
        for flow, stages in self.flows.items():
            self.office.act()
            self.work((flow, READING))
            for stage in WRITING:
                if stage in stages:
                    self.kill_at_every_step(flow, stage)

    def count(self, flow: str, state: State) -> int:
        """Count the records of a flow in a state, by the ledger."""
        with House.open(self.environ) as house:
            return house.ledger.books(self.office.name).entries.tally(flow).get(state, 0)

    def written(self, path: str) -> int:
        """Count the writes to a path that had effect, by the simulators' journals."""
        entries = [*self.office.ifs.journal.entries, *self.office.spend.journal.entries]
        return sum(1 for entry in entries if entry.effect and path in f"{entry.method} {entry.path}")

    def settle(self) -> None:
        """Work every flow to its end, until nothing waits for another or for later."""
        for _ in range(2):
            self.work(*((flow, (*READING, *stages[2:])) for flow, stages in self.flows.items()))
            self.ahead += A_WHILE

    def wrong(self) -> list[str]:
        """Hold the ledger against the simulators' books, and suppliers against each other."""
        names = Counter(row["Name"] for row in self.office.ifs.suppliers.values())
        known = Counter(supplier.name for supplier in self.office.world.suppliers)
        doubled = [f"supplier {name} stands {count} times" for name, count in names.items() if count > known[name] > 0]
        doubled += [f"supplier {name} was made {names[name]} times" for name in names if names[name] > 1 > known[name]]
        with House.open(self.environ) as house:
            return [*verify(house, self.office), *doubled]


def welcome(office: Office) -> None:
    """Let a vendor come into the spend system whom IFS does not know."""
    match office:
        case AirbaseOffice():
            office.airbase.people.create_vendor(NEWCOMER)
        case BillOffice():
            office.bill.people.create_vendor(NEWCOMER)
        case ProcurifyOffice():
            office.procurify.people.new_vendor(NEWCOMER)
        case RampOffice():
            office.ramp.people.add_vendor(NEWCOMER)
        case StampliOffice():
            for amount in ("100.00", "250.00"):
                office.stampli.people.receive_invoice("V-900", vendor_name=NEWCOMER, amount=amount)


@contextmanager
def open_plant(
    system: str, folder: Path, *, parent: WarmParent, invoices: int, seed: int = 3, kind: str = USUAL
) -> Iterator[Plant]:
    """Open an office whose lost writes settle at once, so that a restart may look at once."""
    before = {name: os.environ.get(name) for name in PLACES}
    try:
        with open_playground(folder, systems=[system], seed=seed, invoices=invoices) as playground:
            office = playground.offices[system]
            file = office.lay_out(folder / "connections", Sample(settle=0.0, calls_a_minute=CALLS_A_MINUTE))
            sections = yaml.safe_load(file.read_text(encoding="utf-8"))
            sections[system] |= MADE_BY_POLICY[system]
            file.write_text(yaml.safe_dump(sections, allow_unicode=True), encoding="utf-8")
            welcome(office)
            os.environ["MLC_DATABASE_URL"] = address(folder, kind=kind, name="crashes.db")
            with House.open() as house:
                for name, secret in office.all_secrets().items():
                    house.vault.set(name, SecretStr(secret))
            yield Plant(office, parent, {name: os.environ[name] for name in PLACES})
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
