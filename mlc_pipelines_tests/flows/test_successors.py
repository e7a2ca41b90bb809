"""Versions of one record: what becomes of the older one when a newer one comes while it is under way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from mlc_pipelines.errors import Cause, OutcomeUnknownError, RecordError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.flows.road import Road
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import Landed
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.databases import KINDS
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, open_ledger, road_of


@pytest.fixture(params=KINDS)
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path, kind=request.param)
    yield opened
    assert list(opened.audit.verify()) == []
    opened.engine.dispose()


@pytest.fixture
def flow() -> PaperFlow:
    return PaperFlow(Paper(A="1.00"))


def walk(road: Road) -> None:
    for stage in (collect, translate, deliver, confirm):
        stage(road)


def raising(error: Exception) -> Callable[[Sequence[Outgoing]], None]:
    def fail(_batch: Sequence[Outgoing]) -> None:
        raise error

    return fail


def calm(_batch: Sequence[Outgoing]) -> None:
    """Nothing happens."""


def state(road: Road) -> tuple[State, Cause | None]:
    (entry,) = road.books.reports.select(flow="papers")
    return entry.state, entry.cause


def test_what_turns_out_not_to_have_been_sent_gives_way_to_its_successor(ledger: Ledger, flow: PaperFlow) -> None:
    """The answer was lost, the document changed, and the first content never arrived: only the new one is sent."""
    road = road_of(ledger, flow)
    flow.before_deliver = raising(OutcomeUnknownError("lost on the way there"))
    walk(road)
    flow.before_deliver = calm
    flow.paper.write("A", amount="2.00")
    walk(road)
    walk(road)
    assert (flow.kept, flow.amended) == ([("A", "2.00")], [])
    assert state(road) == (State.CONFIRMED, None)
    first, _second = road.books.reports.find("A")
    assert [step.kind for step in road.books.reports.trail(first)][-2:] == ["absent", "superseded"]


def test_what_was_withdrawn_while_its_answer_was_lost_is_not_sent_afterwards(ledger: Ledger, flow: PaperFlow) -> None:
    """Nobody knew whether it had arrived; it had not, and by then it was not to be sent any more."""
    road = road_of(ledger, flow)
    flow.before_deliver = raising(OutcomeUnknownError("lost on the way there"))
    walk(road)
    flow.before_deliver = calm
    flow.paper.write("A", account="none")
    walk(road)
    walk(road)
    assert flow.kept == []
    assert state(road) == (State.IGNORED, Cause.NOT_OURS)


def test_a_hold_of_an_older_version_asks_nobody(
    ledger: Ledger, flow: PaperFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking the lost write up needs a person, but the document has changed: the newer version says what is held."""
    road = road_of(ledger, flow)
    flow.before_deliver = raising(OutcomeUnknownError("lost on the way there"))
    walk(road)
    flow.before_deliver = calm
    flow.paper.write("A", amount="2.00")
    collect(road)

    def confused(_batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        raise RecordError("there are two", cause=Cause.DUPLICATE_SUSPECTED)

    monkeypatch.setattr(flow, "find", confused)
    deliver(road)
    monkeypatch.undo()
    walk(road)
    assert road.books.reports.held() == []
    assert (flow.kept, state(road)) == ([("A", "2.00")], (State.CONFIRMED, None))


def test_a_write_back_that_was_held_ends_with_its_successor(ledger: Ledger, flow: PaperFlow) -> None:
    """The newer version tells the source by itself."""
    road = road_of(ledger, flow)
    flow.before_confirm = raising(RecordError("locked", cause=Cause.CHANGED_ELSEWHERE))
    walk(road)
    flow.before_confirm = calm
    flow.paper.write("A", amount="2.00")
    walk(road)
    assert road.books.reports.held() == []
    assert (flow.told, state(road)) == (["A"], (State.CONFIRMED, None))


# A ledger that was restored from a backup


def test_what_is_found_is_linked_even_if_its_change_is_refused(ledger: Ledger, flow: PaperFlow) -> None:
    """The ledger has forgotten; the target no longer takes changes: the id is known all the same, to payments too."""
    flow.kept = [("A", "1.00")]
    flow.paper.write("A", amount="2.00")
    flow.before_deliver = raising(RecordError("paid", cause=Cause.CHANGED_AFTER_DELIVERY))
    road = road_of(ledger, flow)
    walk(road)
    assert state(road) == (State.HELD, Cause.CHANGED_AFTER_DELIVERY)
    assert road.books.dictionary.bound("paper") == {"A": "T-A"}


def test_a_lost_change_of_what_was_found_is_made_again(ledger: Ledger, flow: PaperFlow) -> None:
    """That the document is there says nothing of its content."""
    flow.kept = [("A", "1.00")]
    flow.paper.write("A", amount="2.00")
    flow.before_deliver = raising(OutcomeUnknownError("lost on the way there"))
    road = road_of(ledger, flow)
    walk(road)
    flow.before_deliver = calm
    walk(road)
    assert (flow.kept, flow.amended) == ([("A", "1.00")], [("A", "2.00")])
