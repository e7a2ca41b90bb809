"""Makes source records and moves with sensible defaults; a test states only what matters to it."""

import io
import re
import sys
from contextlib import closing, redirect_stdout
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from unittest import mock

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger import verify_pack
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.moves import Move
from mlc_pipelines.ledger.records import Entry, SourceRecord
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.flows.world import TestClock

FLOW = "papers"
DAY = 86_400.0


def clock_of(ledger: Ledger) -> TestClock:
    """The clock of a test's ledger, to be moved on."""
    return cast(TestClock, ledger.clock)


def record(key: str, **given: Any) -> SourceRecord:
    """A document of ten euros, dated in November."""
    usual = {
        "company": "10",
        "content": f'{{"key":"{key}"}}'.encode(),
        "label": f"INV-{key}",
        "partner": "S-1001",
        "amount": Decimal("10.00"),
        "currency": "EUR",
        "dated": date(2026, 11, 3),
    }
    values = {**usual, **given}
    return SourceRecord(key=key, **{"fingerprint": digest(values["content"]), **values})


def receive(books: Books, *keys: str, flow: str = FLOW, **given: Any) -> list[Entry]:
    """Receive documents and give their entries."""
    books.entries.receive(flow, [record(key, **given) for key in keys], None)
    return [newest(books, key, flow=flow) for key in keys]


def newest(books: Books, key: str, *, flow: str = FLOW) -> Entry:
    """The newest version of a record, as it stands now."""
    (entry,) = books.reports.select(flow=flow, keys=[key])
    return entry


def move(books: Books, entry: Entry, *states: State, **values: Any) -> Entry:
    """Move an entry through states and give it as it stands then."""
    for state in states:
        books.entries.move([Move(entry, state, state.value, values=values)], None)
        entry = newest(books, entry.key, flow=entry.flow)
    return entry


def hold(books: Books, entry: Entry, *, cause: Cause = Cause.ACCOUNT_UNMAPPED, key: str | None = None) -> Entry:
    """Hold an entry for a person."""
    return move(books, entry, State.HELD, cause=cause.value, cause_key=key, problem=f"{entry.key} cannot go on")


def sealed_days(ledger: Ledger, books: Books) -> list[Entry]:
    """Three sealed days of two entries each; their second entries are given."""
    given = []
    for day in range(3):
        given.append(receive(books, f"{day}a", f"{day}b")[1])
        clock_of(ledger).sleep(DAY)
    assert len(ledger.audit.seal()) == 3
    assert list(ledger.audit.verify()) == []
    return given


def execute(ledger: Ledger, *statements: str, **values: Any) -> None:
    """Write past the ledger, as somebody with the database's own tool could; foreign keys do not stop him."""
    sqlite = ledger.engine.dialect.name == "sqlite"
    with closing(ledger.engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=OFF" if sqlite else "SET session_replication_role = replica")
        for statement in statements:
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            cursor.execute(statement if sqlite else re.sub(r":([a-z]\w*)", r"%(\1)s", statement), used)
            assert cursor.rowcount >= 1, statement
        connection.commit()
        if not sqlite:
            cursor.execute("RESET session_replication_role")
            connection.commit()


def verdict(pack: Path, *words: str) -> tuple[int, str]:
    """What the script of the pack ends with and says."""
    said = io.StringIO()
    with mock.patch.object(sys, "argv", ["verify_pack.py", str(pack), *words]), redirect_stdout(said):
        return verify_pack.main(), said.getvalue()
