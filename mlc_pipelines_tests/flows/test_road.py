"""The road: nothing lost, nothing twice, every hold with its cause."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mlc_pipelines.errors import Cause, ConfigurationError, OutcomeUnknownError, RecordError, TransientError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.flows.road import Choice, Road, Tally
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger.leases import LeaseLostError, LeaseTakenError
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.databases import KINDS
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, open_ledger, road_of

REPLAY = Choice(reason="the table was completed")


@pytest.fixture(params=KINDS)
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path, kind=request.param)
    yield opened
    assert list(opened.audit.verify()) == []  # whatever a test did, the chain must hold
    opened.engine.dispose()


@pytest.fixture
def flow() -> PaperFlow:
    return PaperFlow(Paper(A="1.00", B="2.50", C="3.00"))


def walk(road: Road, choice: Choice | None = None) -> dict[str, Tally]:
    return {
        "collect": collect(road),
        "translate": translate(road, choice),
        "deliver": deliver(road),
        "confirm": confirm(road),
    }


def states(road: Road) -> dict[str, int]:
    return road.books.entries.tally(road.flow.name)


def test_every_document_arrives_once_and_its_source_is_told(ledger: Ledger, flow: PaperFlow) -> None:
    """A pass over three documents leaves three in the target and three told."""
    road = road_of(ledger, flow)
    walk(road)
    assert sorted(flow.kept) == [("A", "1.00"), ("B", "2.50"), ("C", "3.00")]
    assert sorted(flow.told) == ["A", "B", "C"]
    assert states(road) == {"confirmed": 3}


def test_a_second_pass_writes_nothing(ledger: Ledger, flow: PaperFlow) -> None:
    """The same documents again are seen and go no further."""
    road = road_of(ledger, flow)
    walk(road)
    again = walk(road)
    assert again["collect"].counts == {"seen": 3}
    assert len(flow.kept) == 3
    assert flow.amended == []


def test_a_changed_document_amends_what_its_binding_names(ledger: Ledger, flow: PaperFlow) -> None:
    """New content under a delivered key is a new version that amends and never makes a second one."""
    road = road_of(ledger, flow)
    walk(road)
    flow.paper.write("B", amount="2.75")
    walk(road)
    assert flow.amended == [("B", "2.75")]
    assert len(flow.kept) == 3


def test_a_change_before_delivery_takes_the_place_of_the_first_version(ledger: Ledger, flow: PaperFlow) -> None:
    """Only the newest version of an undelivered document is sent."""
    road = road_of(ledger, flow)
    collect(road)
    flow.paper.write("A", amount="9.00")
    walk(road)
    assert ("A", "9.00") in flow.kept
    assert len(flow.kept) == 3
    assert flow.amended == []


def test_a_touched_but_equal_document_is_no_new_version(ledger: Ledger, flow: PaperFlow) -> None:
    """A new version mark of the source without new content changes nothing."""
    road = road_of(ledger, flow)
    walk(road)
    flow.paper.write("A")
    assert collect(road).counts == {"seen": 3}


def test_an_unmapped_account_holds_its_document_and_no_other(ledger: Ledger, flow: PaperFlow) -> None:
    """The held one carries its cause and key; the others arrive."""
    flow.paper.write("B", account="6990")
    road = road_of(ledger, flow)
    walk(road)
    (group,) = road.books.reports.held()
    assert (group.cause, group.cause_key, group.count) == (Cause.ACCOUNT_UNMAPPED, "account:6990", 1)
    assert len(flow.kept) == 2


def test_a_hold_is_released_when_its_cause_is_met(ledger: Ledger, flow: PaperFlow) -> None:
    """Learning the account sends exactly the document that waited for it, without a person."""
    flow.paper.write("B", account="6990")
    flow.paper.write("C", account="6991")
    road = road_of(ledger, flow)
    walk(road)
    flow.accounts = {"4010": "4010", "6990": "6990"}
    road.books.dictionary.learn("account", flow.accounts)
    released = walk(road)
    assert released["translate"].counts == {"released": 1, "translated": 1}
    assert sorted(key for key, _ in flow.kept) == ["A", "B"]


def test_materializing_the_deliver_stage_by_hand_sends_what_was_held(ledger: Ledger, flow: PaperFlow) -> None:
    """A choice puts held entries back: translated anew and delivered in the same stage."""
    flow.paper.write("B", account="6990")
    road = road_of(ledger, flow)
    walk(road)
    flow.accounts = {"4010": "4010", "6990": "6990"}
    tally = deliver(road, REPLAY)
    assert tally.counts["landed"] == 1
    assert ("B", "2.50") in flow.kept


def test_ignored_documents_are_counted_and_not_sent(ledger: Ledger, flow: PaperFlow) -> None:
    """A document that by rule is not carried is ignored with its reason."""
    flow.paper.write("C", account="none")
    road = road_of(ledger, flow)
    walk(road)
    assert states(road) == {"confirmed": 2, "ignored": 1}


def test_a_refused_document_is_held_and_the_others_go_on(ledger: Ledger, flow: PaperFlow) -> None:
    """The target's no holds one record."""

    def refuse(batch: Sequence[Outgoing]) -> None:
        if batch[0].entry.key == "B":
            raise RecordError("no", cause=Cause.REJECTED_BY_TARGET)

    flow.before_deliver = refuse
    road = road_of(ledger, flow)
    walk(road)
    assert states(road) == {"confirmed": 2, "held": 1}


def test_a_batch_refused_whole_is_halved_until_the_bad_one_stands_alone(ledger: Ledger, flow: PaperFlow) -> None:
    """All or nothing batches lose only the record that is wrong."""
    flow.deliver_batch = 50

    def refuse(batch: Sequence[Outgoing]) -> None:
        if any(outgoing.entry.key == "B" for outgoing in batch):
            raise RecordError("no", cause=Cause.REJECTED_BY_TARGET)

    flow.before_deliver = refuse
    road = road_of(ledger, flow)
    walk(road)
    assert sorted(key for key, _ in flow.kept) == ["A", "C"]
    assert states(road) == {"confirmed": 2, "held": 1}


def test_an_unreachable_target_postpones_and_the_next_pass_delivers(ledger: Ledger, flow: PaperFlow) -> None:
    """Nothing is lost while the other side is down, and the pass says that it was interrupted."""

    def down(batch: Sequence[Outgoing]) -> None:
        raise TransientError("no connection", refused=True)

    flow.before_deliver = down
    road = road_of(ledger, flow)
    tally = walk(road)["deliver"]
    assert tally.interrupted == "no connection"
    assert states(road) == {"postponed": 3}
    flow.before_deliver = lambda batch: None
    walk(road)
    assert len(flow.kept) == 3


def test_a_lost_answer_is_looked_up_and_not_sent_again(ledger: Ledger, flow: PaperFlow) -> None:
    """The write landed and its answer was lost: the next pass finds it."""

    def lose(batch: Sequence[Outgoing]) -> None:
        raise OutcomeUnknownError("sent, answer lost")

    flow.after_deliver = lose
    road = road_of(ledger, flow)
    walk(road)
    assert states(road) == {"unknown": 3}
    flow.after_deliver = lambda batch: None
    walk(road)
    assert len(flow.kept) == 3
    assert states(road) == {"confirmed": 3}


def test_a_write_that_never_arrived_is_sent_after_looking(ledger: Ledger, flow: PaperFlow) -> None:
    """Unknown and absent: it may be sent again."""

    def lose(batch: Sequence[Outgoing]) -> None:
        raise OutcomeUnknownError("sent, answer lost")

    flow.before_deliver = lose
    road = road_of(ledger, flow)
    walk(road)
    flow.before_deliver = lambda batch: None
    walk(road)
    assert len(flow.kept) == 3
    assert states(road) == {"confirmed": 3}


def test_an_unknown_write_waits_until_the_target_can_no_longer_perform_it(ledger: Ledger, flow: PaperFlow) -> None:
    """Looking too early could miss a write that is still under way."""
    flow.settle_after = 75.0

    def lose(batch: Sequence[Outgoing]) -> None:
        raise OutcomeUnknownError("sent, answer lost")

    flow.before_deliver = lose
    road = road_of(ledger, flow)
    walk(road)
    flow.before_deliver = lambda batch: None
    walk(road)
    assert flow.kept == []
    ledger.clock.sleep(76)
    walk(road)
    assert len(flow.kept) == 3


def test_what_cannot_be_amended_is_held_when_it_changes(ledger: Ledger, flow: PaperFlow) -> None:
    """A target that takes no changes never gets a second document instead."""
    flow.amends = False
    flow.paper.documents = {"A": flow.paper.documents["A"]}
    road = road_of(ledger, flow)
    walk(road)
    flow.paper.write("A", amount="5.00")
    walk(road)
    (entry,) = ledger.books("acme").reports.select(flow="papers")
    assert (entry.state, entry.cause) == (State.HELD, Cause.CHANGED_AFTER_DELIVERY)
    deliver(road, REPLAY)
    assert (flow.kept, flow.amended) == ([("A", "1.00")], [])


def test_an_amendment_whose_answer_is_lost_is_made_again(ledger: Ledger, flow: PaperFlow) -> None:
    """That the document is there says nothing of the amendment: it is sent again, which changes nothing twice."""
    flow.paper.documents = {"A": flow.paper.documents["A"]}
    road = road_of(ledger, flow)
    walk(road)
    flow.paper.write("A", amount="5.00")

    def lose(_batch: Sequence[Outgoing]) -> None:
        raise OutcomeUnknownError("lost on the way there")

    flow.before_deliver = lose
    walk(road)
    assert flow.amended == []
    flow.before_deliver = lambda batch: None
    walk(road)
    assert (flow.kept, flow.amended) == ([("A", "1.00")], [("A", "5.00")])


def test_what_a_dead_worker_may_have_sent_last_is_waited_for_from_its_end(ledger: Ledger, flow: PaperFlow) -> None:
    """It announced its writes, waited long for the rate limit, and died in a call: the target may still perform it."""
    flow.settle_after = 75.0
    flow.paper.documents = {"A": flow.paper.documents["A"]}
    road = road_of(ledger, flow)
    collect(road)
    translate(road)

    def die(_batch: Sequence[Outgoing]) -> None:
        ledger.clock.sleep(600)
        raise KeyboardInterrupt

    flow.before_deliver = die
    with pytest.raises(KeyboardInterrupt):
        deliver(road)
    flow.before_deliver = lambda batch: None
    deliver(road)
    ledger.clock.sleep(60)
    deliver(road)
    flow.kept.append(("A", "1.00"))  # now the target performs it
    ledger.clock.sleep(60)
    deliver(road)
    assert flow.kept == [("A", "1.00")]


def test_a_change_while_the_first_version_is_unknown_waits_for_it(ledger: Ledger, flow: PaperFlow) -> None:
    """A successor never overtakes a write of unknown outcome, so the key has one document in the end."""

    def lose(batch: Sequence[Outgoing]) -> None:
        raise OutcomeUnknownError("sent, answer lost")

    flow.after_deliver = lose
    road = road_of(ledger, flow)
    walk(road)
    flow.after_deliver = lambda batch: None
    flow.paper.write("A", amount="7.00")
    walk(road)
    walk(road)
    assert [key for key, _ in flow.kept].count("A") == 1
    assert flow.amended == [("A", "7.00")]


def test_wrong_settings_stop_the_connection_and_lose_nothing(ledger: Ledger, flow: PaperFlow) -> None:
    """A refused credential raises, and everything is due again."""

    def refuse(batch: Sequence[Outgoing]) -> None:
        raise ConfigurationError("acme/target: secret refused")

    flow.before_deliver = refuse
    road = road_of(ledger, flow)
    with pytest.raises(ConfigurationError):
        walk(road)
    flow.before_deliver = lambda batch: None
    walk(road)
    assert len(flow.kept) == 3


def test_our_own_fault_after_a_call_counts_as_unknown(ledger: Ledger, flow: PaperFlow) -> None:
    """A mistake of ours after the write cannot make a second document."""

    def stumble(batch: Sequence[Outgoing]) -> None:
        raise KeyError("oops")

    flow.after_deliver = stumble
    road = road_of(ledger, flow)
    with pytest.raises(KeyError):
        walk(road)
    flow.after_deliver = lambda batch: None
    walk(road)
    assert sorted(key for key, _ in flow.kept) == ["A", "B", "C"]


def test_a_restored_backup_finds_what_is_there(ledger: Ledger, flow: PaperFlow, tmp_path: Path) -> None:
    """An empty ledger against a full target adopts the documents instead of making them twice."""
    walk(road_of(ledger, flow))
    (tmp_path / "new").mkdir()
    second = open_ledger(tmp_path / "new")
    walk(road_of(second, flow))
    second.engine.dispose()
    assert len(flow.kept) == 3


def test_two_workers_of_one_connection_do_not_meet(ledger: Ledger, flow: PaperFlow) -> None:
    """The second is told who is at work."""
    road = road_of(ledger, flow)
    with road.worked(), pytest.raises(LeaseTakenError, match="at work until"):
        collect(road)


@pytest.mark.parametrize("overtaken_at", ["announced", "called"])
def test_a_worker_that_slept_beyond_its_lease_calls_nobody(ledger: Ledger, flow: PaperFlow, overtaken_at: str) -> None:
    """Paused before a call while another took over, it makes no call when it wakes; the other one settles all."""

    def pause(step: str, _records: int) -> None:
        if step == overtaken_at and not slept:
            slept.append(step)
            ledger.clock.sleep(3600)
            ledger.leases.take("acme", "another:1:1")

    slept: list[str] = []
    walk_until_translated(road_of(ledger, flow))
    road = Road(flow, ledger, ledger.books("acme"), calls_in_flight=1, watch=pause)
    with pytest.raises(LeaseLostError):
        deliver(road)
    assert len(flow.kept) == (0 if overtaken_at == "announced" else 1)
    ledger.clock.sleep(3600)
    deliver(road_of(ledger, flow))
    assert sorted(reference for reference, _ in flow.kept) == ["A", "B", "C"]


def test_a_worker_that_slept_and_was_not_overtaken_goes_on(ledger: Ledger, flow: PaperFlow) -> None:
    """Its lease had ended and nobody wanted it: it takes it up again and finishes."""
    walk_until_translated(road_of(ledger, flow))

    def pause(step: str, _records: int) -> None:
        if step == "announced":
            ledger.clock.sleep(3600)

    deliver(Road(flow, ledger, ledger.books("acme"), calls_in_flight=1, watch=pause))
    assert len(flow.kept) == 3


def walk_until_translated(road: Road) -> None:
    collect(road)
    translate(road)


def test_an_overtaken_worker_writes_nothing(ledger: Ledger, flow: PaperFlow) -> None:
    """A worker whose lease went to another is refused in the statement that would record its outcome."""
    road = road_of(ledger, flow)
    collect(road)
    translate(road)

    def overtake(batch: Sequence[Outgoing]) -> None:
        ledger.clock.sleep(3600)
        ledger.leases.take("acme", "another:1:1")

    flow.after_deliver = overtake
    flow.paper.documents = {"A": flow.paper.documents["A"]}
    with pytest.raises((LeaseLostError, LeaseTakenError)):
        deliver(road)
    assert states(road)["sending"] == 3


def test_events_by_webhook_are_taken_in_once(ledger: Ledger, flow: PaperFlow) -> None:
    """An event names a document; it is read, and the event is finished."""
    road = road_of(ledger, flow)
    for _ in range(2):
        ledger.inbox.store("acme", event_id="E1", event_type="paper.written", flow="papers", object_id="A", body=b"{}")
    assert collect(road).counts["heard"] == 1
    assert ledger.inbox.waiting() == []


def test_a_record_that_cannot_be_read_is_held_and_kept(ledger: Ledger, flow: PaperFlow) -> None:
    """It is in the ledger with its cause, and the others go on."""

    class Torn(PaperFlow):
        def fetch(self, sighting):  # type: ignore[no-untyped-def]  # as the parent
            if sighting.key == "B":
                raise RecordError("amount: 'x' is no number", cause=Cause.UNREADABLE)
            return super().fetch(sighting)

    road = road_of(ledger, Torn(flow.paper))
    walk(road)
    (group,) = road.books.reports.held()
    assert group.cause == Cause.UNREADABLE
    assert states(road) == {"confirmed": 2, "held": 1}


def test_the_trail_tells_the_whole_story(ledger: Ledger, flow: PaperFlow) -> None:
    """Every step of a document is an event, in order."""
    road = road_of(ledger, flow)
    walk(road)
    (entry,) = road.books.reports.find("INV-A")
    kinds = [happening.kind for happening in road.books.reports.trail(entry)]
    assert kinds == ["received", "translated", "sending", "delivered", "sending", "confirmed"]


def test_steps_are_told_to_the_watcher(ledger: Ledger, flow: PaperFlow) -> None:
    """Progress and crash tests hear of every commit and call."""
    heard: list[str] = []
    walk(road_of(ledger, flow, watch=lambda step, _: heard.append(step)))
    assert heard[0] == "received"
    assert {"translated", "announced", "called", "settled"} <= set(heard)


def test_a_held_write_back_is_tried_again_on_replay(ledger: Ledger, flow: PaperFlow) -> None:
    """A hold at the confirm stage goes back to delivered and is told again, without a second delivery."""

    def refuse(batch: Sequence[Outgoing]) -> None:
        raise RecordError("locked", cause=Cause.CHANGED_ELSEWHERE)

    flow.before_confirm = refuse
    road = road_of(ledger, flow)
    walk(road)
    assert states(road) == {State.HELD.value: 3}
    flow.before_confirm = lambda batch: None
    assert confirm(road, REPLAY).counts == {"replayed": 3, "landed": 3}
    assert len(flow.kept) == 3


@pytest.mark.parametrize("first", ["A", "B", "C", "A again", "B again"])
def test_every_order_of_five_events_ends_the_same(tmp_path: Path, first: str) -> None:
    """Events only name what to read: in all 120 orders, one at a time, each document is made once, as it is now."""
    events = ["A", "B", "C", "A again", "B again"]
    rest = [event for event in events if event != first]
    ledger = open_ledger(tmp_path, kind="sqlite")
    for number, order in enumerate(itertools.permutations(rest)):
        flow = PaperFlow(Paper(A="1.00", B="2.50", C="3.00"))
        flow.feeds = list  # type: ignore[method-assign]  # this source is heard of by events alone
        books = ledger.books(f"acme{number}")
        road = Road(flow, ledger, books, calls_in_flight=1)
        for event in (first, *order):
            ledger.inbox.store(
                books.connection,
                event_id=event,
                event_type="paper.written",
                flow=flow.name,
                object_id=event[0],
                body=b"{}",
            )
            if event == order[1]:
                walk(road)
        walk(road)
        assert sorted(flow.kept) == [("A", "1.00"), ("B", "2.50"), ("C", "3.00")], (first, *order)
        assert flow.amended == []
    ledger.engine.dispose()
