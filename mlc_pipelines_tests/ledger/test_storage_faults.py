"""Our own database full, locked, away or started anew: the run says so in our words, and the next one goes on."""

import os
import signal
import subprocess
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, event, insert, text
from sqlalchemy.exc import IntegrityError

from mlc_pipelines.connections.slots import SharedSlots
from mlc_pipelines.errors import ConfigurationError, StorageError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.flows.road import Road
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger import database
from mlc_pipelines.ledger.database import open_engine, reading, upgrade, writing
from mlc_pipelines.ledger.leases import LEASE_SECONDS
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.states import State
from mlc_pipelines.ledger.tables import watermarks
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.redaction import MASK, REDACTOR
from mlc_pipelines_tests.databases import Server, address, on_both
from mlc_pipelines_tests.faulty_storage import FaultySteps
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, TestClock, road_of
from mlc_pipelines_tests.webhooks.post import eventually

STAGES: Sequence[Callable[[Road], object]] = (collect, translate, deliver, confirm)
MANY = 300


Open = Callable[[str], Ledger]


@pytest.fixture
def ledger_at() -> Iterator[Open]:
    """Opens ledgers by address, and closes them whatever a test does."""
    opened: list[Ledger] = []

    def open_ledger(url: str) -> Ledger:
        opened.append(Ledger(open_engine(url), TestClock()))
        upgrade(opened[-1].engine)
        return opened[-1]

    yield open_ledger
    for ledger in opened:
        ledger.engine.dispose()


def run(road: Road) -> None:
    for stage in STAGES:
        stage(road)


def heal(road: Road, flow: PaperFlow) -> None:
    """The next run, after the lease of the one that broke off; each paper is kept once and its source is told."""
    road.ledger.clock.sleep(LEASE_SECONDS + 1)
    run(road)
    assert Counter(reference for reference, _ in flow.kept) == Counter(list(flow.paper.documents))
    assert set(flow.told) == set(flow.paper.documents)
    assert road.books.entries.tally(flow.name) == {State.CONFIRMED: len(flow.paper.documents)}
    assert list(road.ledger.audit.verify()) == []


def many_papers() -> PaperFlow:
    return PaperFlow(Paper(**{f"D{number}": "1.00" for number in range(MANY)}))


class TestWords:
    def test_an_error_of_the_database_is_ours_and_names_it(self, tmp_path: Path) -> None:
        """Where, what, and what next; not a table, a statement or a value."""
        (tmp_path / "mlc.db").write_text("this is a letter to the bank, and no database at all\n" * 50)
        with pytest.raises(StorageError) as caught, reading(open_engine(f"sqlite:///{tmp_path / 'mlc.db'}")):
            pass
        assert str(caught.value) == (
            "database: file is not a database (DatabaseError); put it right, "
            "the next run goes on from what is committed"
        )

    def test_a_server_that_is_not_there_is_named(self) -> None:
        """By its address, without the password."""
        engine = open_engine("postgresql+psycopg://mlc:hunter2@127.0.0.1:9/mlc")
        with pytest.raises(StorageError, match=r"127\.0\.0\.1.*port 9.*refused") as caught, reading(engine):
            pass
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize("password", ["s3cr@tPassw0rd", "s3cr@t:Passw0rd", "s3cr@@[tPassw0rd"])
    def test_an_address_with_a_sign_that_is_not_escaped_is_not_quoted(self, password: str) -> None:
        """What is behind the sign would be taken for a host, and told to everybody."""
        with pytest.raises(ConfigurationError, match=r"MLC_DATABASE_URL .* %40") as caught:
            open_engine(f"postgresql+psycopg://mlc:{password}@localhost/mlc")
        assert "Passw0rd" not in "".join(traceback.format_exception(caught.value))
        assert REDACTOR.redact(f"failed to resolve host '{password[5:]}@localhost'").count(MASK) == 1

    @on_both
    def test_an_error_of_a_statement_stays_what_it_is_and_quotes_no_value(
        self, ledger_at: Open, tmp_path: Path, kind: str
    ) -> None:
        """Who put a row there first is asked for in several places; what the row says is nobody's business."""
        engine = ledger_at(address(tmp_path, kind=kind)).engine
        row = {"connection": "acme", "flow": "f", "feed": "all", "position": "hush", "changed_at": TestClock().now()}

        def put() -> None:
            with writing(engine) as connection:
                connection.execute(insert(watermarks).values(row))

        put()
        with pytest.raises(IntegrityError) as caught:
            put()
        assert "hush" not in str(caught.value)

    @on_both
    def test_an_error_of_ours_in_a_transaction_stays_what_it_is(
        self, ledger_at: Open, tmp_path: Path, kind: str
    ) -> None:
        """A mistake in our own code is no trouble of the database."""
        engine = ledger_at(address(tmp_path, kind=kind)).engine
        with pytest.raises(ZeroDivisionError), writing(engine):
            raise ZeroDivisionError

    def test_a_pool_of_which_nothing_comes_free_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever waits is told after a while; when a connection is given back, work goes on."""
        monkeypatch.setattr(database, "POOL_SECONDS", 0.2)  # instead of half a minute
        engine = open_engine(address(tmp_path, kind="postgres"))
        taken = [engine.connect() for _ in range(database.CONNECTIONS)]
        with pytest.raises(StorageError, match="none of 32 connections came free in 0 seconds"), reading(engine):
            pass
        taken.pop().close()
        with reading(engine) as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
        for each in taken:
            each.close()
        engine.dispose()


def full_after(engine: Engine, pages: int) -> None:
    """Let the file grow by so many pages and no more, as on a disk that is nearly full; SQLite's own error follows."""
    with reading(engine) as connection:
        size = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    @event.listens_for(engine, "connect")
    def _limit(connection: object, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {size + pages}")  # type: ignore[attr-defined]  # the driver's

    engine.dispose()  # connections that stand open know no limit


@pytest.mark.parametrize("pages", [2, 8, 20, 60, 150])
def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(ledger_at: Open, tmp_path: Path, pages: int) -> None:
    """Wherever on the road the file cannot grow any more, what is committed stays and nothing is sent twice."""
    url, flow = f"sqlite:///{tmp_path / 'mlc.db'}", many_papers()
    small = ledger_at(url)
    full_after(small.engine, pages)
    with pytest.raises(StorageError, match="database: database or disk is full"):
        run(road_of(small, flow))
    roomy = ledger_at(url)
    roomy.clock.sleep(3600)
    heal(road_of(roomy, flow), flow)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("only where file systems may be mounted; the test above fills a database everywhere")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_full_in_truth(ledger_at: Open, small_disk: Path) -> None:
    """Files, log and all: the run says so, and goes on when there is room."""
    flow = many_papers()
    ledger = ledger_at(f"sqlite:///{small_disk / 'mlc.db'}")
    with pytest.raises(StorageError, match="disk"):
        run(road_of(ledger, flow))
    subprocess.run(["mount", "-o", "remount,size=64M", str(small_disk)], check=True)
    heal(road_of(ledger, flow), flow)
    ledger.engine.dispose()


def test_a_worker_that_stands_still_keeps_its_locks_for_a_minute(ledger_at: Open, tmp_path: Path) -> None:
    """The server ends its transaction then; an address that sets options of its own keeps them.

    Whoever only reads, and has archives to look into meanwhile, may take longer.
    """
    url = address(tmp_path, kind="postgres")
    ours = ledger_at(url).engine
    theirs = ledger_at(f"{url}&options=-c%20idle_in_transaction_session_timeout%3D200ms").engine
    for engine, long, limit in ((ours, True, "1h"), (ours, False, "1min"), (theirs, True, "200ms")):
        with reading(engine, long=long) as connection:
            assert connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar() == limit

    def stand_still() -> None:
        with writing(theirs) as connection:
            backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            assert eventually(lambda: not served(ours, backend))
            connection.execute(text("SELECT 1"))

    with pytest.raises(StorageError, match="idle-in-transaction timeout"):
        stand_still()


def test_a_worker_that_stands_still_among_many_rows_keeps_its_locks_for_a_minute(
    ledger_at: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server takes it for one at work, for the driver sends rows without waiting; an upgrade may take longer."""
    ledger = ledger_at(address(tmp_path, kind="postgres"))
    show = text("SHOW transaction_timeout")
    with reading(ledger.engine) as connection:
        assert connection.execute(show).scalar() == "0"
    with writing(ledger.engine, long=True) as connection:
        assert connection.execute(show).scalar() == "0"
    with writing(ledger.engine) as connection:
        assert connection.execute(show).scalar() == "1min"
    monkeypatch.setattr(database, "_WRITE_LIMIT", "SET LOCAL transaction_timeout = '200ms'")

    def stand_still() -> None:
        with writing(ledger.engine) as connection:
            backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            with driver.pipeline():
                driver.execute("SELECT 1")
                driver.pgconn.send_flush_request()
                driver.pgconn.flush()
                assert eventually(lambda: not served(ledger.engine, backend))
            connection.execute(text("SELECT 1"))

    with pytest.raises(StorageError, match="connection is lost"):
        stand_still()


def served(engine: Engine, backend: int) -> bool:
    """Tell whether the server still has this process at work."""
    with reading(engine) as connection:
        query = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
        return bool(connection.execute(query, {"pid": backend}).scalar())


def cut_all(url: str) -> None:
    """End every other connection to a database, as an administrator does."""
    with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("at", [1, 9, 30, 45, 60])
def test_connections_that_are_cut_stop_the_run_and_the_next_one_goes_on(
    ledger_at: Open, tmp_path: Path, at: int
) -> None:
    """At its first statement, in the middle, near the end; the words are those of the driver."""
    url, flow = address(tmp_path, kind="postgres"), PaperFlow(Paper(A="1.00", B="2.00", C="3.00"))
    ledger = ledger_at(url)
    statements: list[str] = []

    @event.listens_for(ledger.engine, "before_cursor_execute")
    def _cut(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)
        if len(statements) == at:
            cut_all(url)

    with pytest.raises(StorageError, match=r"terminating connection|server closed the connection"):
        run(road_of(ledger, flow))
    heal(road_of(ledger, flow), flow)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_a_server_that_starts_anew_in_the_middle_of_a_run(ledger_at: Open, how: signal.Signals) -> None:
    """While it is away runs end at once; when it is back the next one finishes, on the connections it has kept."""
    with Server() as server:
        flow = PaperFlow(Paper(A="1.00", B="2.00", C="3.00"))
        ledger = ledger_at(server.url)
        road = road_of(ledger, flow)

        def stop(_: Sequence[Outgoing]) -> None:
            flow.after_deliver = lambda _: None
            server.stop(how)

        flow.after_deliver = stop
        with pytest.raises(StorageError, match="database: "):
            run(road)
        with pytest.raises(StorageError, match=r"connection (failed|is bad)"):
            run(road)
        server.start()
        heal(road, flow)


@on_both
def test_a_slot_that_cannot_be_given_back_does_not_cost_the_answer(ledger_at: Open, tmp_path: Path, kind: str) -> None:
    """The call is made and answered; its slot comes free when no call may last any longer."""
    engine = ledger_at(address(tmp_path, kind=kind)).engine
    faults = FaultySteps([engine])
    slots = SharedSlots(engine, "acme", number=1, longest_seconds=0.5, clock=SystemClock())
    with slots.slot():
        pass
    with faults.failing(0), slots.slot():
        begun = faults.steps
    with faults.failing(begun + 1):
        with slots.slot():
            answered = True
        assert faults.failed is not None
    assert answered
    with slots.slot():
        pass
