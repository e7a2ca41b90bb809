"""Simulators for all tests of a process, and an installation of its own for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlc_pipelines_tests.roads.procurify.tenancy import Simulators, Tenancy


@pytest.fixture(scope="session")
def started() -> Iterator[Simulators]:
    """Start both simulators once."""
    with Simulators() as simulators:
        yield simulators


@pytest.fixture(scope="session")
def furnished(started: Simulators, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Match the vendors once; tests begin with a copy of that installation."""
    folder = tmp_path_factory.mktemp("furnished") / "home"
    started.reset()
    tenancy = Tenancy(folder, started)
    tenancy.run("suppliers")
    tenancy.close()
    return folder


@contextmanager
def lived_in(tenancy: Tenancy) -> Iterator[Tenancy]:
    """Lend a tenancy; whatever a test did, its audit chain holds and Procurify was only read."""
    yield tenancy
    broken = list(tenancy.house.ledger.audit.verify())
    tenancy.close()
    assert broken == []
    sent = {(entry.method, entry.path) for entry in tenancy.procurify.journal.entries if entry.method != "GET"}
    assert sent <= {("POST", "/oauth/token")}
    assert tenancy.procurify.writes == []


@pytest.fixture
def bare(started: Simulators, tmp_path: Path) -> Iterator[Tenancy]:
    """Open a tenancy on its first day: nothing was ever read."""
    started.reset()
    with lived_in(Tenancy(tmp_path / "home", started)) as tenancy:
        yield tenancy


@pytest.fixture
def tenancy(started: Simulators, furnished: Path, tmp_path: Path) -> Iterator[Tenancy]:
    """Open a tenancy that knows the suppliers of its vendors, before its first bill."""
    started.reset()
    with lived_in(Tenancy(tmp_path / "home", started, copy_of=furnished)) as tenancy:
        yield tenancy
