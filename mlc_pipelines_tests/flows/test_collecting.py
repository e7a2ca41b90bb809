"""Collect: what is read, what is written down of it, and when the watermark moves."""

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlc_pipelines.errors import Cause, RecordError, TransientError
from mlc_pipelines.flows import collecting
from mlc_pipelines.flows.collecting import LONG_AGO, PATIENCE, SILENT_CALLS, _Source, collect, unreadable
from mlc_pipelines.flows.flow import Sighting
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import SourceRecord
from mlc_pipelines.wire.rows import Unread
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, road_of
from mlc_pipelines_tests.webhooks.post import eventually

THIRD, FOURTH, FIFTH = (datetime(2026, 11, day, tzinfo=UTC) for day in (3, 4, 5))


class Stamped(PaperFlow):
    """Lists its documents with given positions, and notes from where it was asked to."""

    def __init__(self, positions: dict[str, datetime | None]) -> None:
        super().__init__(Paper(**dict.fromkeys(positions, "1.00")))
        self.positions = positions
        self.asked: list[datetime | None] = []
        self.down_after: int | None = None

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List by position; go down after so many."""
        self.asked.append(since)
        for number, (key, position) in enumerate(self.positions.items()):
            if number == self.down_after:
                raise TransientError("ifs/proposals: no connection")
            yield Sighting(key, tag=str(self.paper.documents[key]["version"]), position=position)


def test_the_watermark_is_the_farthest_that_was_listed(ledger: Ledger) -> None:
    """Whatever order a list has; the next pass asks from there, and it never goes back."""
    flow = Stamped({"A": THIRD, "B": FIFTH, "C": FOURTH, "D": None})
    road = road_of(ledger, flow)
    collect(road)
    assert road.books.progress.position("papers", "all") == FIFTH
    flow.positions = {"C": FOURTH}
    flow.paper.write("C")
    collect(road)
    flow.positions = {}
    collect(road)
    assert flow.asked == [None, FIFTH, FIFTH]
    assert road.books.progress.position("papers", "all") == FIFTH


def test_a_list_without_positions_leaves_no_watermark(ledger: Ledger) -> None:
    """It is read from the beginning each time."""
    flow = Stamped({"A": None, "B": None})
    road = road_of(ledger, flow)
    collect(road)
    collect(road)
    assert flow.asked == [None, None]
    assert road.books.progress.positions("papers") == {}


def test_a_source_that_breaks_off_moves_no_watermark(ledger: Ledger) -> None:
    """The pass says why; what was not committed is read again."""
    flow = Stamped({"A": THIRD, "B": FOURTH, "C": FIFTH})
    flow.down_after = 2
    road = road_of(ledger, flow)
    assert collect(road).interrupted == "ifs/proposals: no connection"
    assert road.books.progress.positions("papers") == {}
    flow.down_after = None
    tally = collect(road)
    assert (tally.interrupted, tally.counts) == (None, {"seen": 2, "new": 1})


def test_what_came_is_counted_and_told(ledger: Ledger) -> None:
    """New, changed and seen; the last is not news to a watcher."""
    told: list[tuple[str, int]] = []
    flow = PaperFlow(Paper(A="1.00", B="1.00", C="1.00"))
    road = road_of(ledger, flow, watch=lambda step, number: told.append((step, number)))
    assert collect(road).counts == {"new": 3}
    flow.paper.write("A", amount="2.00")
    flow.paper.write("B")  # touched: read again, and found equal
    flow.paper.write("D")
    assert collect(road).counts == {"seen": 2, "new": 1, "changed": 1}
    assert told == [("received", 3), ("received", 2)]
    last = road.books.progress.last()[0]
    assert (last.stage, last.counts) == ("collect", {"seen": 2, "new": 1, "changed": 1})


def test_letters_that_name_nothing_are_heard_and_finished(ledger: Ledger) -> None:
    """One that names no record, and one of a kind that the flow does not know."""
    flow = PaperFlow(Paper(A="1.00"))
    flow.feeds = list  # type: ignore[method-assign]  # this source is heard of by events alone
    road = road_of(ledger, flow)
    for event, kind, key in (("E1", "paper.written", None), ("E2", "paper.burnt", "A")):
        ledger.inbox.store("acme", event_id=event, event_type=kind, flow="papers", object_id=key, body=b"{}")
    assert collect(road).counts == {"heard": 2}
    assert ledger.inbox.waiting() == []


@pytest.mark.parametrize(
    ("carry", "content"),
    [(None, b"A^1"), ({"n": 1}, b"{'n': 1}"), ("\ud800", b"\\ud800"), (Unread(b'{"n": 1}', "torn"), b'{"n": 1}')],
)
def test_what_cannot_be_read_is_kept_as_it_is_known(carry: object, content: bytes) -> None:
    """Under its own key, with the mark it was seen by, so that it is read again when that changes."""
    record = unreadable(Sighting("A^1", tag="W/7", carry=carry), "torn")
    assert (record.key, record.label, record.tag, record.company) == ("A^1", "A^1", "W/7", "")
    assert (record.content, record.fingerprint, record.problem) == (content, digest(content), "torn")


class Failing(PaperFlow):
    """A source that does not answer for some documents until it is mended; it lists from the watermark on."""

    at: Sequence[str] = ()

    def __init__(self, paper: Paper) -> None:
        super().__init__(paper)
        self.asked: list[str] = []

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List what is not older than that."""
        listed = super().collect(feed, since)
        return (each for each in listed if since is None or each.position is None or each.position >= since)

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Read a document, or do not answer."""
        self.asked.append(sighting.key)
        if sighting.key in self.at:
            raise TransientError("ifs/proposals: no connection")
        return super().fetch(sighting)


def test_what_was_read_before_a_source_fell_silent_is_kept(ledger: Ledger) -> None:
    """It is written down, and not asked for again; the watermark waits for the rest."""
    flow = Failing(Paper(**{f"D{number:02}": "1.00" for number in range(40)}))
    flow.at = [f"D{number:02}" for number in range(30, 40)]
    road = road_of(ledger, flow)
    tally = collect(road)
    assert tally.interrupted == "ifs/proposals: no connection"
    kept = sum(road.books.entries.tally("papers").values())
    assert 0 < kept < 40
    assert tally.counts["new"] == kept
    assert road.books.progress.positions("papers") == {}
    flow.at = []
    assert collect(road).counts == {"seen": kept, "new": 40 - kept}


@pytest.mark.parametrize("at", ["D00", "D17", "D39"])
def test_one_record_that_the_source_cannot_give_stops_no_other(ledger: Ledger, at: str) -> None:
    """It is held, the others go on; it is read again with each pass."""
    flow = Failing(Paper(**{f"D{number:02}": "1.00" for number in range(40)}))
    flow.at = [at]
    road = road_of(ledger, flow)
    for _ in range(3):
        assert collect(road).interrupted is None
        translate(road)
        assert road.books.entries.tally("papers") == {"held": 1, "translated": 39}
    flow.at = []
    assert collect(road).counts["changed"] == 1
    translate(road)
    assert road.books.entries.tally("papers") == {"translated": 40}


def test_a_change_that_the_source_cannot_give_leaves_its_record_as_it_is(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """Not held, for it may be delivered already; the watermark waits before the change, however long."""
    flow = Failing(Paper(A="1.00", B="1.00"))
    road = road_of(ledger, flow)
    collect(road)
    translate(road)
    flow.paper.write("A", amount="2.00")
    flow.at = ["A"]
    flow.paper.write("C", version=7)
    for _ in range(3):
        tally = collect(road)
        assert (tally.interrupted, tally.counts["unread"]) == (None, 1)
        ledger.clock.sleep(PATIENCE.total_seconds())
    told = [(each.message, each.__dict__["flow"], each.__dict__["key"]) for each in caplog.records]
    assert told == 3 * [("record did not come", "papers", "A")]
    assert road.books.entries.tally("papers") == {"translated": 2, "received": 1}
    listed = {each.key: each.position or LONG_AGO for each in flow.collect("all", None)}
    assert road.books.progress.position("papers", "all") == listed["A"] < listed["C"]
    flow.at = []
    assert collect(road).counts["changed"] == 1
    assert road.books.progress.position("papers", "all") == listed["C"]


def test_a_change_that_comes_torn_is_held_after_a_day(ledger: Ledger) -> None:
    """Until then it may only have been torn on its way, and what was delivered is not disturbed."""

    class Torn(PaperFlow):
        torn = False

        def fetch(self, sighting: Sighting) -> SourceRecord | None:
            if self.torn and sighting.key == "A":
                raise RecordError("an answer that is no JSON", cause=Cause.UNREADABLE)
            return super().fetch(sighting)

    flow = Torn(Paper(A="1.00", B="1.00"))
    road = road_of(ledger, flow)
    collect(road)
    today = (ledger.clock.now() - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()
    flow.paper.write("A", amount="2.00", version=int(today))
    flow.torn = True
    assert collect(road).counts["unread"] == 1
    assert [entry.version for entry in road.books.reports.find("A")] == [1]
    ledger.clock.sleep(PATIENCE.total_seconds() + 5)
    collect(road)
    translate(road)
    assert road.books.entries.tally("papers") == {"held": 1, "translated": 1}
    flow.torn = False
    collect(road)
    translate(road)
    assert road.books.entries.tally("papers") == {"translated": 2}


def test_a_letter_waits_for_its_record(ledger: Ledger) -> None:
    """One whose record does not come stays for the next pass, and stops neither the other letters nor the feeds."""
    flow = Failing(Paper(A="1.00", B="1.00", C="1.00"))
    flow.at = ["A"]
    flow.feeds = list  # type: ignore[method-assign]  # this source is heard of by events alone
    road = road_of(ledger, flow)
    for event, key in (("E1", "A"), ("E2", "B")):
        ledger.inbox.store("acme", event_id=event, event_type="paper.written", flow="papers", object_id=key, body=b"{}")
    assert collect(road).counts == {"new": 2, "unread": 1, "heard": 1}
    assert [each.count for each in ledger.inbox.waiting()] == [1]
    flow.at = []
    assert collect(road).counts == {"changed": 1, "heard": 1}
    assert ledger.inbox.waiting() == []


def test_a_letter_whose_record_came_torn_is_answered_again(ledger: Ledger) -> None:
    """The feed may never list it again. After a day what came is what there is, held for a person."""

    class Torn(PaperFlow):
        whole = False

        def fetch(self, sighting: Sighting) -> SourceRecord | None:
            if not self.whole:
                raise RecordError("an answer that is no JSON", cause=Cause.UNREADABLE)
            return super().fetch(sighting)

    flow = Torn(Paper(A="1.00"))
    flow.feeds = list  # type: ignore[method-assign]  # this source is heard of by events alone
    road = road_of(ledger, flow)
    ledger.inbox.store("acme", event_id="E1", event_type="paper.written", flow="papers", object_id="A", body=b"{}")
    collect(road)
    assert len(ledger.inbox.waiting()) == 1
    flow.whole = True
    collect(road)
    assert ledger.inbox.waiting() == []
    translate(road)
    assert road.books.entries.tally("papers") == {"translated": 1}

    flow.whole = False
    ledger.inbox.store("acme", event_id="E2", event_type="paper.written", flow="papers", object_id="A", body=b"{}")
    ledger.clock.sleep(PATIENCE.total_seconds() + 1)
    collect(road)
    assert ledger.inbox.waiting() == []


def test_a_feed_that_cannot_be_read_stops_no_other(ledger: Ledger) -> None:
    """Unless several in a row cannot: then nobody is asked any more."""
    asked = []

    class Companies(PaperFlow):
        down: Sequence[str] = ("10", "30", "40", "50")

        def feeds(self) -> Sequence[str]:
            return ["10", "20", "30", "40", "50", "60"]

        def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
            asked.append(feed)
            if feed in self.down:
                raise TransientError(f"{feed}: HTTP 500")
            return super().collect(feed, since)

    tally = collect(road_of(ledger, Companies(Paper(A="1.00"))))
    assert (tally.interrupted, tally.counts) == ("10: HTTP 500", {"new": 1})
    assert asked == ["10", "20", "30", "40", "50"]


def test_failures_between_answers_are_no_silence(ledger: Ledger) -> None:
    """However many records do not come: as long as others do, each of them is asked for."""
    flow = Failing(Paper(**{f"D{number:02}": "1.00" for number in range(40)}))
    flow.at = [f"D{number:02}" for number in range(0, 40, 2)]
    road = road_of(ledger, flow)
    tally = collect(road)
    assert (tally.interrupted, tally.counts) == (None, {"new": 40, "unread": 20})
    translate(road)
    assert road.books.entries.tally("papers") == {"held": 20, "translated": 20}


def test_a_silent_source_is_not_asked_for_everything(ledger: Ledger) -> None:
    """After ten calls in a row without an answer nobody calls any more."""
    flow = Failing(Paper(**{f"D{number:02}": "1.00" for number in range(40)}))
    flow.at = sorted(flow.paper.documents)
    assert collect(road_of(ledger, flow, calls_in_flight=1)).counts == {}
    assert flow.asked == flow.at[:SILENT_CALLS]


def test_a_late_answer_does_not_wake_a_silent_source(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was asked for before the others gave up, and is kept; what was not asked for is not held."""
    sources: list[_Source] = []

    class Watched(_Source):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            sources.append(self)

    class Late(Failing):
        def fetch(self, sighting: Sighting) -> SourceRecord | None:
            record = super().fetch(sighting)
            assert eventually(lambda: len(sources[0]._silence) == SILENT_CALLS)
            return record

    monkeypatch.setattr(collecting, "_Source", Watched)
    flow = Late(Paper(**{f"D{number:02}": "1.00" for number in range(40)}))
    flow.at = sorted(flow.paper.documents)[1:]
    road = road_of(ledger, flow, calls_in_flight=2)
    tally = collect(road)
    assert (tally.interrupted, tally.counts) == ("ifs/proposals: no connection", {"new": 1})
    assert len(flow.asked) == 1 + SILENT_CALLS


def test_after_a_feed_that_fell_silent_the_next_one_is_asked(ledger: Ledger) -> None:
    """That nobody answers for one company says nothing of another."""

    class Companies(Failing):
        def feeds(self) -> Sequence[str]:
            return ["10", "20"]

        def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
            return (each for each in super().collect(feed, since) if each.key.startswith(feed))

    flow = Companies(Paper(**{f"10^{number:02}": "1.00" for number in range(40)}, **{"20^01": "1.00"}))
    flow.at = [f"10^{number:02}" for number in range(40)]
    road = road_of(ledger, flow)
    tally = collect(road)
    assert (tally.interrupted, tally.counts) == ("ifs/proposals: no connection", {"new": 1})
    assert list(road.books.progress.positions("papers")) == ["20"]


def test_a_source_that_answers_neither_letters_nor_feeds_is_let_alone(ledger: Ledger) -> None:
    """Letters, and two feeds: that is three in a row."""
    asked = []

    class Down(Failing):
        def feeds(self) -> Sequence[str]:
            return ["10", "20", "30"]

        def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
            asked.append(feed)
            raise TransientError("ifs/proposals: no connection")

    flow = Down(Paper(**{f"D{number:02}": "1.00" for number in range(40)}))
    flow.at = sorted(flow.paper.documents)
    for key in flow.at:
        ledger.inbox.store("acme", event_id=key, event_type="paper.written", flow="papers", object_id=key, body=b"{}")
    tally = collect(road_of(ledger, flow))
    assert (tally.interrupted, tally.counts) == ("ifs/proposals: no connection", {})
    assert asked == ["10", "20"]
    assert sum(each.count for each in ledger.inbox.waiting()) == 40


class Partly(Stamped):
    """Lists by given positions; one document is not answered for, or comes torn."""

    error: Exception | None = None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Read a document; not `A`, while there is an error."""
        if self.error is not None and sighting.key == "A":
            raise self.error
        return super().fetch(sighting)


TORN, UNANSWERED = RecordError("an answer that is no JSON", cause=Cause.UNREADABLE), TransientError("no connection")


@pytest.mark.parametrize("error", [TORN, UNANSWERED], ids=["torn", "unanswered"])
@pytest.mark.parametrize("known", [True, False])
def test_what_is_missed_without_a_position_moves_no_watermark_back(
    ledger: Ledger, error: Exception, *, known: bool
) -> None:
    """It waits where it is: before that the source was read to the end."""
    now = ledger.clock.now()
    flow = Partly({"B": now - timedelta(hours=2)} | ({"A": None} if known else {}))
    road = road_of(ledger, flow)
    collect(road)
    before = road.books.progress.position("papers", "all")
    assert before == now - timedelta(hours=2)
    flow.error = error
    for key in ("A", "B"):
        flow.paper.write(key)
    flow.positions = {"A": None, "B": now - timedelta(hours=1)}
    assert collect(road).interrupted is None
    assert road.books.progress.position("papers", "all") == before


def test_a_list_without_positions_may_miss_one(ledger: Ledger) -> None:
    """There is no watermark to hold back; it is listed again with every pass."""
    flow = Partly({"A": None, "B": None})
    flow.error = UNANSWERED
    road = road_of(ledger, flow)
    assert collect(road).counts == {"new": 2, "unread": 1}
    flow.error = None
    assert collect(road).counts == {"seen": 1, "changed": 1}
    assert road.books.progress.positions("papers") == {}


def test_a_few_records_are_fetched_at_the_same_time(ledger: Ledger) -> None:
    """Each in a call of its own: as many at once as calls may be in flight."""
    together = threading.Barrier(4, timeout=20)

    class Meeting(PaperFlow):
        def fetch(self, sighting: Sighting) -> SourceRecord | None:
            together.wait()
            return super().fetch(sighting)

    road = road_of(ledger, Meeting(Paper(A="1.00", B="1.00", C="1.00", D="1.00")))
    assert collect(road).counts == {"new": 4}
