"""A database in a file, and a key ring beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mlc_pipelines.connections.keys import KeyRing
from mlc_pipelines.connections.tables import METADATA
from mlc_pipelines.connections.vault import Vault
from mlc_pipelines.ledger.database import open_engine, writing
from mlc_pipelines_tests.databases import KINDS, address
from mlc_pipelines_tests.wire.conftest import SteppedClock


@pytest.fixture
def clock() -> SteppedClock:
    """A clock that only moves when slept on."""
    return SteppedClock()


@pytest.fixture(params=KINDS)
def url(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of a database that has the tables."""
    found = address(tmp_path, kind=request.param)
    engine = open_engine(found, durable=False)
    with writing(engine) as connection:
        METADATA.create_all(connection)
    engine.dispose()
    return found


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
