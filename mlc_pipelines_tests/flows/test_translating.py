"""Translate: holds with their causes, releases, replays, and the trail that each leaves."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mlc_pipelines.errors import Cause, TransientError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import deliver
from mlc_pipelines.flows.flow import Outgoing, Sighting
from mlc_pipelines.flows.road import Choice, Road
from mlc_pipelines.flows.translating import put_back, translate
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, road_of
from mlc_pipelines_tests.ledger.builders import newest


def collected(ledger: Ledger, flow: PaperFlow) -> Road:
    road = road_of(ledger, flow)
    collect(road)
    return road


class Coded(PaperFlow):
    """Sends the account by the table."""

    def __init__(self, paper: Paper) -> None:
        super().__init__(paper)
        self.coded: dict[str, str] = {}

    def translate(self, entry: Entry) -> Translated | Ignored:
        document = json.loads(entry.source)
        super().translate(entry)
        made = {"amount": document["amount"], "account": self.accounts[document["account"]]}
        return Translated(json.dumps(made).encode(), entry.key)

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        landed = super().deliver(batch)
        self.coded |= {outgoing.entry.key: outgoing.payload["account"] for outgoing in batch}
        return landed


def unreachable(_batch: Sequence[Outgoing]) -> None:
    raise TransientError("away")


def last_event(road: Road, key: str) -> tuple[str, str, dict[str, Any]]:
    """Kind, actor and facts of the last event of a record, without the seal of its row."""
    last = road.books.reports.trail(newest(road.books, key))[-1]
    return last.kind, last.actor, {name: value for name, value in json.loads(last.detail).items() if name != "row"}


def test_each_record_is_counted_by_what_became_of_it(ledger: Ledger) -> None:
    """One translated, one held, one ignored; and so the pass is noted and told."""
    told: list[tuple[str, int]] = []
    flow = PaperFlow(Paper(A="1.00", B="1.00", C="1.00"))
    flow.paper.write("B", account="6990")
    flow.paper.write("C", account="none")
    road = road_of(ledger, flow, watch=lambda step, number: told.append((step, number)))
    collect(road)
    began = ledger.clock.now()
    counts = {"translated": 1, "held": 1, "ignored": 1}
    assert translate(road).counts == counts
    assert told[1:] == [("translated", 3)]
    last = road.books.progress.last()[0]
    assert (last.flow, last.stage, last.counts) == ("papers", "translate", counts)
    assert began < last.started_at < last.finished_at


def test_the_trail_names_payload_cause_and_rule(ledger: Ledger) -> None:
    """Never the payload itself, but its hash."""
    flow = PaperFlow(Paper(A="1.00", B="1.00", C="1.00"))
    flow.paper.write("B", account="6990")
    flow.paper.write("C", account="none")
    road = collected(ledger, flow)
    translate(road)
    made = {"payload": digest(b'{"amount":"1.00"}'), "reference": "A"}
    held = {"cause": "account_unmapped", "key": "account:6990", "problem": "no such account"}
    assert last_event(road, "A") == ("translated", "mlc", made)
    assert last_event(road, "B") == ("held", "mlc", held)
    assert last_event(road, "C") == ("ignored", "mlc", {"cause": "not_ours", "key": None, "problem": "no account"})
    ready, stopped, left = (newest(road.books, key) for key in "ABC")
    assert (ready.payload, ready.reference) == (b'{"amount":"1.00"}', "A")
    assert (stopped.cause, stopped.cause_key, stopped.problem) == (
        Cause.ACCOUNT_UNMAPPED,
        "account:6990",
        "no such account",
    )
    assert (left.cause, left.cause_key, left.problem) == (Cause.NOT_OURS, None, "no account")


def test_a_release_names_the_word_that_was_learnt(ledger: Ledger) -> None:
    """What was held, and what was ignored until something changes, comes back; the rest stays."""

    class Patient(PaperFlow):
        def translate(self, entry: Entry) -> Translated | Ignored:
            made = super().translate(entry)
            return Ignored(Cause.NOT_READY, "no desk", "desk:7") if isinstance(made, Ignored) else made

    flow = Patient(Paper(A="1.00", B="1.00", C="1.00"))
    flow.paper.write("A", account="6990")
    flow.paper.write("B", account="none")
    flow.paper.write("C", account="6991")
    road = collected(ledger, flow)
    translate(road)
    road.books.dictionary.learn("desk", {"7": "there"})
    road.books.dictionary.learn("account", {"6990": "there"})
    assert translate(road).counts == {"released": 2, "held": 1, "ignored": 1}
    (entry,) = road.books.reports.select(flow="papers", keys=["B"])
    released = road.books.reports.trail(entry)[-2]
    assert (released.kind, json.loads(released.detail)["cause_key"]) == ("released", "desk:7")


def test_an_unreadable_dictionary_interrupts_before_anything_is_released(ledger: Ledger) -> None:
    """Half a dictionary would hold what it could translate."""

    class Closed(PaperFlow):
        def prepare(self) -> None:
            raise TransientError("the accounts cannot be read")

    road = collected(ledger, Closed(Paper(A="1.00")))
    tally = translate(road)
    assert (tally.interrupted, tally.counts) == ("the accounts cannot be read", {})
    assert newest(road.books, "A").state is State.RECEIVED


def test_a_choice_puts_back_what_it_names(ledger: Ledger) -> None:
    """By key, by cause and by day; each under the name of who chose, with the reason."""
    flow = PaperFlow(Paper(A="1.00", B="1.00", C="1.00"))
    for key in "ABC":
        flow.paper.write(key, account="6990")
    road = collected(ledger, flow)
    translate(road)
    later = ledger.clock.now()
    for choice, count in (
        (Choice(reason="no", causes=("not_ours",)), 0),
        (Choice(reason="no", since=later), 0),
        (Choice(reason="corrected", actor="kim", keys=("A", "INV-B")), 2),
        (Choice(reason="corrected", actor="kim", causes=("account_unmapped",)), 1),
    ):
        assert put_back(road.books, "letters", choice, None) == 0
        assert put_back(road.books, "papers", choice, None) == count
    for key in "ABC":
        assert last_event(road, key) == ("replayed", "kim", {"reason": "corrected"})
        assert newest(road.books, key).state is State.RECEIVED


@pytest.mark.parametrize("away", [False, True], ids=["never tried", "postponed"])
def test_what_waits_to_be_sent_goes_by_the_tables_of_the_day(ledger: Ledger, away: bool) -> None:
    """A code that was corrected while the other side was away counts for all that has not been sent."""
    flow = Coded(Paper(A="1.00", B="2.00", C="3.00"))
    flow.paper.write("C", account="6990")
    flow.accounts = {"4010": "wrong", "6990": "right"}
    road = collected(ledger, flow)
    translate(road)
    if away:
        flow.before_deliver = unreachable
        deliver(road)
        flow.before_deliver = lambda batch: None
    flow.paper.write("B", amount="2.50")
    collect(road)
    flow.accounts = {"4010": "right", "6990": "right"}
    assert translate(road).counts == {"taken back": 1, "translated": 2}
    assert translate(road).counts == {}
    deliver(road)
    assert flow.coded == {"A": "right", "B": "right", "C": "right"}
    first = next(entry for entry in road.books.reports.select(flow="papers", keys=["A"]))
    kinds = [event.kind for event in road.books.reports.trail(first)]
    assert kinds[kinds.index("taken back") :][:2] == ["taken back", "translated"]


def test_what_waits_to_be_sent_and_cannot_be_coded_any_more_is_held(ledger: Ledger) -> None:
    """An account that was taken out of the table keeps it from being sent."""
    flow = Coded(Paper(A="1.00"))
    road = collected(ledger, flow)
    translate(road)
    flow.accounts = {}
    assert translate(road).counts == {"taken back": 1, "held": 1}
    deliver(road)
    assert flow.coded == {}


def test_what_is_dated_before_the_first_day_is_left_alone(ledger: Ledger) -> None:
    """Whoever carried it until then has it already; an earlier first day takes it up, a later one what waits."""
    flow = PaperFlow(Paper(A="1.00"))
    the_day = date(2026, 11, 3)  # of every paper
    road = road_of(ledger, flow, begins=the_day + timedelta(days=1))
    collect(road)
    assert translate(road).counts == {"ignored": 1}
    left = newest(road.books, "A")
    assert (left.cause, left.problem) == (Cause.NOT_OURS, "INV-A is of 2026-11-03, before documents_from (2026-11-04)")
    assert translate(road).counts == {}
    road = road_of(ledger, flow, begins=the_day)
    assert translate(road).counts == {"released": 1, "translated": 1}
    road = road_of(ledger, flow, begins=the_day + timedelta(days=1))
    assert translate(road).counts == {"taken back": 1, "ignored": 1}
    assert translate(road_of(ledger, flow, begins=date.min)).counts == {"released": 1, "translated": 1}


def test_what_has_no_date_is_carried_from_any_day(ledger: Ledger) -> None:
    """Nobody could say that it is older."""

    class Undated(PaperFlow):
        def fetch(self, sighting: Sighting) -> SourceRecord | None:
            record = super().fetch(sighting)
            return record and replace(record, dated=None)

    road = road_of(ledger, Undated(Paper(A="1.00")), begins=date(2026, 12, 1))
    collect(road)
    assert translate(road).counts == {"translated": 1}


def test_what_we_delivered_stays_ours_whatever_the_first_day(ledger: Ledger) -> None:
    """A change of it is told to the target."""
    flow = PaperFlow(Paper(A="1.00"))
    road = road_of(ledger, flow, begins=date.min)
    for stage in (collect, translate, deliver):
        stage(road)
    flow.paper.write("A", amount="2.00")
    road = road_of(ledger, flow, begins=date(2026, 12, 1))
    for stage in (collect, translate, deliver):
        stage(road)
    assert flow.amended == [("A", "2.00")]


def test_more_than_a_page_is_put_back_released_and_translated(ledger: Ledger) -> None:
    """No page is the last one only because it is full."""
    flow = PaperFlow(Paper(**{f"D{number:03}": "1.00" for number in range(501)}))
    for key in flow.paper.documents:
        flow.paper.write(key, account="6990")
    road = collected(ledger, flow)
    assert translate(road).counts == {"held": 501}
    assert translate(road, Choice(reason="again")).counts == {"replayed": 501, "held": 501}
    road.books.dictionary.learn("account", {"6990": "there"})
    assert translate(road).counts == {"released": 501, "held": 501}
