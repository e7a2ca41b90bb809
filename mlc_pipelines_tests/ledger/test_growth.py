"""Growth: what is done all day long costs the same on a small ledger and on a large one.

Counted in steps of SQLite's own machine, which are the same on every computer.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.database import open_engine, upgrade, writing
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.moves import Move
from mlc_pipelines.ledger.records import Landed
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.ledger.tables import inbox
from mlc_pipelines_tests.flows.world import TestClock
from mlc_pipelines_tests.ledger.builders import FLOW, record

SMALL, LARGE = 300, 6000
BATCH = 300
STEPS = 10
DAY = date(2020, 1, 1)
DETAIL = {"payload": digest(b"{}")}
MOMENT = datetime(2026, 11, 20, tzinfo=UTC)
HELD = {"cause": "account_unmapped", "cause_key": "account:4010", "problem": "no such account"}


class Meter:
    """Counts the steps of every connection of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.books = ledger.books("acme")
        self.steps = 0
        event.listen(ledger.engine, "connect", lambda line, _: line.set_progress_handler(self._step, STEPS))
        ledger.engine.dispose()  # those that are open already are not counted

    def _step(self) -> int:
        self.steps += STEPS
        return 0

    def of(self, what: Callable[[Books], object]) -> int:
        before = self.steps
        what(self.books)
        return self.steps - before


def filled(folder: Path, entries: int) -> Meter:
    """A ledger in which all but one record have come to rest, and the inbox was read."""
    engine = open_engine(f"sqlite:///{folder / str(entries)}.db", durable=False)
    upgrade(engine)
    meter = Meter(Ledger(engine, TestClock()))
    books, lease = meter.books, meter.ledger.leases.take("acme", "test")
    for first in range(0, entries, BATCH):
        numbers = range(first, first + BATCH)
        books.entries.receive(FLOW, [record(f"K{number}") for number in numbers], lease)
        batch = books.entries.due(FLOW, Stage.TRANSLATE, [State.RECEIVED], limit=BATCH)
        held = [Move(batch.pop(), State.HELD, "held", values=HELD)] if first == 0 else []
        ready = [
            Move(each, State.TRANSLATED, "t", detail=DETAIL, values={"payload": b"{}", "reference": each.key})
            for each in batch
        ]
        books.entries.move([*held, *ready], lease)
        intents = books.intents.open(books.entries.due(FLOW, Stage.DELIVER, [State.TRANSLATED], limit=BATCH), lease)
        books.intents.close([(each, Landed(f"t-{each.entry.key}")) for each in intents], lease, kind="paper", last=True)
        with writing(meter.ledger.engine) as connection:
            now = meter.ledger.clock.now()
            letter = {"connection": "acme", "event_type": "x", "flow": FLOW, "body": b"{}", "received_at": now}
            connection.execute(
                inbox.insert().values(finished_at=now), [letter | {"event_id": f"e{n}"} for n in numbers]
            )
    books.progress.note(FLOW, "collect", meter.ledger.clock.now(), {})
    meter.ledger.leases.give_back(lease)
    return meter


@pytest.fixture(scope="module")
def meters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Meter, Meter]]:
    folder = tmp_path_factory.mktemp("growth")
    small, large = filled(folder, SMALL), filled(folder, LARGE)
    yield small, large
    for meter in (small, large):
        assert list(meter.ledger.audit.verify()) == []
        meter.ledger.engine.dispose()


NEWS = [record(f"N{number}") for number in range(50)]
DAILY: dict[str, Callable[[Books], object]] = {
    "receive what is new": lambda books: books.entries.receive(FLOW, NEWS, None),
    "receive what is known": lambda books: books.entries.receive(FLOW, [record(f"K{n}") for n in range(50)], None),
    "ask for known tags": lambda books: books.entries.tags(FLOW, [f"K{number}" for number in range(50)]),
    "what is due in translation": lambda books: books.entries.due(FLOW, Stage.TRANSLATE, [State.HELD]),
    "what is due in delivery": lambda books: books.entries.due(
        FLOW, Stage.DELIVER, [State.TRANSLATED, State.POSTPONED]
    ),
    "what is released": lambda books: list(books.entries.released(FLOW)),
    "what is unsettled": lambda books: books.intents.unsettled(FLOW, Stage.DELIVER),
    "what is open": lambda books: books.intents.count_open(),
    "what is held": lambda books: books.reports.held(),
    "replay what is held": lambda books: books.reports.select(flow=FLOW, states=[State.HELD]),
    "sums": lambda books: books.reports.sums(),
    "tally": lambda books: books.entries.tally(FLOW),
    "find by key": lambda books: books.reports.find("K7"),
    "find by number": lambda books: books.reports.find("INV-K7"),
    "find by id there": lambda books: books.reports.find("t-K7"),
    "choose by keys": lambda books: books.reports.select(flow=FLOW, keys=["K7", "INV-K8"]),
    "bindings of a batch": lambda books: books.dictionary.bound_among("paper", [f"K{number}" for number in range(50)]),
    "the last passes": lambda books: books.progress.last(),
    "note a pass": lambda books: books.progress.note(FLOW, "collect", MOMENT, {}),
    "which events wait": lambda books: books.inbox.waiting(),
    "events of a flow": lambda books: books.inbox.pending("acme", FLOW),
}


@pytest.mark.parametrize("what", DAILY)
def test_daily_work_does_not_grow(meters: tuple[Meter, Meter], what: str) -> None:
    """Twenty times the records take no more steps, but for those that make a page of an index two."""
    small, large = (meter.of(DAILY[what]) for meter in meters)
    assert large <= small * 1.2 + 10 * STEPS, f"{small} steps, then {large}"


def test_the_meter_would_notice(meters: tuple[Meter, Meter]) -> None:
    """A query that reads every entry takes twenty times the steps."""
    small, large = (meter.of(lambda books: books.reports.select(dated=(DAY, DAY))) for meter in meters)
    assert large > 10 * small
