"""A ledger on a file of its own, for tests of the flows that ask nothing of a database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines_tests.flows.world import open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path)
    yield opened
    assert list(opened.audit.verify()) == []
    opened.engine.dispose()
