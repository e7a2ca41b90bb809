"""The state machine: what people, time and bad luck can do, in any order; at the end everything comes to rest."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import func, select

from mlc_pipelines.errors import MlcError
from mlc_pipelines.flows.closing import close
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.road import Choice, Road
from mlc_pipelines.flows.translating import put_back, translate
from mlc_pipelines.ledger.database import open_engine, reading
from mlc_pipelines.ledger.leases import LEASE_SECONDS
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.states import State
from mlc_pipelines.ledger.tables import events
from mlc_pipelines_tests.backups import back_up, bring_back
from mlc_pipelines_tests.databases import address
from mlc_pipelines_tests.flows.world import TestClock
from mlc_pipelines_tests.machine.flows import Papers, Payments
from mlc_pipelines_tests.machine.office import FAULTS, SETTLE_SECONDS, SOURCE, TARGET, Document, Office
from mlc_pipelines_tests.machine.oracle import Oracle
from mlc_pipelines_tests.simulation.turns import InTurn, Worker

STAGES = {"collect": collect, "translate": translate, "deliver": deliver, "confirm": confirm}
PARTS = (("collect",), ("collect", "translate"), ("translate", "deliver"), ("deliver", "confirm"))
ACCOUNTS = ("4010", "4020", "9999")
PERIODS = ("P1", "P2", "P3")
AN_HOUR = 3600.0
MOST_PASSES = 6
A_PERSONS_MATTER = ("rejected_by_target", "changed_elsewhere")
SETTLED_BY_HAND = ("changed_after_delivery", "cancelled_after_delivery")
FAST = "/dev/shm"  # databases that live for a second

documents = st.integers(0, 5)
amounts = st.integers(1, 9)
accounts = st.sampled_from(ACCOUNTS)
periods = st.sampled_from(PERIODS)
weathers = st.lists(st.sampled_from(("", "", *FAULTS)), max_size=8)
"""What happens to the first calls of a pass; those after go well."""


class RoadMachine(RuleBasedStateMachine):
    """One connection with two flows, worked by one worker at a time, who may die anywhere."""

    database: ClassVar[str] = "sqlite"
    played: ClassVar[Counter[str]] = Counter()  # for the figures of the long run

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=FAST if Path(FAST).is_dir() else None))
        url = address(self.folder, kind=self.database, name="ledger.db")
        self.ledger = Ledger(open_engine(url, durable=False), TestClock())
        self.books = self.ledger.books("acme")
        self.office = Office(self.clock)
        self.accounts = {"4010": "A1", "4020": "A2"}
        self.oracle = Oracle(self.office, self.accounts)
        self.backup: Path | None = None
        self.left: list[Worker] = []
        self.played["programs"] += 1

    @property
    def clock(self) -> TestClock:
        clock = self.ledger.clock
        assert isinstance(clock, TestClock)
        return clock

    def _any(self, number: int) -> str:
        keys = list(self.office.documents)
        return keys[number % len(keys)]

    def _has_documents(self) -> bool:
        return bool(self.office.documents)

    @invariant()
    def counted(self) -> None:
        """Each step counts."""
        self.played["steps"] += 1

    # People at the source

    @rule(amount=amounts, account=accounts, period=periods)
    def create(self, amount: int, account: str, period: str) -> None:
        """A document is written."""
        key = f"D{len(self.office.documents) + 1}"
        self.office.documents[key] = Document(key, amount, account, period)
        self.oracle.written(key)

    @precondition(_has_documents)
    @rule(number=documents, amount=amounts, account=accounts, period=periods)
    def edit(self, number: int, amount: int, account: str, period: str) -> None:
        """A document is changed, unless it is void."""
        key = self._any(number)
        if not self.office.documents[key].void:
            self.office.touch(key, amount=amount, account=account, period=period)
            self.oracle.written(key)

    @precondition(_has_documents)
    @rule(number=documents)
    def void(self, number: int) -> None:
        """A document is cancelled."""
        self.office.touch(self._any(number), void=True)

    @precondition(_has_documents)
    @rule(number=documents)
    def re_export(self, number: int) -> None:
        """A document is exported anew as it is."""
        self.office.touch(self._any(number))

    # People at the target, and those who set things up

    @precondition(lambda self: self.office.bills)
    @rule(number=documents)
    def pay(self, number: int) -> None:
        """A bill is paid."""
        bills = list(self.office.bills)
        self.office.pay(bills[number % len(bills)])

    @rule(account=accounts, to=st.sampled_from((None, "A1", "A3")))
    def remap(self, account: str, to: str | None) -> None:
        """The table of accounts is changed."""
        self.accounts.pop(account, None)
        if to is not None:
            self.accounts[account] = to
        self.oracle.noticed()

    @rule(period=periods)
    def close_or_open(self, period: str) -> None:
        """A period is closed, or opened again."""
        self.office.open_periods ^= {period}
        self.oracle.noticed()

    @rule(side=st.sampled_from((SOURCE, TARGET)))
    def expire(self, side: str) -> None:
        """A token expires, and refreshing it does not help until somebody renews it."""
        self.office.expired ^= {side}

    @rule(seconds=st.sampled_from((1.0, LEASE_SECONDS + 1, SETTLE_SECONDS + 1)))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.sleep(seconds)

    # Work

    @rule(weather=weathers)
    def work(self, weather: list[str]) -> None:
        """A whole pass."""
        self._go(weather, *STAGES)

    @rule(stages=st.sampled_from(PARTS), weather=weathers)
    def work_partly(self, stages: Sequence[str], weather: list[str]) -> None:
        """Some stages."""
        self._go(weather, *stages)

    @rule(turns=st.integers(1, 20), weather=weathers)
    def crash(self, turns: int, weather: list[str]) -> None:
        """A worker stops for ever somewhere on the way; its lease ends."""
        self.office.weather = weather
        worker = Worker(lambda worker: self._pass(tuple(STAGES), pause=worker.checkpoint))
        self.office.pause = worker.checkpoint
        for _ in range(turns):
            worker.turn()
        self.office.pause = lambda: None
        self.left.append(worker)
        self.played["crashes"] += not worker.is_done
        self._look(worker.error)
        self.clock.sleep(LEASE_SECONDS + 1)

    @rule(causes=st.sampled_from(((), A_PERSONS_MATTER)))
    def replay(self, causes: tuple[str, ...]) -> None:
        """Somebody puts back what is held; the next pass takes it."""
        for flow in (Papers.name, Payments.name):
            put_back(self.books, flow, Choice(reason="looked at", causes=causes), None)

    @rule()
    def close(self) -> None:
        """Somebody has settled by hand what came when the target was final, and closes it."""
        held = self.books.reports.select(flow=Papers.name, states=[State.HELD], causes=SETTLED_BY_HAND)
        close(self.books, held, Choice(reason="settled by hand"))
        self.oracle.settled(held)
        self.played["closed"] += len(held)

    @rule()
    def back_up(self) -> None:
        """The ledger is backed up."""
        self.backup = self.folder / "backup"
        back_up(self.ledger.engine, self.backup)

    @precondition(lambda self: self.backup is not None)
    @rule()
    def restore(self) -> None:
        """Everybody stops, the backup is restored, and nobody works until no lost write can be performed any more."""
        assert self.backup is not None
        self.played["restores"] += 1
        self.clock.sleep(SETTLE_SECONDS + 1)
        self.office.arrive()
        bring_back(self.ledger.engine, self.backup)
        self.oracle.restored()

    # How it is worked

    def _go(self, weather: list[str], *stages: str) -> None:
        self.office.weather = weather
        try:
            self._pass(stages)
        except MlcError as error:
            self._look(error)

    def _pass(self, stages: Sequence[str], *, pause: Callable[[], None] = lambda: None) -> None:
        self.played["passes"] += 1
        for stage in stages:
            STAGES[stage](self._road(Papers.name, pause=pause))
        if any(bill.paid for bill in self.office.bills.values()):
            for stage in [stage for stage in stages if stage != "confirm"]:
                STAGES[stage](self._road(Payments.name, pause=pause))

    def _road(self, name: str, *, pause: Callable[[], None] = lambda: None) -> Road:
        dictionary = self.books.dictionary
        flow = (
            Papers(self.office, dictionary, self.accounts) if name == Papers.name else Payments(self.office, dictionary)
        )
        return Road(flow, self.ledger, self.books, calls_in_flight=2, watch=lambda _step, _n: pause(), workers=InTurn)

    def _look(self, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, MlcError):
            raise error

    # The end

    def teardown(self) -> None:
        """Let everything come to rest, and ask the oracle."""
        try:
            self._rest()
            wrong = list(self.oracle.wrong(self.ledger))
            assert not wrong, "\n".join(wrong)
        finally:
            for worker in self.left:
                worker.bury()
            self.ledger.engine.dispose()
            shutil.rmtree(self.folder)

    def _rest(self) -> None:
        """Work in calm weather; what only a person can put back is put back once."""
        self.office.weather.clear()
        self.office.expired.clear()
        self._until_nothing_moves()
        if self.books.reports.select(states=[State.HELD], causes=A_PERSONS_MATTER):
            choice = Choice(reason="the weather has cleared", causes=A_PERSONS_MATTER)
            for flow in (Papers.name, Payments.name):  # as by Materialize, where put_back above is as by `mlc replay`
                deliver(self._road(flow), choice)
            confirm(self._road(Papers.name), choice)
            self._until_nothing_moves()

    def _until_nothing_moves(self) -> None:
        for _ in range(MOST_PASSES):
            before = self._events()
            self.clock.sleep(AN_HOUR)
            self.office.arrive()
            self._pass(tuple(STAGES))
            if self._events() == before:
                return
        raise AssertionError(f"{MOST_PASSES} passes, and something still moves")

    def _events(self) -> int:
        with reading(self.ledger.engine) as connection:
            return connection.execute(select(func.count()).select_from(events)).scalar_one()
