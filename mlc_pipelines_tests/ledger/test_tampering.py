"""Random tampering with the trail: each is found, and the first bad place is named, by us and by an outsider."""

from collections.abc import Iterator

import pytest

from mlc_pipelines_tests.databases import KINDS as DATABASES
from mlc_pipelines_tests.ledger.tampering_kinds import KINDS
from mlc_pipelines_tests.ledger.tampering_trial import Trial


@pytest.fixture(params=DATABASES, scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Trial]:
    opened = Trial(tmp_path_factory.mktemp("trail"), kind=request.param)
    yield opened
    opened.close()


@pytest.mark.parametrize("number", range(len(KINDS)), ids=[kind.__name__ for kind in KINDS])
def test_tampering_is_found_and_named(trial: Trial, number: int) -> None:
    """Four seeds of every kind."""
    seeds = range(number, 4 * len(KINDS), len(KINDS))
    assert [wrong for seed in seeds for wrong in trial.judge(seed)] == []
