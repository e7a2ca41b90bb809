"""Whatever a seed decides: nothing is lost, nothing is made twice, and the same seed tells the same story."""

from pathlib import Path

import pytest

from mlc_pipelines_tests.simulation.run import simulate

FOUND_SOMETHING = (7,)
"""Seeds that found a fault once: 7, an amendment lost on its way was taken for made."""


@pytest.mark.parametrize("seed", [*range(1000, 1006), *FOUND_SOMETHING])
def test_every_document_is_accounted_for(seed: int, tmp_path: Path) -> None:
    """Edits, lost and late answers, two workers and deaths: each document ends where it belongs, once."""
    assert simulate(seed, tmp_path).wrong == ()


@pytest.mark.parametrize("seed", [1])
def test_the_same_seed_tells_the_same_story(seed: int, tmp_path: Path) -> None:
    """Event for event, to the hash."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    assert simulate(seed, tmp_path / "first").log == simulate(seed, tmp_path / "second").log
