"""Simulators for all tests of a process, and an installation of its own for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlc_pipelines_tests.roads.airbase.tenancy import Simulators, Tenancy


@pytest.fixture(scope="session")
def started() -> Iterator[Simulators]:
    """Start both simulators once."""
    with Simulators() as simulators:
        yield simulators


@pytest.fixture(scope="session")
def busy() -> Iterator[Simulators]:
    """Start both simulators with requests and payments on the first day."""
    with Simulators(requests=12, payments=10) as simulators:
        yield simulators


@pytest.fixture(scope="session")
def empty_home(started: Simulators, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out an installation once, its tables made and its vault filled; tests begin with a copy."""
    folder = tmp_path_factory.mktemp("laid_out") / "home"
    Tenancy(folder, started).close()
    return folder


@contextmanager
def lived_in(folder: Path, simulators: Simulators, copy_of: Path) -> Iterator[Tenancy]:
    """Lend a tenancy on its first day; whatever a test did, its audit chain holds and no account was written."""
    simulators.reset()
    opened = Tenancy(folder, simulators, copy_of=copy_of)
    yield opened
    broken = list(opened.house.ledger.audit.verify())
    opened.close()
    assert broken == []
    assert simulators.airbase.read_only_writes == []


@pytest.fixture
def tenancy(started: Simulators, empty_home: Path, tmp_path: Path) -> Iterator[Tenancy]:
    """Open a tenancy on a quiet first day."""
    with lived_in(tmp_path / "home", started, empty_home) as opened:
        yield opened


@pytest.fixture
def busy_tenancy(busy: Simulators, empty_home: Path, tmp_path: Path) -> Iterator[Tenancy]:
    """Open a tenancy with work waiting in Airbase."""
    with lived_in(tmp_path / "home", busy, empty_home) as opened:
        yield opened
