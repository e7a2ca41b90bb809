"""Simulators for all tests of a process, and an installation of its own for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlc_pipelines_tests.roads.stampli.tenancy import Simulators, Tenancy, small_world


@pytest.fixture(scope="session")
def started() -> Iterator[Simulators]:
    """Start both simulators once."""
    with Simulators(small_world()) as simulators:
        yield simulators


@pytest.fixture
def opened(started: Simulators, tmp_path: Path) -> Iterator[Callable[..., Tenancy]]:
    """Open tenancies with settings of their own; whatever a test did, the audit chain must hold."""
    started.reset()
    made: list[Tenancy] = []

    def make(**stampli: object) -> Tenancy:
        made.append(Tenancy(tmp_path / f"home{len(made)}", started, **stampli))
        return made[-1]

    yield make
    for tenancy in made:
        broken = list(tenancy.house.ledger.audit.verify())
        tenancy.close()
        assert broken == []


@pytest.fixture
def tenancy(opened: Callable[..., Tenancy]) -> Tenancy:
    """Open a tenancy with the settings of every day."""
    return opened()
