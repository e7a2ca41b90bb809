"""Progress: how far each feed has been read, and what the last passes came to."""

from decimal import Decimal

from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines_tests.ledger.builders import FLOW, clock_of


def test_a_feed_begins_without_a_position(books: Books) -> None:
    """What was never read has no watermark."""
    assert books.progress.position(FLOW, "10") is None
    assert books.progress.positions(FLOW) == {}


def test_positions_are_kept_by_feed_flow_and_connection(ledger: Ledger, books: Books) -> None:
    """Each feed moves by itself; the newest position stands."""
    books.progress.advance(FLOW, "10", "2026-11-01")
    books.progress.advance(FLOW, "10", "2026-11-02")
    books.progress.advance(FLOW, "20", "2026-10-01")
    books.progress.advance("others", "10", "2026-09-01")
    assert books.progress.positions(FLOW) == {"10": "2026-11-02", "20": "2026-10-01"}
    assert books.progress.position("others", "10") == "2026-09-01"
    assert ledger.books("globex").progress.position(FLOW, "10") is None


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
