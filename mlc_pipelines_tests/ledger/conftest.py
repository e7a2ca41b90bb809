"""A fresh ledger on a file of its own, with a clock that moves only when told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.databases import KINDS
from mlc_pipelines_tests.flows.world import open_ledger
from mlc_pipelines_tests.ledger.builders import move, receive


@pytest.fixture(params=KINDS)
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path, kind=request.param)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def books(ledger: Ledger) -> Books:
    return ledger.books("acme")


@pytest.fixture
def told(books: Books) -> Entry:
    """An entry with four events."""
    (entry,) = receive(books, "A")
    receive(books, "B")
    return move(books, entry, State.TRANSLATED, State.SENDING, State.DELIVERED)
