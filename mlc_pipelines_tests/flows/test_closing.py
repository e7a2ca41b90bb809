"""Close: a hold that a person has settled by hand ends; nothing is sent, and nothing is lost from the books."""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.closing import close
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.flows.reconciling import Document, Reconciliation, reconcile
from mlc_pipelines.flows.road import Choice, Road
from mlc_pipelines.flows.translating import put_back, translate
from mlc_pipelines.ledger.leases import LeaseLostError
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines_tests.databases import KINDS
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, open_ledger, road_of
from mlc_pipelines_tests.ledger.builders import newest, receive

WHY = "entered by hand as voucher M 2026 4711"
PLACES = {Stage.TRANSLATE: "ignored", Stage.DELIVER: "ignored", Stage.CONFIRM: "delivered"}
stages = pytest.mark.parametrize("stage", PLACES)


@pytest.fixture(params=KINDS)
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    """Whatever was closed, the chain and the totals hold."""
    opened = open_ledger(tmp_path, kind=request.param)
    yield opened
    assert list(opened.audit.verify()) == []
    assert opened.books("acme").reports.miscounted("papers") == []
    opened.engine.dispose()


@pytest.fixture
def flow() -> PaperFlow:
    return PaperFlow(Paper(A="1.00", B="2.00"))


@pytest.fixture
def road(ledger: Ledger, flow: PaperFlow) -> Road:
    return road_of(ledger, flow)


def walk(road: Road) -> None:
    for stage in (collect, translate, deliver, confirm):
        stage(road)


def refuse_a(batch: Sequence[Outgoing]) -> None:
    if batch[0].entry.key == "A":
        raise RecordError("no", cause=Cause.REJECTED_BY_TARGET)


def held_at(road: Road, flow: PaperFlow, stage: Stage) -> Entry:
    """Work until A is held at a stage, and B has gone all the way."""
    if stage is Stage.TRANSLATE:
        flow.paper.write("A", account="6990")
    elif stage is Stage.DELIVER:
        flow.before_deliver = refuse_a
    else:
        flow.before_confirm = refuse_a
    walk(road)
    entry = newest(road.books, "A")
    assert (entry.state, entry.stage) == (State.HELD, stage)
    return entry


def close_held(road: Road) -> None:
    close(road.books, road.books.reports.select(states=(State.HELD,)), Choice(WHY, "kim"))


@stages
def test_what_was_settled_by_hand_is_held_no_more(road: Road, flow: PaperFlow, stage: Stage) -> None:
    """Not sent yet, it is ignored with the reason; where the target has it, it is at the end of the road."""
    held_at(road, flow, stage)
    close_held(road)
    entry = newest(road.books, "A")
    if stage is Stage.CONFIRM:
        assert (entry.state, entry.stage, entry.external_id) == (State.CONFIRMED, Stage.DONE, "T-A")
        assert (entry.cause, entry.problem) == (None, None)
    else:
        assert (entry.state, entry.stage, entry.external_id) == (State.IGNORED, stage, None)
        assert (entry.cause, entry.problem, entry.cause_key) == (Cause.CLOSED_BY_HAND, WHY, None)
    assert road.books.reports.held() == []


@stages
def test_the_trail_says_who_closed_it_and_why(road: Road, flow: PaperFlow, stage: Stage) -> None:
    """And what it was held for."""
    held = held_at(road, flow, stage)
    close_held(road)
    last = road.books.reports.trail(held)[-1]
    told = {name: value for name, value in json.loads(last.detail).items() if name != "row"}
    assert (last.kind, last.actor) == ("closed", "kim")
    assert told == {"reason": WHY, "cause": held.cause}


@stages
def test_it_stays_closed(road: Road, flow: PaperFlow, stage: Stage) -> None:
    """Neither a run, nor a replay, nor that its cause is met takes it up: it is never sent in this version."""
    held_at(road, flow, stage)
    close_held(road)
    sent, told = list(flow.kept), list(flow.told)
    flow.before_deliver = flow.before_confirm = lambda batch: None
    flow.accounts = {"4010": "4010", "6990": "6990"}
    road.books.dictionary.learn("account", {"6990": "there"})
    assert put_back(road.books, "papers", Choice("again"), None) == 0
    deliver(road, Choice("again"))
    confirm(road, Choice("again"))
    walk(road)
    assert (flow.kept, flow.amended, flow.told) == (sent, [], told)


@stages
def test_a_newer_version_goes_on_as_usual(road: Road, flow: PaperFlow, stage: Stage) -> None:
    """It is made where the target has none, and amends what is there."""
    held_at(road, flow, stage)
    close_held(road)
    flow.before_deliver = flow.before_confirm = lambda batch: None
    flow.paper.write("A", account="4010", amount="3.00")
    walk(road)
    entry = newest(road.books, "A")
    assert (entry.version, entry.state, entry.external_id) == (2, State.CONFIRMED, "T-A")
    there = stage is Stage.CONFIRM
    assert sorted(flow.kept) == [("A", "1.00" if there else "3.00"), ("B", "2.00")]
    assert flow.amended == ([("A", "3.00")] if there else [])


def test_a_change_that_was_settled_by_hand_leaves_what_was_delivered(road: Road, flow: PaperFlow) -> None:
    """The newest version is left out; the first one is still known as delivered, so that a third one amends it."""
    walk(road)
    flow.paper.write("A", account="6990")
    walk(road)
    close_held(road)
    flow.paper.write("A", account="4010", amount="3.00")
    walk(road)
    assert flow.amended == [("A", "3.00")]
    assert newest(road.books, "A").state is State.CONFIRMED


@stages
def test_sums_and_month_end_count_it_where_it_is(road: Road, flow: PaperFlow, stage: Stage) -> None:
    """Ignored or delivered; nothing is held, and nothing differs."""
    held_at(road, flow, stage)
    close_held(road)
    stands = {(line.place, line.amount) for line in road.books.reports.sums() if line.state is not State.CONFIRMED}
    assert stands == ({("ignored", Decimal("1.00"))} if stage is not Stage.CONFIRM else set())
    found = month_end(road, flow)
    assert found.matched
    delivered = PLACES[stage] == "delivered"
    assert found.matches[0].counts == {"source": 2} | ({"target": 2} if delivered else {"target": 1, "ignored": 1})


def test_a_difference_says_what_was_done_by_hand(road: Road, flow: PaperFlow) -> None:
    """Where the target has another amount than the version that was closed."""
    walk(road)
    flow.paper.write("A", account="6990", amount="1.50")
    walk(road)
    close_held(road)
    (difference,) = month_end(road, flow).differences
    assert difference.what == f"amounts differ by 0.50; the change is ignored ({WHY})"


def test_what_moved_meanwhile_is_not_closed(road: Road, flow: PaperFlow) -> None:
    """A worker, or somebody else, was quicker: nothing is closed that is not as it was shown."""
    shown = held_at(road, flow, Stage.TRANSLATE)
    put_back(road.books, "papers", Choice("table corrected"), None)
    with pytest.raises(LeaseLostError):
        close(road.books, [shown], Choice(WHY, "kim"))
    assert newest(road.books, "A").state is State.RECEIVED


def test_what_has_a_newer_version_meanwhile_is_not_closed(road: Road, flow: PaperFlow) -> None:
    """The person saw the old one."""
    shown = held_at(road, flow, Stage.CONFIRM)
    flow.paper.write("A", amount="9.00")
    collect(road)
    with pytest.raises(LeaseLostError):
        close(road.books, [shown], Choice(WHY, "kim"))


def test_a_reason_is_kept_as_it_can_be_shown(road: Road) -> None:
    """Half signs of a terminal and a text without end do not reach the books."""
    receive(road.books, "C", problem="cannot be read")
    close(road.books, [newest(road.books, "C")], Choice("by hand\udc80" + "x" * 2000, "kim"))
    entry = newest(road.books, "C")
    assert entry.problem is not None
    assert entry.problem.startswith("by hand\ufffdxxx")
    assert len(entry.problem) == 1000


def test_more_than_a_page_is_closed(road: Road) -> None:
    """However many a cause holds."""
    keys = [f"D{number:03}" for number in range(501)]
    receive(road.books, *keys, problem="cannot be read")
    close(road.books, road.books.reports.select(states=(State.HELD,), limit=1000), Choice(WHY, "kim"))
    assert road.books.entries.tally("papers") == {"ignored": 501}


def month_end(road: Road, flow: PaperFlow) -> Reconciliation:
    november = (date(2026, 11, 1), date(2026, 11, 30))
    source = [document(key, written["amount"]) for key, written in flow.paper.documents.items()]
    target = [document(key, amount) for key, amount in flow.kept]
    return reconcile("acme", november, source, target, road.books.reports.select(flow="papers", dated=november))


def document(key: str, amount: str) -> Document:
    return Document(key, "10", f"INV-{key}", "S-1001", "EUR", Decimal(amount), date(2026, 11, 3), f"T-{key}")
