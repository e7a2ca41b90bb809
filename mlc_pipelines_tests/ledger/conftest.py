"""A fresh ledger on a file of its own, with a clock that moves only when told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines_tests.flows.world import open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def books(ledger: Ledger) -> Books:
    return ledger.books("acme")
