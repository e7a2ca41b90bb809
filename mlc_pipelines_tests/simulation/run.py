"""One simulation: a script that a seed writes, then calm, then the account of every document."""

import functools
import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select

from mlc_pipelines.errors import MlcError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.road import Choice, Road
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger.database import open_engine, reading
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.states import State
from mlc_pipelines.ledger.tables import events
from mlc_pipelines_tests.databases import address
from mlc_pipelines_tests.flows.world import Paper, TestClock
from mlc_pipelines_tests.simulation.office import BadRoad, Target
from mlc_pipelines_tests.simulation.turns import InTurn, Worker

STEPS = 40
MOST_PASSES = 5
LEAST_PASSES = 2
AN_HOUR = 3600.0
_engine = functools.cache(functools.partial(open_engine, durable=False))
"""One for each file: an engine compiles its statements once, for one simulation after the other."""


@dataclass(frozen=True)
class Told:
    """What a simulation came to: the hash of its event log, and what is wrong."""

    seed: int
    log: str
    wrong: tuple[str, ...]


class Simulation:
    """Two workers of one connection, a source that changes and a target that answers badly."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.clock = TestClock()
        self.weather = self.chance.choice([0.0, 0.1, 0.3, 0.5])
        self.ledger = Ledger(_engine(address(folder, kind="sqlite")), self.clock)
        self.paper = Paper(**{f"D{number}": f"{number}.00" for number in range(1, 4)})
        self.target = Target()
        self.at_work: list[Worker | None] = [None, None]
        self.buried: list[Worker] = []
        self.strange: list[str] = []

    def go(self) -> Told:
        """Play the script, let the weather clear, and count."""
        for _ in range(STEPS):
            self._step()
        self.weather = 0.0
        for number in (0, 1):
            self._finish(number)
        self._settle()
        told = Told(self.seed, self._log(), (*self.strange, *self._wrong()))
        for worker in self.buried:
            worker.bury()
        self.ledger.engine.dispose()
        return told

    # The script

    def _step(self) -> None:
        what = self.chance.choices(
            ["turn", "start", "edit", "new", "kill", "sleep", "account", "weather"], [50, 12, 8, 5, 4, 6, 4, 3]
        )[0]
        acts: dict[str, Callable[[], None]] = {
            "turn": self._turn,
            "start": self._start,
            "edit": self._edit,
            "new": self._new,
            "kill": self._kill,
            "sleep": lambda: self.clock.sleep(self.chance.choice([1.0, 30.0, 61.0, 100.0])),
            "account": self._account,
            "weather": self._change_weather,
        }
        acts[what]()

    def _change_weather(self) -> None:
        self.weather = self.chance.choice([0.0, 0.2, 0.6])

    def _start(self) -> None:
        number = self.chance.randrange(2)
        if self.at_work[number] is None:
            self.at_work[number] = Worker(self._pass)

    def _turn(self) -> None:
        number = self.chance.randrange(2)
        worker = self.at_work[number]
        for _ in range(self.chance.randrange(1, 12)):
            if worker is not None and not worker.is_done:
                worker.turn()
        if worker is not None and worker.is_done:
            self._note(worker)
            self.at_work[number] = None

    def _kill(self) -> None:
        """Let a worker stop where it stands, for ever."""
        number = self.chance.randrange(2)
        worker = self.at_work[number]
        if worker is not None:
            self.buried.append(worker)
            self.at_work[number] = None

    def _edit(self) -> None:
        key = self.chance.choice(sorted(self.paper.documents))
        self.paper.write(key, amount=f"{self.chance.randrange(1, 999)}.00")

    def _new(self) -> None:
        self.paper.write(f"N{len(self.paper.documents)}", amount=f"{self.chance.randrange(1, 999)}.00")

    def _account(self) -> None:
        key = self.chance.choice(sorted(self.paper.documents))
        self.paper.write(key, account=self.chance.choice(["4010", "4010", "9999", "none"]))

    # The workers

    def _pass(self, worker: Worker) -> None:
        for stage in (collect, translate, deliver, confirm):
            stage(self._road(worker))

    def _road(self, worker: Worker | None) -> Road:
        pause = worker.checkpoint if worker is not None else lambda: None
        flow = BadRoad(
            self.paper,
            self.target,
            chance=self.chance,
            clock=self.clock,
            weather=lambda: self.weather,
            checkpoint=pause,
        )
        books = self.ledger.books("acme")
        return Road(flow, self.ledger, books, calls_in_flight=2, watch=lambda _step, _n: pause(), workers=InTurn)

    def _finish(self, number: int) -> None:
        worker = self.at_work[number]
        while worker is not None and not worker.is_done:
            worker.turn()
        if worker is not None:
            self._note(worker)

    def _note(self, worker: Worker) -> None:
        if worker.error is not None and not isinstance(worker.error, MlcError):
            self.strange.append(f"a worker ended with {worker.error!r}")

    def _settle(self) -> None:
        log = ""
        for number in range(MOST_PASSES):
            before, log = log, self._log()
            if number > LEAST_PASSES and log == before:
                return
            self.clock.sleep(AN_HOUR)
            road = self._road(None)
            if number == 1:  # somebody puts back what the bad weather had refused
                deliver(replace(road), Choice(reason="the weather has cleared", causes=("rejected_by_target",)))
            for stage in (collect, translate, deliver, confirm):
                stage(road)

    # The account

    def _wrong(self) -> Iterator[str]:
        books = self.ledger.books("acme")
        entries = {entry.key: entry for entry in books.reports.select(flow="papers", limit=1000)}
        for key, document in self.paper.documents.items():
            entry = entries.get(key)
            if entry is None:
                yield f"{key} is lost"
            elif document["account"] == "4010" and entry.state is not State.CONFIRMED:
                yield f"{key} is {entry.state.value} ({entry.problem})"
            elif document["account"] == "4010" and self.target.kept.get(key) != document["amount"]:
                yield f"{key} is {document['amount']} in the source and {self.target.kept.get(key)} in the target"
            elif document["account"] == "9999" and entry.state is not State.HELD:
                yield f"{key} has no account and is {entry.state.value}"
        yield from (f"{key} was made {count} times" for key, count in self.target.creates.items() if count != 1)
        yield from (f"{flow}: {count} writes of unknown outcome" for flow, count in books.intents.count_open().items())
        yield from (f"{finding.where}: {finding.what}" for finding in self.ledger.audit.verify())

    def _log(self) -> str:
        with reading(self.ledger.engine) as connection:
            told = connection.execute(select(events.c.hash).order_by(events.c.id)).scalars()
            return hashlib.sha256("".join(told).encode()).hexdigest()


def simulate(seed: int, folder: Path) -> Told:
    """Play the simulation of a seed in a folder, which is as empty afterwards as before."""
    told = Simulation(seed, folder).go()
    for file in folder.glob("mlc.db*"):
        file.unlink()
    return told
