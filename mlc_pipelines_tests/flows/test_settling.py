"""Writes of unknown outcome: each is looked up before anything else is sent."""

from collections.abc import Sequence

import pytest

from mlc_pipelines.errors import Cause, OutcomeUnknownError, RecordError, TransientError
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.flows.road import Choice, Road
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import SourceRecord
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines_tests.flows.calls import LOST, Calls, entries_of, flow_of, in_turn, listening, states
from mlc_pipelines_tests.flows.world import PaperFlow, TestClock


def unknown(ledger: Ledger, flow: PaperFlow) -> Road:
    """A road whose deliveries were all performed, and all answers lost."""
    road = in_turn(ledger, flow)
    flow.after_deliver = listening([], raising=lambda _: LOST)
    assert deliver(road).counts == {"unknown": len(flow.kept)}
    flow.after_deliver = lambda batch: None
    assert {(entry.state, entry.problem) for entry in entries_of(road)} == {(State.UNKNOWN, "sent, answer lost")}
    return road


@pytest.mark.parametrize("error", [TransientError("no connection"), OutcomeUnknownError("no connection")])
def test_while_nothing_can_be_looked_up_nothing_is_sent(ledger: Ledger, error: Exception) -> None:
    """What is unknown stays so, what is new waits, and the pass says why it ended."""
    flow = flow_of(2)
    road = unknown(ledger, flow)
    flow.paper.write("E")
    in_turn(ledger, flow)
    flow.before_find = listening([], raising=lambda _: error)
    tally = deliver(road)
    assert (tally.interrupted, tally.counts) == ("no connection", {})
    assert states(road) == {"unknown": 2, "translated": 1}


@pytest.mark.parametrize("numbers", [[0], [1], [4], [0, 1, 2], [1, 2, 3]])
def test_a_write_that_cannot_be_looked_up_keeps_no_other_back(ledger: Ledger, numbers: list[int]) -> None:
    """The target answers for the others: these stay unknown, what is new is sent."""
    flow = flow_of(5)
    road = unknown(ledger, flow)
    flow.paper.write("E")
    in_turn(ledger, flow)

    def look(batch: Sequence[Outgoing]) -> None:
        if {f"D{number:02}" for number in numbers} & {outgoing.entry.key for outgoing in batch}:
            raise TransientError("HTTP 500")

    flow.before_find = look
    tally = deliver(road)
    assert (tally.interrupted, tally.counts) == (None, {"landed": 6 - len(numbers)})
    assert states(road) == {"unknown": len(numbers), "delivered": 6 - len(numbers)}
    flow.before_find = lambda batch: None
    assert deliver(road).counts == {"landed": len(numbers)}
    assert sorted(flow.kept) == [*((f"D{each:02}", "1.00") for each in range(5)), ("E", "1.00")]


def test_what_was_lost_is_found_or_sent_again(ledger: Ledger) -> None:
    """Of three, one never arrived."""
    calls: Calls = []
    flow = flow_of(3)
    road = unknown(ledger, flow)
    flow.kept.remove(("D01", "1.00"))
    flow.before_deliver = listening(calls)
    assert deliver(road).counts == {"landed": 3, "sent again": 1}
    assert calls == [["D01"]]
    assert states(road) == {"delivered": 3}


def test_what_is_lost_ten_times_and_never_there_needs_a_person(ledger: Ledger) -> None:
    """A record on which the target fails each time is not sent for ever; the others go on, a replay tries it anew."""
    calls: Calls = []
    flow = flow_of(3)
    road = in_turn(ledger, flow)

    def fail(batch: Sequence[Outgoing]) -> None:
        if batch[0].entry.key == "D01":
            listening(calls, raising=lambda _: OutcomeUnknownError("HTTP 500, ORA-12899"))(batch)

    flow.before_deliver = fail
    for number in range(12):
        flow.paper.write(f"E{number}")  # of which the target fails on none
        deliver(in_turn(ledger, flow))
    assert calls == [["D01"]] * 10
    assert states(road) == {"delivered": 14, "held": 1}
    held = entries_of(road)[1]
    assert held.cause is Cause.OUTCOME_UNSETTLED
    assert held.problem == (
        "INV-D01 was sent 10 times, each time without an answer, and was never there afterwards; "
        "the last time: HTTP 500, ORA-12899"
    )
    deliver(road, Choice(reason="a shorter text", keys=("D01",)))
    assert (len(calls), states(road)) == (11, {"delivered": 14, "unknown": 1})
    flow.before_deliver = lambda batch: None
    assert deliver(road).counts == {"sent again": 1, "landed": 1}


def test_while_a_target_takes_nothing_nobody_is_held_for_it(ledger: Ledger) -> None:
    """However often we come: it is not the record that it fails on, and all go on when it is well again."""
    flow = flow_of(3)
    road = in_turn(ledger, flow)
    flow.before_deliver = listening([], raising=lambda number: LOST if number > 1 else None)  # the first one landed yet
    for _ in range(30):
        deliver(road)
        _clock(ledger).sleep(900.0)
    lost = road.books.intents.unsettled("papers", Stage.DELIVER)
    assert {str(ledger.clock.now() - intent.opened_at)[:7] for intent in lost} == {"7:30:00"}  # alerts go by that
    flow.before_deliver = lambda batch: None
    assert deliver(road).counts == {"sent again": 2, "landed": 2}
    flow.before_confirm = listening([], raising=lambda _: LOST)
    for _ in range(30):
        confirm(road)
    flow.before_confirm = lambda batch: None
    assert confirm(road).counts == {"sent again": 3, "landed": 3}


def test_what_is_alone_and_lost_a_hundred_times_needs_a_person(ledger: Ledger) -> None:
    """Nobody can say whether the target fails on it or on all; it is not sent for ever."""
    calls: Calls = []
    flow = flow_of(1)
    road = in_turn(ledger, flow)
    flow.before_deliver = listening(calls, raising=lambda _: LOST)
    for _ in range(102):
        deliver(road)
    assert (len(calls), states(road)) == (100, {"held": 1})
    assert (entries_of(road)[0].problem or "").startswith("INV-D00 was sent 100 times")


def test_what_a_worker_had_in_its_hand_when_it_died_is_sent_however_often(ledger: Ledger) -> None:
    """It was announced with others, and perhaps never sent: that workers die says nothing of it."""
    flow = flow_of(3)
    road = in_turn(ledger, flow)

    class DiedError(BaseException):
        pass

    def die(_batch: Sequence[Outgoing]) -> None:
        raise DiedError

    flow.before_deliver = die
    for _ in range(12):
        with pytest.raises(DiedError):
            deliver(road)
    flow.before_deliver = lambda batch: None
    assert deliver(road).counts == {"unknown": 3, "sent again": 3, "landed": 3}


def keys(batch: Sequence[Outgoing]) -> set[str]:
    return {outgoing.entry.key for outgoing in batch}


def test_ten_silent_passes_are_no_lost_writes(ledger: Ledger) -> None:
    """A target that is down is waited for however long, and one answer lost afterwards is sent again as ever."""
    flow = flow_of(1)
    road = in_turn(ledger, flow)
    flow.before_deliver = listening([], raising=lambda _: TransientError("no connection"))
    for _ in range(12):
        deliver(road)
    flow.before_deliver = listening([], raising=lambda _: LOST)
    deliver(road)
    flow.before_deliver = lambda batch: None
    assert deliver(road).counts == {"sent again": 1, "landed": 1}


@pytest.mark.parametrize(("number", "parts"), [(2, [5, 2, 3, 1, 2]), (0, [5, 2, 1, 1, 3])])
def test_a_lost_write_that_needs_a_person_is_told_apart(ledger: Ledger, number: int, parts: list[int]) -> None:
    """One look-up of five finds two documents: that one is held with its reason, the others are settled."""
    key = f"D{number:02}"
    looks: Calls = []
    flow = flow_of(5)
    road = unknown(ledger, flow)
    twofold = RecordError("found twice", cause=Cause.DUPLICATE_SUSPECTED, key=f"bill:{key}")

    def look(batch: Sequence[Outgoing]) -> None:
        listening(looks)(batch)
        if key in looks[-1]:
            raise twofold

    flow.before_find = look
    assert deliver(road).counts == {"landed": 4, "held": 1}
    assert [len(call) for call in looks] == parts
    held = entries_of(road)[number]
    assert (held.key, held.state, held.cause) == (key, State.HELD, Cause.DUPLICATE_SUSPECTED)
    assert (held.cause_key, held.problem) == (f"bill:{key}", "found twice")


@pytest.mark.parametrize(("size", "parts"), [(1, [50, 2]), (52, [52])])
def test_lost_writes_are_looked_up_fifty_at_a_time(ledger: Ledger, size: int, parts: list[int]) -> None:
    """Or as many as a call takes, if that is more."""
    looks: Calls = []
    flow = flow_of(52)
    flow.deliver_batch = size
    road = in_turn(ledger, flow)
    flow.after_deliver = listening([], raising=lambda _: LOST)
    deliver(road)
    flow.before_find = listening(looks)
    deliver(road)
    assert [len(call) for call in looks] == parts


def test_amendments_are_not_looked_up(ledger: Ledger) -> None:
    """A lost create is; both are settled in one pass."""
    looks: Calls = []
    flow = flow_of(1)
    deliver(in_turn(ledger, flow))
    flow.paper.write("D00", amount="2.00")
    flow.paper.write("E")
    road = in_turn(ledger, flow)
    flow.after_deliver = listening([], raising=lambda _: LOST)
    assert deliver(road).counts == {"unknown": 2}
    flow.after_deliver = lambda batch: None
    flow.before_find = listening(looks)
    assert deliver(road).counts == {"landed": 2, "sent again": 1}
    assert looks == [["E"]]
    assert flow.amended == [("D00", "2.00")] * 2


def test_a_lost_confirmation_is_told_again_at_once(ledger: Ledger) -> None:
    """It looks by itself before it writes, so that nothing has to be waited for."""
    flow = flow_of(1)
    flow.settle_after = 75.0
    road = in_turn(ledger, flow)
    deliver(road)
    flow.before_confirm = listening([], raising=lambda _: LOST)
    assert confirm(road).counts == {"unknown": 1}
    flow.before_confirm = lambda batch: None
    assert confirm(road).counts == {"sent again": 1, "landed": 1}
    assert flow.told == ["D00"]


def test_what_a_dead_worker_left_is_unknown_first(ledger: Ledger) -> None:
    """Announced and no more: the trail tells that the worker stopped, then what was found."""
    flow = flow_of(1)
    road = in_turn(ledger, flow)
    flow.before_deliver = listening([], raising=lambda _: KeyboardInterrupt())  # type: ignore[arg-type,return-value]  # as a kill
    with pytest.raises(KeyboardInterrupt):
        deliver(road)
    flow.before_deliver = lambda batch: None
    assert deliver(road).counts == {"unknown": 1, "sent again": 1, "landed": 1}
    (entry,) = entries_of(road)
    kinds = [happening.kind for happening in road.books.reports.trail(entry)]
    assert kinds == ["received", "translated", "sending", "answer lost", "absent", "sending", "delivered"]


def _clock(ledger: Ledger) -> TestClock:
    assert isinstance(ledger.clock, TestClock)
    return ledger.clock


def ahead(ledger: Ledger, days: int) -> None:
    """The clock was ahead for a while, and the days that it told of were sealed."""
    clock = _clock(ledger)
    clock.sleep(days * 86_400)
    ledger.books("acme").entries.receive("other", [SourceRecord("K", "10", b"{}", "f")], None)
    clock.sleep(86_400)
    ledger.audit.seal()
    clock.sleep(-(days + 1) * 86_400)


def test_an_answer_lost_after_a_clock_was_ahead_is_waited_for_by_the_clock(ledger: Ledger) -> None:
    """Its event is of the day after the last sealed one; the target performs nothing after its own time."""
    flow = flow_of(1)
    flow.settle_after = 75.0
    ahead(ledger, 5)
    road = unknown(ledger, flow)
    assert (deliver(road).counts, states(road)) == ({}, {"unknown": 1})
    _clock(ledger).sleep(75.0)
    assert (deliver(road).counts, states(road)) == ({"landed": 1}, {"delivered": 1})


def test_an_answer_lost_while_a_clock_was_ahead_counts_from_when_it_was_put_right(ledger: Ledger) -> None:
    """Nobody knows when that was; that it is over is known for as long as the right clock has told of it."""
    flow = flow_of(1)
    flow.settle_after = 75.0
    _clock(ledger).sleep(5 * 86_400)
    road = unknown(ledger, flow)
    _clock(ledger).sleep(-5 * 86_400)
    deliver(road)
    _clock(ledger).sleep(74.0)
    assert (deliver(road).counts, states(road)) == ({}, {"unknown": 1})
    _clock(ledger).sleep(1.0)
    assert (deliver(road).counts, states(road)) == ({"landed": 1}, {"delivered": 1})


def test_what_a_target_says_does_not_pass_for_a_worker_that_stopped(ledger: Ledger) -> None:
    """Its words are the same; ten lost answers are ten."""
    calls: Calls = []
    flow = flow_of(1)
    road = in_turn(ledger, flow)
    said = OutcomeUnknownError("the worker stopped before the answer: HTTP 500")
    flow.before_deliver = lambda batch: (
        listening(calls, raising=lambda _: said)(batch) if keys(batch) == {"D00"} else None
    )
    for number in range(12):
        flow.paper.write(f"E{number}")
        deliver(in_turn(ledger, flow))
    assert (len(calls), states(road)) == (10, {"delivered": 12, "held": 1})
