"""Records that nobody could foresee: each holds itself, the others go on, and the watermark hides nothing."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from mlc_pipelines.errors import Cause, RecordError, TransientError
from mlc_pipelines.flows.collecting import PATIENCE, collect
from mlc_pipelines.flows.delivery import deliver
from mlc_pipelines.flows.flow import Sighting
from mlc_pipelines.flows.road import Road
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import LONGEST_WORD, Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.ledger.states import State
from mlc_pipelines.wire.rows import MisshapenError, Unread
from mlc_pipelines_tests.flows.calls import entries_of
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, road_of

TORN = datetime(2026, 11, 19, 12, tzinfo=UTC)
GOOD = datetime(2026, 11, 20, 6, tzinfo=UTC)
LONG_AGO, JUST_AFTER = (datetime(1970, 1, 1, microsecond=number, tzinfo=UTC) for number in (0, 1))
FUTURE = datetime(2999, 1, 1, tzinfo=UTC)
ODD = (FUTURE, datetime(1969, 12, 31, tzinfo=UTC), datetime.min.replace(tzinfo=timezone(timedelta(hours=2))))
UNKEPT = ("", "\x00", "a\x00b", "\ud800", "x" * (LONGEST_WORD + 1), "é" * LONGEST_WORD)


class Feed(PaperFlow):
    """A source whose list, records and answers are what a test says."""

    def __init__(self, *sightings: Sighting) -> None:
        super().__init__(Paper(A="1.00", B="1.00"))
        self.sightings = list(sightings)
        self.torn: dict[str, Exception] = {}
        self.changes: dict[str, Any] = {}
        self.translated: Translated | Ignored | Exception | None = None
        self.asked: list[datetime | None] = []

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        self.asked.append(since)
        yield from self.sightings

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        if sighting.key in self.torn:
            raise self.torn[sighting.key]
        record = super().fetch(sighting)
        return replace(record, **self.changes) if record is not None and sighting.key == "A" else record

    def translate(self, entry: Entry) -> Translated | Ignored:
        if isinstance(self.translated, Exception) and entry.key == "A":
            raise self.translated
        if isinstance(self.translated, Translated | Ignored) and entry.key == "A":
            return self.translated
        return super().translate(entry)


def standing(road: Road) -> dict[str, tuple[State, Cause | None]]:
    return {entry.key: (entry.state, entry.cause) for entry in entries_of(road)}


def position(road: Road) -> datetime:
    found = road.books.progress.position("papers", "all")
    assert found is not None
    return found


# The watermark


@pytest.mark.parametrize("odd", ODD)
def test_one_wrong_date_hides_nothing(ledger: Ledger, odd: datetime) -> None:
    """A record of the future would hide every change until then; one of long ago would have all of it read again."""
    flow = Feed(Sighting("A", position=odd), Sighting("B", position=GOOD))
    road = road_of(ledger, flow)
    collect(road)
    assert position(road) == GOOD
    assert set(standing(road)) == {"A", "B"}
    flow.sightings = [Sighting("A", position=odd)]
    collect(road)
    collect(road)
    assert flow.asked == [None, GOOD, GOOD]


def test_one_wrong_date_hides_nothing_from_a_clock_that_is_ahead(ledger: Ledger) -> None:
    """What changes in the source between its time and ours is asked for."""
    flow = Feed(Sighting("A", position=ODD[0]), Sighting("B", position=GOOD))
    road = road_of(ledger, flow)
    ledger.clock.sleep(3 * 3600)
    collect(road)
    ledger.clock.sleep(-3 * 3600)
    collect(road)
    assert flow.asked == [None, GOOD]


@pytest.mark.parametrize(("odd", "makes_one"), [(ODD[1], False), (LONG_AGO, False), (JUST_AFTER, True)])
def test_a_date_before_all_computers_alone_makes_no_watermark(ledger: Ledger, odd: datetime, makes_one: bool) -> None:
    """It is nobody's last change."""
    road = road_of(ledger, Feed(Sighting("A", position=odd)))
    collect(road)
    assert road.books.progress.positions("papers") == ({"all": odd} if makes_one else {})


def test_a_watermark_of_the_future_is_brought_back(ledger: Ledger) -> None:
    """Whoever wrote it: a clock that was wrong, or an earlier version of us."""
    flow = Feed()
    road = road_of(ledger, flow)
    road.books.progress.advance("papers", "all", FUTURE)
    began = ledger.clock.now()
    collect(road)
    assert flow.asked[0] is not None
    assert began <= flow.asked[0] <= position(road) <= ledger.clock.now()


@pytest.mark.parametrize("known", [True, False])
def test_what_was_torn_on_the_way_is_read_again(ledger: Ledger, known: bool) -> None:
    """The watermark waits for it, whether or not its list row could be read, and goes on when it is whole."""
    torn = Sighting("A", tag="1", position=TORN) if known else Sighting("A", problem="half of it is missing")
    flow = Feed(torn, Sighting("B", position=GOOD))
    flow.torn = {"A": RecordError("half of it is missing", cause=Cause.UNREADABLE)}
    road = road_of(ledger, flow)
    collect(road)
    translate(road)
    assert standing(road) == {"A": (State.HELD, Cause.UNREADABLE), "B": (State.TRANSLATED, None)}
    assert position(road) <= TORN
    flow.torn.clear()
    flow.sightings[0] = Sighting("A", tag="1", position=TORN)
    assert collect(road).counts == {"seen": 1, "changed": 1}
    translate(road)
    assert standing(road)["A"] == (State.TRANSLATED, None)
    assert position(road) == GOOD


def test_of_what_was_torn_the_oldest_is_waited_for(ledger: Ledger) -> None:
    """Whichever came first; and the watermark never goes back for it."""
    later = TORN + timedelta(hours=2)
    flow = Feed(Sighting("A", position=later), Sighting("B", position=TORN), Sighting("C", position=GOOD))
    flow.paper.write("C")
    flow.torn = {key: RecordError("half of it is missing", cause=Cause.UNREADABLE) for key in "AB"}
    road = road_of(ledger, flow)
    collect(road)
    assert position(road) == TORN
    del flow.torn["B"]
    collect(road)
    assert position(road) == later
    flow.sightings = [Sighting("B", tag="2", position=TORN)]
    flow.torn = {"B": RecordError("half of it is missing", cause=Cause.UNREADABLE)}
    collect(road)
    assert position(road) == later


def test_what_is_gone_when_it_is_read_is_nothing(ledger: Ledger) -> None:
    """It was listed, and deleted a moment later."""
    flow = Feed(Sighting("Z", position=TORN), Sighting("B", position=GOOD))
    road = road_of(ledger, flow)
    assert collect(road).counts == {"new": 1}
    assert (set(standing(road)), position(road)) == ({"B"}, GOOD)


def test_what_stays_torn_is_waited_for_a_day(ledger: Ledger) -> None:
    """Then the watermark goes on; the record stays held, and is read again when it changes."""
    flow = Feed(Sighting("A", position=TORN), Sighting("B", position=GOOD))
    flow.torn = {"A": RecordError("half of it is missing", cause=Cause.UNREADABLE)}
    road = road_of(ledger, flow)
    collect(road)
    assert position(road) == TORN
    ledger.clock.sleep(timedelta(hours=12).total_seconds())
    collect(road)
    assert TORN < position(road) <= ledger.clock.now() - PATIENCE
    ledger.clock.sleep(PATIENCE.total_seconds())
    collect(road)
    assert position(road) == GOOD
    assert flow.asked[:2] == [None, TORN]


def test_a_list_that_cannot_be_read_interrupts(ledger: Ledger) -> None:
    """Its pages lead back to themselves: what came before is kept, the pass says why, the watermark stays."""
    flow = Feed()

    def endless(feed: str, since: datetime | None) -> Iterator[Sighting]:
        yield Sighting("A", position=GOOD)
        raise RecordError("vendor: page 2 leads back", cause=Cause.UNREADABLE)

    flow.collect = endless  # type: ignore[method-assign]  # a source of its own
    road = road_of(ledger, flow)
    assert collect(road).interrupted == "vendor: page 2 leads back"
    assert road.books.progress.positions("papers") == {}


# The record


@pytest.mark.parametrize("error", [MisshapenError("ifs: lines: another shape"), TransientError("ifs: HTTP 503")])
def test_details_that_cannot_be_read_hold_one_record(ledger: Ledger, error: Exception) -> None:
    """Of another shape, or none while others come: the others go on, the watermark waits, and it is read again."""
    flow = Feed(Sighting("A", position=TORN), Sighting("B", position=GOOD))
    flow.torn = {"A": error}
    road = road_of(ledger, flow)
    assert collect(road).interrupted is None
    translate(road)
    assert standing(road) == {"A": (State.HELD, Cause.UNREADABLE), "B": (State.TRANSLATED, None)}
    assert position(road) == TORN
    flow.torn = {}
    collect(road)
    translate(road)
    assert standing(road) == dict.fromkeys("AB", (State.TRANSLATED, None))


def test_details_that_do_not_come_in_a_row_interrupt(ledger: Ledger) -> None:
    """The other side is not well; nobody is held for that."""
    keys = "ABCDEFGHIJ"
    flow = Feed(*map(Sighting, keys))
    flow.torn = dict.fromkeys(keys, TransientError("ifs: HTTP 503"))
    road = road_of(ledger, flow)
    assert collect(road).interrupted == "ifs: HTTP 503"
    assert standing(road) == {}


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("x"), TypeError(), AttributeError(), RecursionError()])
@pytest.mark.parametrize("stage", ["reading", "translation"])
def test_what_nobody_foresaw_holds_one_record(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, error: Exception, stage: str
) -> None:
    """Its kind is told to the person, and where it was to the log; the others go on."""
    flow = Feed(Sighting("A"), Sighting("B"))
    if stage == "reading":
        flow.torn = {"A": error}
    else:
        flow.translated = error
    road = road_of(ledger, flow)
    collect(road)
    translate(road)
    assert standing(road) == {"A": (State.HELD, Cause.UNREADABLE), "B": (State.TRANSLATED, None)}
    (held,) = [entry for entry in entries_of(road) if entry.key == "A"]
    assert f"unforeseen {type(error).__name__} in {stage}" in (held.problem or "")
    (logged,) = [record for record in caplog.records if record.message == "unforeseen"]
    assert logged.exc_info
    where = ("key", "A") if stage == "reading" else ("entry", held.id)
    assert (vars(logged)["flow"], vars(logged)[where[0]]) == ("papers", where[1])


def test_a_fault_of_our_own_is_no_fault_of_a_record(ledger: Ledger) -> None:
    """What no value can cause is not held: the run ends with it."""
    flow = Feed(Sighting("A"))
    flow.torn = {"A": OSError("no space left")}
    road = road_of(ledger, flow)
    with pytest.raises(OSError, match="no space"):
        collect(road)


@pytest.mark.parametrize("key", UNKEPT)
def test_a_key_that_no_database_keeps_is_replaced(ledger: Ledger, key: str) -> None:
    """By one made of it, or of the row where there is none: the same each time, so that it is one record."""
    flow = Feed(Sighting(key, carry=b'{"n": 1}'), Sighting("B"))
    road = road_of(ledger, flow)
    assert collect(road).counts == {"new": 2}
    assert collect(road).counts == {"seen": 2}
    translate(road)
    (strange,) = set(standing(road)) - {"B"}
    assert re.fullmatch("row [0-9a-f]{16}", strange)
    assert standing(road)[strange] == (State.HELD, Cause.UNREADABLE)
    (held,) = [entry for entry in entries_of(road) if entry.key == strange]
    assert (held.source, held.problem) == (b'{"n": 1}', "its key cannot be kept")


def test_keys_that_no_database_keeps_are_told_apart(ledger: Ledger) -> None:
    """By the key where there is one, whatever else the rows say; and their own problem is not hidden by it."""
    rows = (("a\x00", b"1"), ("b\x00", b"1"), ("", b"2"), ("", b"3"))
    road = road_of(ledger, Feed(*(Sighting(key, carry=carry, problem="no amount") for key, carry in rows)))
    assert collect(road).counts == {"new": 4}
    assert {entry.problem for entry in entries_of(road)} == {"no amount"}


def test_rows_without_a_name_are_told_apart(ledger: Ledger) -> None:
    """By their content; one that has a name is known by it."""
    rows = [Unread(b"[1]", "no object"), Unread(b"[2]", "no object"), Unread(b"{}", "no amount", "A")]
    road = road_of(ledger, Feed(*map(Sighting.of_unread, rows), Sighting.of_unread(rows[0], prefix="10^")))
    assert collect(road).counts == {"new": 4}
    assert len([key for key in standing(road) if re.fullmatch("row [0-9a-f]{16}", key)]) == 2
    assert len([key for key in standing(road) if re.fullmatch(r"10\^row [0-9a-f]{16}", key)]) == 1
    named = {entry.key: entry for entry in entries_of(road)}["A"]
    assert (named.problem, named.source) == ("no amount", b"{}")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key": "B"}, "A: it calls itself B"),
        ({"currency": "EURO"}, "A: its currency is 'EURO', which is none"),
        ({"currency": "EU\x00"}, "which cannot be kept"),
        ({"company": "\ud800"}, "A: its company is '\ufffd', which cannot be kept"),
        ({"tag": "x" * 2000}, "A: its tag is"),
    ],
)
def test_a_record_that_cannot_be_kept_as_it_is_is_held(ledger: Ledger, changes: dict[str, Any], said: str) -> None:
    """Under the key it was listed by, with all that was read of it."""
    flow = Feed(Sighting("A"), Sighting("B"))
    flow.changes = changes
    road = road_of(ledger, flow)
    collect(road)
    translate(road)
    assert standing(road) == {"A": (State.HELD, Cause.UNREADABLE), "B": (State.TRANSLATED, None)}
    (held,) = [entry for entry in entries_of(road) if entry.key == "A"]
    assert said in (held.problem or "")
    assert msgspec.json.decode(held.source)["key"] == "A"


def test_the_details_of_another_are_asked_for_again_though_the_list_says_the_same(ledger: Ledger) -> None:
    """The mark of the list tells of the record in its source, and not of the answer that was mixed up on its way."""
    flow = Feed(Sighting("A", tag="1", position=TORN))
    flow.changes = {"key": "B"}
    road = road_of(ledger, flow)
    collect(road)
    assert standing(road)["A"] == (State.HELD, Cause.UNREADABLE)
    flow.changes = {}
    assert collect(road).counts == {"changed": 1}
    assert standing(road)["A"] == (State.RECEIVED, None)
    assert collect(road).counts == {"seen": 1}


def test_what_is_only_shown_is_cut(ledger: Ledger) -> None:
    """A label or a name of a million signs holds nothing."""
    flow = Feed(Sighting("A"))
    flow.changes = {"label": "x\x00" * 1000, "partner": "\ud800" * 1000}
    road = road_of(ledger, flow)
    collect(road)
    (entry,) = entries_of(road)
    assert (entry.state, len(entry.label), len(entry.partner)) == (State.RECEIVED, 300, 300)
    assert "\x00" not in entry.label


@pytest.mark.parametrize("reference", UNKEPT)
def test_a_reference_that_no_database_keeps_holds(ledger: Ledger, reference: str) -> None:
    """It could not be looked for after a lost answer."""
    flow = Feed(Sighting("A"), Sighting("B"))
    flow.translated = Translated(b"{}", reference)
    road = road_of(ledger, flow)
    collect(road)
    translate(road)
    assert standing(road) == {"A": (State.HELD, Cause.UNREADABLE), "B": (State.TRANSLATED, None)}


@pytest.mark.parametrize("key", UNKEPT[1:])
@pytest.mark.parametrize("kind", ["held", "ignored"])
def test_a_cause_key_that_no_database_keeps_is_left_out(ledger: Ledger, kind: str, key: str) -> None:
    """The cause and the sentence are kept, one in a form that can be shown."""
    flow = Feed(Sighting("A"))
    said = "no account \x00 of it"
    flow.translated = (
        RecordError(said, cause=Cause.ACCOUNT_UNMAPPED, key=key)
        if kind == "held"
        else Ignored(Cause.NOT_OURS, said, key)
    )
    road = road_of(ledger, flow)
    collect(road)
    translate(road)
    (entry,) = entries_of(road)
    assert (entry.state.value, entry.cause_key) == (kind, None)
    assert entry.problem == "no account \ufffd of it"


# The answer


def test_a_target_without_ids_has_taken_what_it_says_it_has(ledger: Ledger) -> None:
    """It is found again by our reference."""
    flow = Feed(Sighting("A"))
    answer = flow.deliver
    flow.deliver = lambda batch: [Landed("") for _ in answer(batch)]  # type: ignore[method-assign]  # as it says
    road = road_of(ledger, flow)
    collect(road)
    translate(road)
    assert deliver(road).counts == {"landed": 1}


@pytest.mark.parametrize("external_id", UNKEPT[1:])
def test_an_id_that_no_database_keeps_leaves_the_outcome_open(ledger: Ledger, external_id: str) -> None:
    """It is not sent again; it is looked up, and settled when the id can be kept."""
    flow = Feed(Sighting("A"), Sighting("B"))
    answer = flow.deliver
    flow.deliver = lambda batch: [  # type: ignore[method-assign]  # one strange answer
        Landed(external_id) if each.external_id == "T-A" else each for each in answer(batch)
    ]
    road = road_of(ledger, flow)
    collect(road)
    translate(road)
    deliver(road)
    assert standing(road)["A"][0] is State.UNKNOWN
    assert standing(road)["B"][0] is not State.UNKNOWN
    (entry,) = [entry for entry in entries_of(road) if entry.key == "A"]
    assert "an id that cannot be kept" in (entry.problem or "")
    deliver(road)
    assert [reference for reference, _ in flow.kept].count("A") == 1
    assert {entry.key: entry.external_id for entry in entries_of(road)}["A"] == "T-A"
