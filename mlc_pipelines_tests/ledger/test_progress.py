"""Progress: how far each feed has been read, and what the last passes came to."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines_tests.ledger.builders import FLOW, clock_of

FIRST, SECOND, OTHER, OLDEST = (datetime(2026, 11, day, 6, 30, 0, 250, tzinfo=UTC) for day in (12, 13, 3, 1))


def test_a_feed_begins_without_a_position(books: Books) -> None:
    """What was never read has no watermark."""
    assert books.progress.position(FLOW, "10") is None
    assert books.progress.positions(FLOW) == {}


def test_positions_are_kept_by_feed_flow_and_connection(ledger: Ledger, books: Books) -> None:
    """Each feed moves by itself; the newest position stands."""
    books.progress.advance(FLOW, "10", FIRST)
    books.progress.advance(FLOW, "10", SECOND)
    books.progress.advance(FLOW, "20", OTHER)
    books.progress.advance("others", "10", OLDEST)
    assert books.progress.positions(FLOW) == {"10": SECOND, "20": OTHER}
    assert books.progress.position("others", "10") == OLDEST
    assert ledger.books("globex").progress.position(FLOW, "10") is None


def test_a_position_is_the_same_moment_in_every_zone(books: Books) -> None:
    """It is kept in UTC."""
    books.progress.advance(FLOW, "10", FIRST.astimezone(timezone(timedelta(hours=-8))))
    position = books.progress.position(FLOW, "10")
    assert (position, position.tzinfo if position else None) == (FIRST, UTC)


def test_a_pass_is_noted_with_its_times_and_counts(ledger: Ledger, books: Books) -> None:
    """Begin, end and counts are as they were; an amount becomes text."""
    started = clock_of(ledger).now()
    clock_of(ledger).sleep(90)
    books.progress.note(FLOW, "collect", started, {"seen": 3, "amount": Decimal("10.50")})
    (noted,) = books.progress.last()
    assert (noted.flow, noted.stage, noted.counts) == (FLOW, "collect", {"seen": 3, "amount": "10.50"})
    assert noted.started_at == started
    assert 90 <= (noted.finished_at - noted.started_at).total_seconds() < 91


def test_the_last_passes_of_each_stage_are_given(ledger: Ledger, books: Books) -> None:
    """One a stage by default, more when asked, newest first, of this connection alone."""
    started = clock_of(ledger).now()
    for count in range(3):
        for stage in ("collect", "translate"):
            books.progress.note(FLOW, stage, started, {"seen": count})
    ledger.books("globex").progress.note(FLOW, "collect", started, {"seen": 99})
    assert [(noted.stage, noted.counts["seen"]) for noted in books.progress.last()] == [
        ("translate", 2),
        ("collect", 2),
    ]
    two = [(noted.stage, noted.counts["seen"]) for noted in books.progress.last(most=2)]
    assert two == [("translate", 2), ("collect", 2), ("translate", 1), ("collect", 1)]
