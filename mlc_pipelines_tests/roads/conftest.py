"""Simulators for all tests of a process, and a fresh installation for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlc_pipelines_tests.roads.tenancy import Simulators, Tenancy, small_world

MoveIn = Callable[..., Tenancy]


@pytest.fixture(scope="session")
def started() -> Iterator[Simulators]:
    with Simulators(small_world()) as simulators:
        yield simulators


@pytest.fixture
def simulators(started: Simulators) -> Simulators:
    """Both simulators on their first day."""
    started.reset()
    return started


@pytest.fixture
def move_in(simulators: Simulators, tmp_path: Path) -> Iterator[MoveIn]:
    """Open a tenancy with changes to its connection file; afterwards its audit chain must hold."""
    opened: list[Tenancy] = []

    def open_tenancy(**changes: Any) -> Tenancy:
        opened.append(Tenancy(tmp_path / f"home{len(opened)}", simulators, **changes))
        return opened[-1]

    yield open_tenancy
    for tenancy in opened:
        broken = list(tenancy.house.ledger.audit.verify())
        tenancy.close()
        assert broken == []


@pytest.fixture
def tenancy(move_in: MoveIn) -> Tenancy:
    """Give the usual tenancy, its reference data sent."""
    opened = move_in()
    opened.reference()
    return opened
