"""Deliver and confirm, call by call: how many are made, in which parts, and what each answer comes to."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from mlc_pipelines.errors import (
    Cause,
    ConfigurationError,
    NotYetError,
    RecordError,
    StorageError,
    TransientError,
)
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.flows.road import Choice
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import Landed
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines_tests.flows.calls import LOST, Calls, entries_of, flow_of, in_turn, listening, states
from mlc_pipelines_tests.flows.world import Paper, PaperFlow

REPLAY = Choice(reason="corrected", actor="kim")


def test_after_three_calls_without_an_answer_the_rest_waits(ledger: Ledger) -> None:
    """A target that is down is not called ten times; what was not tried says so and is due again."""
    calls: Calls = []
    flow = flow_of(10)
    road = in_turn(ledger, flow)
    flow.before_deliver = listening(calls, raising=lambda _: TransientError("no connection"))
    tally = deliver(road)
    assert calls == [["D00"], ["D01"], ["D02"]]
    assert (tally.interrupted, tally.counts) == ("no connection", {"postponed": 10})
    assert Counter(entry.problem for entry in entries_of(road)) == {
        "no connection": 3,
        "not tried: the other side does not answer": 7,
    }


def test_an_answer_in_between_starts_the_count_anew(ledger: Ledger) -> None:
    """Two silent calls, an answer, two silent calls: the target is slow, not down, and all are tried."""
    calls: Calls = []
    flow = flow_of(9)
    road = in_turn(ledger, flow)
    flow.before_deliver = listening(calls, raising=lambda call: TransientError("slow") if call % 3 else None)
    tally = deliver(road)
    assert len(calls) == 9
    assert (tally.interrupted, tally.counts) == (None, {"postponed": 6, "landed": 3})


def test_a_record_that_waits_for_another_is_no_silence(ledger: Ledger) -> None:
    """The other side is well: each is asked for once, and all are due again."""
    calls: Calls = []
    flow = flow_of(20)
    road = in_turn(ledger, flow)
    flow.before_deliver = listening(calls, raising=lambda _: NotYetError("its vendor is not there yet"))
    tally = deliver(road)
    assert calls == [[f"D{number:02}"] for number in range(20)]
    assert (tally.interrupted, tally.counts) == (None, {"postponed": 20})
    assert {entry.problem for entry in entries_of(road)} == {"its vendor is not there yet"}


def test_while_the_target_is_down_no_more_is_announced(ledger: Ledger) -> None:
    """The pass ends with the chunk in which it found out."""
    told: list[tuple[str, int]] = []
    flow = flow_of(40)
    road = in_turn(ledger, flow, watch=lambda step, number: told.append((step, number)))
    flow.before_deliver = listening([], raising=lambda _: TransientError("down"))
    told.clear()
    deliver(road)
    assert told == [("announced", 16), ("settled", 16)]
    assert states(road) == {"postponed": 16, "translated": 24}


def test_wrong_settings_end_the_pass_at_once(ledger: Ledger) -> None:
    """One refused call is enough: the rest of the chunk is not tried, and no more is announced."""
    calls: Calls = []
    flow = flow_of(20)
    road = in_turn(ledger, flow)
    flow.before_deliver = listening(calls, raising=lambda _: ConfigurationError("acme: secret refused"))
    with pytest.raises(ConfigurationError, match="secret refused"):
        deliver(road)
    assert len(calls) == 1
    assert states(road) == {"postponed": 16, "translated": 4}
    assert entries_of(road)[0].problem == "acme: secret refused"
    assert road.books.progress.last()[0].counts == {"postponed": 16}


def test_our_own_fault_is_told_without_its_text(ledger: Ledger) -> None:
    """What an unforeseen error says may be anything; its name is kept."""
    flow = flow_of(1)
    road = in_turn(ledger, flow)
    flow.after_deliver = listening([], raising=lambda _: KeyError("secret"))
    with pytest.raises(KeyError):
        deliver(road)
    (entry,) = entries_of(road)
    assert (entry.state, entry.problem) == (
        State.UNKNOWN,
        "the worker stopped before the answer: unforeseen KeyError",
    )


def test_a_flow_that_answers_for_too_few_is_our_own_fault(ledger: Ledger) -> None:
    """Nothing is taken for delivered, or for told, of which the flow says nothing."""

    class Forgetful(PaperFlow):
        def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
            return super().deliver(batch)[1:]

        def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
            return super().confirm(batch)[1:]

    flow = Forgetful(Paper(A="1.00"))
    road = in_turn(ledger, flow)
    with pytest.raises(ValueError, match="zip"):
        deliver(road)
    assert states(road) == {"unknown": 1}
    deliver(road)
    with pytest.raises(ValueError, match="zip"):
        confirm(road)
    assert states(road) == {"unknown": 1}


def test_a_refusal_is_held_with_cause_key_and_reason(ledger: Ledger) -> None:
    """Whoever reads the hold knows what to change."""
    flow = flow_of(2)
    road = in_turn(ledger, flow)
    refusal = RecordError("no such account", cause=Cause.ACCOUNT_UNMAPPED, key="account:6990")
    flow.before_deliver = listening([], raising=lambda call: refusal if call == 1 else None)
    assert deliver(road).counts == {"held": 1, "landed": 1}
    held, _ = entries_of(road)
    assert (held.cause, held.cause_key, held.problem) == (Cause.ACCOUNT_UNMAPPED, "account:6990", "no such account")


def test_each_stage_has_batches_of_its_own_size(ledger: Ledger) -> None:
    """Two at a time to the target, three at a time to the source."""
    delivered: Calls = []
    confirmed: Calls = []
    flow = flow_of(7)
    flow.deliver_batch, flow.confirm_batch = 2, 3
    flow.before_deliver, flow.before_confirm = listening(delivered), listening(confirmed)
    road = in_turn(ledger, flow)
    assert deliver(road).counts == confirm(road).counts == {"landed": 7}
    assert [len(call) for call in delivered] == [2, 2, 2, 1]
    assert [len(call) for call in confirmed] == [3, 3, 1]


def test_a_bad_record_of_a_batch_is_found_by_halving(ledger: Ledger) -> None:
    """All or nothing: of five the third is refused, in as few calls as halving takes."""
    calls: Calls = []
    flow = flow_of(5)
    flow.deliver_batch = 5
    road = in_turn(ledger, flow)

    def refuse(batch: Sequence[Outgoing]) -> None:
        listening(calls)(batch)
        if "D02" in calls[-1]:
            raise RecordError("no", cause=Cause.REJECTED_BY_TARGET)

    flow.before_deliver = refuse
    assert deliver(road).counts == {"landed": 4, "held": 1}
    assert [len(call) for call in calls] == [5, 2, 3, 1, 2]


@pytest.mark.parametrize(
    ("size", "at_once", "announced", "settled"),
    [(1, 1, [16, 14], [16, 14]), (1, 3, [24, 6], [16, 14]), (3, 1, [24, 6], [24, 6]), (4, 5, [30], [30])],
)
def test_as_much_is_announced_as_is_called_in_a_few_turns(
    ledger: Ledger, size: int, at_once: int, announced: list[int], settled: list[int]
) -> None:
    """Sixteen, or eight turns of all calls in flight; the outcomes of sixteen calls are one transaction."""
    told: list[tuple[str, int]] = []
    flow = flow_of(30)
    flow.deliver_batch = size
    road = in_turn(ledger, flow, watch=lambda step, number: told.append((step, number)))
    deliver(replace(road, calls_in_flight=at_once))
    assert [number for step, number in told if step == "announced"] == announced
    assert [number for step, number in told if step == "settled"] == settled
    assert sum(number for step, number in told if step == "called") == 30


def test_more_is_announced_while_the_second_half_is_under_way(ledger: Ledger) -> None:
    """The calls in flight never run dry because the next ones are being announced."""
    told: list[tuple[str, int]] = []
    road = in_turn(ledger, flow_of(60), watch=lambda step, number: told.append((step, number)))
    told.clear()
    deliver(replace(road, calls_in_flight=4))
    assert [each for each in told if each[0] != "called"] == [
        ("announced", 32), ("settled", 16), ("announced", 28), ("settled", 16), ("settled", 16), ("settled", 12)
    ]  # fmt: skip


def test_what_cannot_be_written_down_is_not_sent_either(ledger: Ledger) -> None:
    """When the ledger takes no outcome any more, only the calls that are under way are made; the next run heals it."""
    ending = threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            ending.set()
            super().shutdown(wait, cancel_futures=cancel_futures)

    def take_long(batch: Sequence[Outgoing]) -> None:
        if batch[0].entry.key >= "D16":
            ending.wait(60)

    def fill_the_disk(step: str, _number: int) -> None:
        if step == "settled":
            raise StorageError("database: disk is full")

    flow = flow_of(24)
    road = in_turn(ledger, flow)
    flow.before_deliver = take_long
    with pytest.raises(StorageError, match="disk is full"):
        deliver(replace(road, calls_in_flight=3, workers=Pool, watch=fill_the_disk))
    sent = sorted(key for key, _ in flow.kept)
    assert sent == [f"D{number:02}" for number in range(len(sent))]
    assert 16 <= len(sent) <= 19
    deliver(road)
    assert Counter(key for key, _ in flow.kept) == dict.fromkeys((f"D{number:02}" for number in range(24)), 1)


def test_every_step_is_told_with_its_number(ledger: Ledger) -> None:
    """What a watcher hears is what happened, in order."""
    told: list[tuple[str, int]] = []
    flow = flow_of(2)
    road = in_turn(ledger, flow, watch=lambda step, number: told.append((step, number)))
    deliver(road)
    confirm(road)
    once = [("announced", 2), ("called", 1), ("called", 1), ("settled", 2)]
    assert told == [("received", 2), ("translated", 2), *once, *once]


def test_each_pass_is_noted_with_its_counts(ledger: Ledger) -> None:
    """Beginning, end and what it came to, by stage."""
    flow = flow_of(2)
    road = in_turn(ledger, flow)
    began = ledger.clock.now()
    deliver(road)
    confirm(road)
    told, kept = road.books.progress.last()[:2]
    assert (told.stage, told.counts, kept.stage, kept.counts) == ("confirm", {"landed": 2}, "deliver", {"landed": 2})
    assert began < kept.started_at < kept.finished_at < told.started_at < told.finished_at


def test_a_flow_that_writes_nothing_back_ends_with_delivery(ledger: Ledger) -> None:
    """Its records are done when the target has them."""

    class Quiet(PaperFlow):
        assets = replace(PaperFlow.assets, confirm=None)

    road = in_turn(ledger, Quiet(Paper(A="1.00")))
    deliver(road)
    (entry,) = entries_of(road)
    assert (entry.state, entry.stage, entry.external_id) == (State.DELIVERED, Stage.DONE, "T-A")
    assert confirm(road).counts == {}


def test_a_choice_that_cannot_be_translated_now_sends_nothing(ledger: Ledger) -> None:
    """The dictionary could not be opened: what is put back waits, and the pass says why."""

    class Closed(PaperFlow):
        def prepare(self) -> None:
            raise TransientError("the accounts cannot be read")

    flow = flow_of(2)
    flow.paper.write("D01", account="6990")
    road = in_turn(ledger, flow)
    tally = deliver(replace(road, flow=Closed(flow.paper)), REPLAY)
    assert (tally.interrupted, tally.counts) == ("the accounts cannot be read", {"replayed": 1})
    assert states(road) == {"received": 1, "translated": 1}


def test_a_choice_at_the_last_stage_leaves_other_holds_alone(ledger: Ledger) -> None:
    """Tell the source again of what was refused there; what waits for an account goes on waiting."""
    flow = flow_of(2)
    flow.paper.write("D01", account="6990")
    road = in_turn(ledger, flow)
    deliver(road)
    flow.before_confirm = listening([], raising=lambda call: RecordError("locked", cause=Cause.CHANGED_ELSEWHERE))
    confirm(road)
    assert states(road) == {"held": 2}
    flow.before_confirm = lambda batch: None
    assert confirm(road, REPLAY).counts == {"replayed": 1, "landed": 1}
    assert states(road) == {"confirmed": 1, "held": 1}


def test_what_is_there_already_is_taken_as_made(ledger: Ledger) -> None:
    """A target that takes no changes: found by our reference, nothing is written, and the rest is made."""
    calls: Calls = []
    flow = flow_of(3)
    flow.amends = False
    flow.deliver_batch = 3
    flow.kept = [("D01", "1.00")]
    flow.before_deliver = listening(calls)
    road = in_turn(ledger, flow)
    assert deliver(road).counts == {"landed": 3}
    assert calls == [["D00", "D02"]]
    assert [entry.external_id for entry in entries_of(road)] == ["T-D00", "T-D01", "T-D02"]
    deliver(in_turn(ledger, flow))
    flow.paper.write("D03")
    flow.kept.append(("D03", "1.00"))
    deliver(in_turn(ledger, flow))
    assert calls == [["D00", "D02"]]


def test_what_is_there_already_is_amended_where_that_can_be(ledger: Ledger) -> None:
    """After a restored backup the target may have an older content: the same record gets ours."""
    flow = flow_of(2)
    flow.kept = [("D01", "0.50")]
    deliver(in_turn(ledger, flow))
    assert flow.amended == [("D01", "1.00")]
    assert flow.kept == [("D01", "0.50"), ("D00", "1.00")]


def test_nothing_is_looked_for_that_is_known(ledger: Ledger) -> None:
    """Only what may be a create is looked up; a change goes to the record that its binding names."""
    looks: Calls = []
    flow = flow_of(2)
    flow.deliver_batch = 2
    flow.before_find = listening(looks)
    deliver(in_turn(ledger, flow))
    flow.paper.write("D01", amount="2.00")
    deliver(in_turn(ledger, flow))
    assert looks == [["D00", "D01"]]
    assert flow.amended == [("D01", "2.00")]


def test_a_lost_look_before_a_create_postpones(ledger: Ledger) -> None:
    """Nothing was written yet, so nothing is unknown."""
    flow = flow_of(1)
    road = in_turn(ledger, flow)
    flow.before_find = listening([], raising=lambda _: LOST)
    assert deliver(road).counts == {"postponed": 1}
    assert entries_of(road)[0].problem == "sent, answer lost"
