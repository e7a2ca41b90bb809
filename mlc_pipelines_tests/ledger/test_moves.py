"""Moves: what of an entry changes, what stays, and what is never half written."""

import json

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.chain import row_digest
from mlc_pipelines.ledger.leases import LeaseLostError
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.moves import Move
from mlc_pipelines.ledger.records import to_micros
from mlc_pipelines.ledger.states import MoveError, Stage, State
from mlc_pipelines_tests.ledger.builders import execute, hold, move, newest, receive


def test_a_move_changes_what_it_names_and_clears_what_stopped_it(ledger: Ledger, books: Books) -> None:
    """Cause, key and problem belong to a state; reference, ids, payload and attempts to the record."""
    given = {"reference": "10^A", "external_id": "T-1", "confirmation": "7", "attempts": 3, "payload": b"{}"}
    (entry,) = receive(books, "A")
    held = hold(books, entry, key="account:6990")
    assert (held.cause, held.cause_key, held.problem) == (Cause.ACCOUNT_UNMAPPED, "account:6990", "A cannot go on")
    before = ledger.clock.now()
    books.entries.move([Move(held, State.RECEIVED, "released", "kim", {"why": "learnt"}, given)], None)
    after = newest(books, "A")
    assert (after.cause, after.cause_key, after.problem) == (None, None, None)
    assert {name: getattr(after, name) for name in given} == given
    assert after.since > before
    last = books.reports.trail(after)[-1]
    assert (last.seq, last.kind, last.before, last.after, last.actor) == (3, "released", "held", "received", "kim")
    assert json.loads(last.detail)["why"] == "learnt"
    moved = move(books, after, State.TRANSLATED)
    assert {name: getattr(moved, name) for name in given} == given
    assert (moved.stage, moved.chain_seq) == (Stage.DELIVER, 4)


def test_each_event_seals_the_row_as_it_left_it(books: Books) -> None:
    """Also what the move itself changed, and the amount as it is counted."""
    (entry,) = receive(books, "A")
    moved = move(books, entry, State.TRANSLATED, reference="10^A")
    columns = {name: getattr(moved, name, None) for name in moved.__slots__}
    told = json.loads(books.reports.trail(moved)[-1].detail)["row"]
    assert told == row_digest(columns | {"amount_micros": to_micros(moved.amount), "stage": "deliver"})


def test_of_many_moves_all_are_written_or_none(ledger: Ledger, books: Books) -> None:
    """One that the table does not allow, or that another worker made first, takes the others with it."""
    first, second = receive(books, "A", "B")
    wrong = [Move(first, State.TRANSLATED, "translated"), Move(second, State.CONFIRMED, "confirmed")]
    with pytest.raises(MoveError):
        books.entries.move(wrong, None)
    move(books, second, State.HELD)
    late = [Move(each, State.TRANSLATED, "translated") for each in (first, second)]
    with pytest.raises(LeaseLostError, match="acme: an entry was moved by another worker meanwhile"):
        books.entries.move(late, None)
    with pytest.raises(LeaseLostError, match="desk: an entry was moved by another worker meanwhile"):
        books.entries.move(late, ledger.leases.take("desk", "elsewhere:1:1"))
    books.entries.move([], None)
    assert newest(books, "A") == first
    assert list(ledger.audit.verify()) == []


def test_the_lease_is_that_of_the_connection_and_its_fence(ledger: Ledger, books: Books) -> None:
    """A fence of another name, or another fence of this one, lets nothing through."""
    (entry,) = receive(books, "A")
    other, mine = ledger.leases.take("globex", "elsewhere:1:1"), ledger.leases.take("acme", "elsewhere:1:1")
    execute(ledger, "UPDATE leases SET fence = 2 WHERE name = 'acme'")
    with pytest.raises(LeaseLostError):
        books.entries.move([Move(entry, State.TRANSLATED, "translated")], mine)
    execute(ledger, "DELETE FROM leases WHERE name = 'globex'")
    with pytest.raises(LeaseLostError):
        books.entries.move([Move(entry, State.TRANSLATED, "translated")], other)
    assert newest(books, "A") == entry
