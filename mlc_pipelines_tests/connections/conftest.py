"""A database in a file, a key ring beside it, and processes that begin together."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest
from sqlalchemy import Engine

from mlc_pipelines.connections.keys import KeyRing
from mlc_pipelines.connections.tables import METADATA
from mlc_pipelines.connections.vault import Vault
from mlc_pipelines.ledger.database import open_engine, writing
from mlc_pipelines_tests.wire.conftest import SteppedClock

T = TypeVar("T")
PATIENCE = 30.0


@pytest.fixture
def clock() -> SteppedClock:
    """A clock that only moves when slept on."""
    return SteppedClock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The address of a database that has the tables."""
    address = f"sqlite:///{tmp_path / 'mlc.db'}"
    engine = open_engine(address, durable=False)
    with writing(engine) as connection:
        METADATA.create_all(connection)
    engine.dispose()
    return address


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """That database, open."""
    engine = open_engine(url, durable=False)
    yield engine
    engine.dispose()


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    """A key ring of one key, in a file."""
    return KeyRing.from_environment({}, tmp_path, create=True)


@pytest.fixture
def vault(engine: Engine, keys: KeyRing, clock: SteppedClock) -> Vault:
    """A vault without secrets."""
    return Vault(engine, keys, clock=clock)


def _wait_for_all(barrier: Barrier) -> None:
    barrier.wait(PATIENCE)


def in_processes(count: int, work: Callable[[str, str], T], first: str, second: str) -> list[T]:
    """Do the same work in so many processes that begin at the same moment."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(count)
    with ProcessPoolExecutor(count, mp_context=context, initializer=_wait_for_all, initargs=(barrier,)) as pool:
        futures = [pool.submit(work, first, second) for _ in range(count)]
        return [future.result(PATIENCE) for future in futures]
