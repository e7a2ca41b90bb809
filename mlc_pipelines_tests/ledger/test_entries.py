"""Entries: versions of records, what is due, and what a change of their causes releases."""

from decimal import Decimal

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.entries import Received
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.ledger.builders import FLOW, newest, record


@pytest.mark.parametrize("amount", ["1E+13", "1E+999999", "0.0000001", "NaN"])
def test_an_amount_that_cannot_be_counted_holds_its_record_only(books: Books, amount: str) -> None:
    """One absurd amount of a source does not keep the others of its page out of the ledger."""
    page = [record("A"), record("B", amount=Decimal(amount)), record("C")]
    assert books.entries.receive(FLOW, page, None) == Received(new=3)
    odd = newest(books, "B")
    assert (odd.state, odd.cause, odd.amount, odd.source) == (State.HELD, Cause.UNREADABLE, None, page[1].content)
    assert odd.problem is not None
    assert odd.problem.startswith("amount ")
    assert [newest(books, key).state for key in "AC"] == [State.RECEIVED] * 2
