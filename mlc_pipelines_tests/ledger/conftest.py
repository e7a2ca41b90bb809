"""A fresh ledger on a file of its own, with a clock that moves only when told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines_tests.databases import KINDS
from mlc_pipelines_tests.flows.world import open_ledger


@pytest.fixture(params=KINDS)
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path, kind=request.param)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def books(ledger: Ledger) -> Books:
    return ledger.books("acme")
