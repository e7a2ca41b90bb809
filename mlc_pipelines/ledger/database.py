"""The database of the ledger: SQLite in WAL mode by default, PostgreSQL by its address."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

WAIT_MS = 60_000


def open_engine(url: str, *, durable: bool = True) -> Engine:
    """Open a database.

    With `durable` every commit is synced to disk; without, the last commits may be lost when the machine (not
    the process) stops, which suits rate budgets. Transactions begun with the execution option `mlc_write`
    take SQLite's write lock at once, so that two writers queue instead of failing.
    """
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=16, max_overflow=16)
    path = make_url(url).database
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, poolclass=NullPool, connect_args={"timeout": WAIT_MS / 1000, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: object, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # SQLAlchemy types the driver's connection as object
        cursor = connection.cursor()  # type: ignore[attr-defined]  # as above
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("mlc_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a write transaction; commit at the end of the block."""
    with engine.execution_options(mlc_write=True).begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a read transaction: one consistent view."""
    with engine.begin() as connection:
        yield connection


def upgrade(engine: Engine, *, revision: str = "head") -> None:
    """Bring the tables to a revision of the schema (the newest by default); data stays."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
