"""The database of the ledger: SQLite in WAL mode by default, PostgreSQL by its address."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool

from mlc_pipelines.errors import ConfigurationError, StorageError
from mlc_pipelines.wire.redaction import REDACTOR

WAIT_MS = 60_000
CONNECTIONS = 32
POOL_SECONDS = 30.0
_LIMITS = (
    "SET idle_in_transaction_session_timeout = '60s'",
    "SET tcp_keepalives_idle = 30",  # a machine that is gone is missed after a minute, not after two hours
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 3",
    "SET tcp_user_timeout = '60s'",  # the same where an answer is on its way to it
)
_WRITE_LIMIT = "SET LOCAL transaction_timeout = '60s'"
"""Of a worker that stands still while it sends many rows, PostgreSQL thinks that it is at work, not idle."""
_KNOWS_WRITE_LIMIT = (17,)
_LONG_READ_LIMIT = "SET LOCAL idle_in_transaction_session_timeout = '1h'"
"""Whoever only looks keeps nobody from writing, and may be busy with files in between."""
_ONE_VIEW = {"postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}}
"""By dialect; said with BEGIN, it costs no time. SQLite has no other."""

_WAL_PAGES = 8_000
"""How much SQLite gathers (32 MiB) before it writes pages to their places.

The keys of a large ledger lie anywhere in its indexes: with the usual 4 MiB, nearly every commit writes them twice.
"""

_IN_MEMORY = ":memory:"
_OURS = (IntegrityError, ProgrammingError, DataError, NotSupportedError)
"""What is wrong with a statement, and not with the database."""
_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSIONS = "mlc_schema_version"
_UPGRADING = threading.Lock()
"""Alembic knows one upgrade at a time in a process."""


def open_engine(url: str, *, durable: bool = True) -> Engine:
    """Open a database.

    With `durable` every commit is synced to disk; without, the last commits may be lost when the machine (not
    the process) stops, which suits rate budgets. Transactions begun with the execution option `mlc_write`
    take SQLite's write lock at once, so that two writers queue instead of failing.
    A database that is full, locked or away is StorageError; no error quotes what was being written.
    PostgreSQL ends a transaction whose worker stands still, so that its locks stop nobody for longer than a lease;
    before version 17, not where it stopped while it was sending rows, unless its machine is gone.
    """
    return _telling(_file(url, durable=durable) if url.startswith("sqlite") else _server(url))


def _file(url: str, *, durable: bool) -> Engine:
    path = make_url(url).database
    if path:
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_engine(
        url,
        poolclass=QueuePool,
        max_overflow=-1,
        pool_use_lifo=True,  # the one used last has its pages in memory
        connect_args={"timeout": WAIT_MS / 1000, "check_same_thread": False},
        hide_parameters=True,
    )

    @event.listens_for(engine, "do_connect")
    def _look(_dialect: object, entry: ConnectionPoolEntry, _args: object, _parameters: object) -> None:
        if path and path != _IN_MEMORY and "mode=memory" not in url:
            _make_own(path)
        entry.info["place"] = _place(path)

    @event.listens_for(engine, "connect")
    def _prepare(connection: object, entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # SQLAlchemy types the driver's connection as object
        cursor = connection.cursor()  # type: ignore[attr-defined]  # as above
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
        in_memory = not cursor.execute("PRAGMA database_list").fetchone()[2]
        cursor.close()
        entry.info["gone"] = entry.info["place"] is None and not in_memory

    @event.listens_for(engine, "checkout")
    def _still_there(_connection: object, entry: ConnectionPoolEntry, _taken: object) -> None:
        # Whoever puts a backup in the file's place while we run must find in it what is written from then on. What
        # stood there was looked at before it was opened, so that a file that went meanwhile is not taken for it.
        if entry.info["gone"] or _place(path) != entry.info["place"]:
            raise DisconnectionError("the file of the database was replaced")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("mlc_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_own(path: str) -> None:
    """Make a file that only its owner may read, unless there is one; what SQLite puts beside it is like it."""
    with suppress(OSError):  # there is one; or there can be none, of which SQLite tells
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))


def _place(path: str | None) -> tuple[int, int] | None:
    """Tell the file that a path leads to from any other that was there."""
    try:
        found = os.stat(path) if path else None  # noqa: PTH116  # half the time, and asked for at each transaction
    except FileNotFoundError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def _address(url: str) -> URL:
    """Read the address of a server; its password, and what a wrong one would take for a host, is told to nobody."""
    password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    for part in (password, *re.split("[@:/]", password)):
        REDACTOR.register(SecretStr(part), sent=False)
    with suppress(ArgumentError, ValueError):
        address = make_url(url)
        if "@" not in (address.host or ""):
            return address
    raise ConfigurationError(
        "database: MLC_DATABASE_URL cannot be read; write postgresql+psycopg://user:password@host/name, and signs in "
        "the password escaped (@ is %40, : is %3A, / is %2F)"
    )


def _server(url: str) -> Engine:
    engine = create_engine(
        _address(url),
        poolclass=_Pool,
        pool_size=CONNECTIONS // 2,
        max_overflow=CONNECTIONS // 2,
        pool_timeout=POOL_SECONDS,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _limit(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        if "options" in engine.url.query:  # whoever writes the address may set limits of his own
            return
        cursor = connection.cursor()
        for limit in _LIMITS:
            cursor.execute(limit)
        cursor.close()
        connection.commit()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if "options" in engine.url.query:
            return
        asked = connection.get_execution_options()
        writes, long = asked.get("mlc_write", False), asked.get("mlc_long", False)
        if writes and not long and (connection.dialect.server_version_info or ()) >= _KNOWS_WRITE_LIMIT:
            connection.exec_driver_sql(_WRITE_LIMIT)
        elif long and not writes:
            connection.exec_driver_sql(_LONG_READ_LIMIT)

    return engine


class _Pool(QueuePool):
    """Connections that are kept open; says in our words that none came free."""

    def connect(self) -> PoolProxiedConnection:
        try:
            return super().connect()
        except PoolTimeoutError as error:
            raise StorageError(
                f"database: none of {CONNECTIONS} connections came free in {self.timeout():.0f} seconds; "
                "the next run goes on from what is committed"
            ) from error


def _telling(engine: Engine) -> Engine:
    """Let an engine say in our words that the database cannot answer."""

    @event.listens_for(engine, "handle_error")
    def _tell(context: ExceptionContext) -> StorageError | None:
        error = context.sqlalchemy_exception
        if not isinstance(error, DBAPIError) or isinstance(error, _OURS):
            return None
        said = " ".join(str(context.original_exception).partition("\n")[0].split())
        kind = type(context.original_exception).__name__
        return StorageError(f"database: {said} ({kind}); put it right, the next run goes on from what is committed")

    return engine


@contextmanager
def writing(engine: Engine, *, long: bool = False) -> Iterator[Connection]:
    """Open a write transaction; commit at the end of the block. One that may take more than a minute is `long`."""
    with engine.connect() as connection:
        connection.execution_options(mlc_write=True, mlc_long=long)
        with connection.begin():
            yield connection


@contextmanager
def reading(engine: Engine, *, long: bool = False) -> Iterator[Connection]:
    """Open a read transaction: one consistent view. One whose statements lie more than a minute apart is `long`."""
    with engine.connect() as connection:
        connection.execution_options(mlc_long=long, **_ONE_VIEW.get(engine.dialect.name, {}))
        with connection.begin():
            yield connection


def take_turns(connection: Connection, what: str) -> None:
    """Let one write transaction after another do a thing; SQLite lets in only one by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:what))"), {"what": f"mlc {what}"})


def upgrade(engine: Engine, *, revision: str = "head") -> None:
    """Bring the tables to a revision of the schema (the newest by default); data stays.

    Where they are the newest already, nothing is locked, and Alembic is not even loaded. Of several who find that they
    are not, one upgrades; the others wait, and Alembic finds nothing to do. ConfigurationError for tables of a version
    that is newer than we are.
    """
    if revision == "head" and _is_newest(engine):
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with _UPGRADING, writing(engine, long=True) as connection:
        take_turns(connection, "upgrade")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except CommandError as error:
            raise ConfigurationError(
                f"database: this version of mlc_pipelines does not know its tables ({error}): a newer one made them; "
                "install that one again, or restore the backup from before it"
            ) from error


def _is_newest(engine: Engine) -> bool:
    newest = max(path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]
    with reading(engine) as connection:
        if not inspect(connection).has_table(_VERSIONS):
            return False
        return connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalar() == newest  # noqa: S608  # our own name
