"""The database: its engine's settings, and migrations that make exactly the tables the code speaks of."""

import shutil
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Dialect, Engine, MetaData, event, inspect, select, text
from sqlalchemy.exc import IntegrityError

from mlc_pipelines.connections import tables as connection_tables
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.ledger import tables
from mlc_pipelines.ledger.chain import moment_text
from mlc_pipelines.ledger.database import WAIT_MS, open_engine, reading, upgrade, writing
from mlc_pipelines.ledger.files import FileLedger
from mlc_pipelines_tests.connections.processes import PATIENCE, bring_up, in_processes
from mlc_pipelines_tests.databases import address, on_both
from mlc_pipelines_tests.flows.world import TestClock

VERSIONS = "mlc_schema_version"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{tmp_path / 'deep' / 'down' / 'mlc.db'}")
    yield opened
    opened.dispose()


def both_tables() -> MetaData:
    """The tables of the ledger and of the connections, which share one database."""
    joined = MetaData()
    for metadata in (tables.METADATA, connection_tables.METADATA):
        for table in metadata.sorted_tables:
            table.to_metadata(joined)
    return joined


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        options = {"version_table": VERSIONS, "compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, both_tables()))


def test_the_migrations_make_the_tables_of_the_code(engine: Engine) -> None:
    """On an empty database Alembic finds nothing left to change, neither table, column, index nor constraint."""
    upgrade(engine)
    assert differences(engine) == []
    assert set(inspect(engine).get_table_names()) == {*both_tables().tables, VERSIONS}


def test_the_comparison_would_notice(engine: Engine) -> None:
    """A table, column or index that a migration forgot is a difference: the test above is not blind."""
    upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("DROP INDEX ix_events_at"))
        connection.execute(text("ALTER TABLE inbox ADD COLUMN odd TEXT"))
        connection.execute(text("DROP TABLE passes"))
    kinds = {difference[0] for difference in differences(engine) if isinstance(difference, tuple)}
    assert {"add_table", "add_index", "remove_column"} <= kinds


def test_keys_and_constraints_are_those_of_the_code(engine: Engine) -> None:
    """What Alembic does not compare on SQLite: primary keys, foreign keys and whether a column may be empty."""
    upgrade(engine)
    found = inspect(engine)
    for name, table in both_tables().tables.items():
        assert found.get_pk_constraint(name)["constrained_columns"] == [c.name for c in table.primary_key], name
        assert {key["referred_table"] for key in found.get_foreign_keys(name)} == {
            key.column.table.name for key in table.foreign_keys
        }, name
        assert {c["name"]: c["nullable"] for c in found.get_columns(name)} == {
            c.name: c.nullable for c in table.columns
        }, name


def test_a_database_in_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is called, where programs share it."""
    monkeypatch.chdir(tmp_path)
    engine = open_engine("sqlite:///file:shared?mode=memory&cache=shared&uri=true")
    upgrade(engine)
    engine.dispose()
    assert list(tmp_path.iterdir()) == []


def test_tables_of_a_newer_version_are_left_alone(engine: Engine) -> None:
    """Whoever goes back to an earlier version is told so; what the newer one wrote stays."""
    upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE mlc_schema_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="a newer one made them"):
        upgrade(engine)


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    """The newest revision is reached once; what was written stays."""
    upgrade(engine)
    with writing(engine) as connection:
        connection.execute(connection_tables.rate_budgets.insert().values(name="acme", tat=1.5, blocked_until=0.0))
    upgrade(engine)
    with reading(engine) as connection:
        assert connection.execute(select(connection_tables.rate_budgets.c.tat)).scalar() == 1.5


@on_both
def test_a_copy_of_a_file_survives_the_upgrade(tmp_path: Path, kind: str) -> None:
    """What was kept as a whole is read as one part."""
    engine = open_engine(without_tables(tmp_path, kind))
    upgrade(engine, revision="0003")
    usual = {"connection": "acme", "feed": "f", "path": "/a", "size": 3, "sha256": "5", "state": "done", "layout": ""}
    facts = {**usual, "id": 7, "listed": True, "looks": 1, "attempts": 0, "content": zlib.compress(b"a,b")}
    facts |= dict.fromkeys(("first_seen", "same_since", "last_seen"), moment_text(TestClock().now()))
    names = ", ".join(facts)
    with writing(engine) as connection:
        connection.execute(text(f"INSERT INTO files ({names}) VALUES (:{names.replace(', ', ', :')})"), facts)
    upgrade(engine)
    (record,) = FileLedger(engine, TestClock(), "acme").select()
    assert b"".join(FileLedger(engine, TestClock(), "acme").content(record)) == b"a,b"
    assert differences(engine) == []
    engine.dispose()


def without_tables(folder: Path, kind: str) -> str:
    """The address of a database in which there is nothing."""
    url = address(folder, kind=kind)
    (folder / "mlc.db").unlink(missing_ok=True)
    if kind == "postgres":
        engine = open_engine(url)
        with writing(engine) as connection:
            connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
        engine.dispose()
    return url


@on_both
def test_processes_that_start_at_once_make_the_tables_once(tmp_path: Path, kind: str) -> None:
    """User interface, daemon and webhook receiver are started together, on an empty database the first time."""
    url = without_tables(tmp_path, kind)
    assert in_processes(4, bring_up, url, tmp_path) == ["up to date"] * 4
    engine = open_engine(url)
    assert differences(engine) == []
    engine.dispose()


@on_both
def test_threads_that_start_at_once_make_the_tables_once(tmp_path: Path, kind: str) -> None:
    """What makes them knows one upgrade at a time."""
    url, barrier = without_tables(tmp_path, kind), threading.Barrier(4)

    def begin(_: int) -> str:
        barrier.wait(PATIENCE)
        return bring_up(url, tmp_path)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(begin, range(4))) == ["up to date"] * 4


@pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
def test_the_engine_sets_what_the_ledger_relies_on(tmp_path: Path, durable: bool, synchronous: int) -> None:
    """A folder of its own, a write-ahead log, foreign keys, a minute of patience; commits synced unless told not to."""
    engine = open_engine(f"sqlite:///{tmp_path / 'ours' / 'mlc.db'}", durable=durable)
    assert (tmp_path / "ours").stat().st_mode & 0o777 == 0o700
    with reading(engine) as connection:

        def pragma(name: str) -> object:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

        assert pragma("journal_mode") == "wal"
        assert pragma("synchronous") == synchronous  # 2 is FULL, 1 is NORMAL
        assert pragma("foreign_keys") == 1
        assert pragma("busy_timeout") == WAIT_MS
    engine.dispose()


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Also in a folder that others may look into, and what lies beside it; one that is there keeps its mode."""
    for name, mode in (("new.db", 0o600), ("theirs.db", 0o640)):
        file = tmp_path / name
        if mode == 0o640:
            file.touch()
            file.chmod(mode)
        engine = open_engine(f"sqlite:///{file}")
        upgrade(engine)
        assert {each.stat().st_mode & 0o777 for each in tmp_path.glob(f"{name}*")} == {mode}
        engine.dispose()


def test_an_event_needs_its_entry(engine: Engine) -> None:
    """Foreign keys are enforced, not only declared."""
    upgrade(engine)
    orphan = {"entry_id": 7, "seq": 1, "at": TestClock().now(), "kind": "received", "after": "received"}
    with pytest.raises(IntegrityError, match="FOREIGN KEY"), writing(engine) as connection:
        connection.execute(tables.events.insert().values(**orphan, actor="mlc", detail="{}", previous="0", hash="0"))


def test_a_block_that_fails_leaves_nothing(engine: Engine) -> None:
    """A write transaction is whole or not at all."""
    upgrade(engine)
    row = connection_tables.rate_budgets.insert().values(name="acme", tat=1.0, blocked_until=0.0)

    def write_and_fail() -> None:
        with writing(engine) as connection:
            connection.execute(row)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with reading(engine) as connection:
        assert connection.execute(select(connection_tables.rate_budgets)).all() == []


def test_a_writer_takes_the_lock_at_once(engine: Engine) -> None:
    """From the first moment of a write transaction no second writer gets in; readers go on reading."""
    upgrade(engine)
    with writing(engine):
        rival = sqlite3.connect(str(engine.url.database), timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            rival.execute("BEGIN IMMEDIATE")
        assert rival.execute("SELECT count(*) FROM entries").fetchone() == (0,)
        rival.close()


def test_two_writers_queue_instead_of_failing(engine: Engine) -> None:
    """Writers that read before they write never lose each other's work."""
    upgrade(engine)
    budgets = connection_tables.rate_budgets
    with writing(engine) as connection:
        connection.execute(budgets.insert().values(name="acme", tat=0.0, blocked_until=0.0))

    def count() -> None:
        for _ in range(10):
            with writing(engine) as connection:
                there = connection.execute(select(budgets.c.tat)).scalar_one()
                connection.execute(budgets.update().values(tat=there + 1))

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert connection.execute(select(budgets.c.tat)).scalar_one() == 30


@on_both
def test_a_reader_sees_one_moment(tmp_path: Path, kind: str) -> None:
    """What others commit during a read does not show in it; the next read shows it."""
    engine = open_engine(address(tmp_path, kind=kind))
    budgets = connection_tables.rate_budgets
    with reading(engine) as view:
        assert view.execute(select(budgets)).all() == []
        with writing(engine) as connection:
            connection.execute(budgets.insert().values(name="acme", tat=0.0, blocked_until=0.0))
        assert view.execute(select(budgets)).all() == []
    with reading(engine) as view:
        assert len(view.execute(select(budgets)).all()) == 1
    engine.dispose()


def test_a_time_without_a_zone_is_refused(engine: Engine) -> None:
    """Times are aware on the way in and in UTC on the way out, to the microsecond."""
    moment = tables.Moment()
    now = TestClock().now()
    assert moment.process_result_value(moment.process_bind_param(now, engine.dialect), engine.dialect) == now
    with pytest.raises(ValueError, match="without a zone"):
        moment.process_bind_param(now.replace(tzinfo=None), engine.dialect)


def test_a_file_that_was_replaced_is_opened_anew(tmp_path: Path) -> None:
    """Who puts a backup in the file's place while we run finds in it what is written from then on."""
    file, backup = tmp_path / "mlc.db", tmp_path / "backup.db"
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO leases VALUES ('before', 'x', 1, '2026')")
    engine.dispose()
    shutil.copy(file, backup)
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO leases VALUES ('between', 'x', 1, '2026')")
    backup.replace(file)
    for left in (tmp_path / "mlc.db-wal", tmp_path / "mlc.db-shm"):
        left.unlink(missing_ok=True)
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO leases VALUES ('after', 'x', 1, '2026')")
    engine.dispose()
    with closing(sqlite3.connect(file)) as plain:
        assert plain.execute("SELECT name FROM leases ORDER BY name").fetchall() == [("after",), ("before",)]


@pytest.mark.parametrize("with_another", [False, True], ids=["moved away", "put in its place"])
def test_a_file_that_goes_while_it_is_opened_is_not_written_to(tmp_path: Path, *, with_another: bool) -> None:
    """What is written is in the file that has the name, however close to the opening another one took its place."""
    file = tmp_path / "mlc.db"
    for name in ("mlc.db", "backup.db"):
        engine = open_engine(f"sqlite:///{tmp_path / name}")
        with writing(engine) as connection:
            connection.execute(text("CREATE TABLE told (by TEXT)"))
            if name == "backup.db":
                connection.execute(text("INSERT INTO told VALUES ('the backup')"))
        engine.dispose()

    engine = open_engine(f"sqlite:///{file}")

    @event.listens_for(engine, "do_connect")
    def _open(dialect: Dialect, _entry: object, args: Any, params: Any) -> Any:
        opened = dialect.loaded_dbapi.connect(*args, **params)
        if not (tmp_path / "away").exists():
            opened.execute("SELECT * FROM told")  # opened by name, and read only now
            file.rename(tmp_path / "away")
            if with_another:
                (tmp_path / "backup.db").rename(file)
        return opened

    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS told (by TEXT)"))
        connection.execute(text("INSERT INTO told VALUES ('us')"))
    engine.dispose()
    with sqlite3.connect(file) as there:
        before = [("the backup",)] if with_another else []
        assert there.execute("SELECT by FROM told").fetchall() == [*before, ("us",)]
