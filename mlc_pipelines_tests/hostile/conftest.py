"""What the simulators said, recorded once for all tests of a process."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlc_pipelines_tests.hostile.feeds import Feed
from mlc_pipelines_tests.hostile.offices import recorded
from mlc_pipelines_tests.hostile.recording import Recording
from mlc_pipelines_tests.hostile.records import RecordTrial

Recorded = Callable[[str], Recording]
OpenTrial = Callable[..., RecordTrial]


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Give the recording of a system."""
    return functools.cache(lambda system: recorded(system, tmp_path_factory.mktemp(system)))


@pytest.fixture
def open_trial(recording: Recorded, tmp_path: Path) -> Iterator[OpenTrial]:
    """Open trials of feeds; they are closed at the end."""
    trials: list[RecordTrial] = []

    def open_one(system: str, feed: Feed, **given: str) -> RecordTrial:
        trials.append(RecordTrial(recording(system), feed, tmp_path / f"home{len(trials)}", **given))
        return trials[-1]

    yield open_one
    for trial in trials:
        trial.close()
