"""Simulators for all tests of a process, and an installation of its own for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlc_pipelines_tests.roads.bill.tenancy import REFERENCE_FLOWS, Simulators, Tenancy
from mlc_pipelines_tests.roads.ramp.tenancy import small_world


@pytest.fixture(scope="session")
def started() -> Iterator[Simulators]:
    """Start both sides once."""
    with Simulators(small_world()) as simulators:
        yield simulators


@pytest.fixture(scope="session")
def furnished(started: Simulators, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Send the reference data once; tests begin with a copy of that installation."""
    folder = tmp_path_factory.mktemp("furnished") / "home"
    started.reset()
    tenancy = Tenancy(folder, started)
    tenancy.run(*REFERENCE_FLOWS)
    tenancy.close()
    started.remember()
    return folder


@contextmanager
def _lived_in(tenancy: Tenancy) -> Iterator[Tenancy]:
    """Lend a tenancy; whatever a test did, its audit chain must hold."""
    yield tenancy
    broken = list(tenancy.house.ledger.audit.verify())
    tenancy.close()
    assert broken == []


@pytest.fixture
def bare(started: Simulators, tmp_path: Path) -> Iterator[Tenancy]:
    """Open a tenancy on its first day: nothing was ever sent."""
    started.reset()
    with _lived_in(Tenancy(tmp_path / "home", started)) as tenancy:
        yield tenancy


@pytest.fixture
def tenancy(started: Simulators, furnished: Path, tmp_path: Path) -> Iterator[Tenancy]:
    """Open a tenancy whose reference data is in BILL."""
    started.recall()
    with _lived_in(Tenancy(tmp_path / "home", started, copy_of=furnished)) as tenancy:
        yield tenancy
