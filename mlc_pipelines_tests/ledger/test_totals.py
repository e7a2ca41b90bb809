"""Totals: always what counting the entries would give, whatever happens to them."""

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mlc_pipelines.ledger import totals
from mlc_pipelines.ledger.database import open_engine, reading, upgrade, writing
from mlc_pipelines.ledger.leases import LeaseLostError
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.moves import Move
from mlc_pipelines.ledger.states import MOVES, State
from mlc_pipelines.ledger.tables import entries
from mlc_pipelines_tests.ledger.builders import FLOW, execute, move, newest, receive

MONEY = [(None, None), ("0.01", "EUR"), ("-3.505", "EUR"), ("1200", "JPY"), ("9000000000000", "VND")]


def agree(ledger: Ledger) -> bool:
    with reading(ledger.engine) as connection:
        return totals.told(connection) == totals.counted(connection)


@pytest.mark.parametrize("seed", range(3))
def test_totals_are_what_a_count_gives(ledger: Ledger, books: Books, seed: int) -> None:
    """New records, new versions, and every move that the table allows, in any order, on two connections."""
    chance = random.Random(seed)
    for _ in range(60):
        mine = chance.choice([books, ledger.books("globex")])
        key = f"K{chance.randrange(12)}"
        amount, currency = chance.choice(MONEY)
        content = f'{{"key":"{key}","salt":{chance.randrange(3)}}}'.encode()
        receive(mine, key, amount=Decimal(amount) if amount else None, currency=currency, content=content)
        entry = newest(mine, key)
        after = sorted(MOVES[entry.state] - {State.SUPERSEDED})  # that is for a newer version to do
        if after:
            move(mine, entry, chance.choice(after))
        assert agree(ledger)
    assert list(ledger.audit.verify()) == []


def test_sums_larger_than_one_number_holds_are_exact(books: Books) -> None:
    """Three invoices of nine billions of thousands in dong: their millionths would not fit into 64 bits."""
    for key in "ABC":
        receive(books, key, amount=Decimal("9000000000000.25"), currency="VND")
    (found,) = books.reports.sums()
    assert found.amount == Decimal("27000000000000.75")
    for key in "ABC":
        move(books, newest(books, key), State.HELD, cause="not_ours")
    (group,) = books.reports.held()
    assert (group.count, group.amount) == (3, Decimal("27000000000000.75"))


def test_who_has_not_heard_of_a_newer_version_is_refused(ledger: Ledger, books: Books) -> None:
    """An entry is moved as what it is: newest version or not, or else the totals of newest versions would be wrong."""
    (old,) = receive(books, "A")
    old = move(books, old, State.TRANSLATED, State.SENDING, State.DELIVERED)
    receive(books, "A", content=b"changed")
    with pytest.raises(LeaseLostError, match="moved by another worker"):
        books.entries.move([Move(old, State.CONFIRMED, "confirmed")], None)
    assert agree(ledger)


@pytest.mark.parametrize("what", ["count = count + 1", "units = units - 1", "micros = micros + 1", "state = 'held'"])
def test_a_total_that_somebody_changed_is_found(ledger: Ledger, books: Books, what: str) -> None:
    """The audit counts for itself."""
    receive(books, "A")
    execute(ledger, f"UPDATE totals SET {what}")
    findings = list(ledger.audit.verify())
    assert findings
    assert {finding.where for finding in findings} == {f"totals of acme/{FLOW}"}


def test_every_run_counts_the_entries_by_state(ledger: Ledger, books: Books) -> None:
    """Not by money, as the audit does, but at each run: the totals of a flow against its entries."""
    receive(books, "A", "B")
    move(books, newest(books, "A"), State.HELD, cause="not_ours")
    assert books.reports.miscounted(FLOW) == []
    execute(ledger, "UPDATE entries SET state = 'ignored' WHERE key = 'A'")
    assert books.reports.miscounted(FLOW) == [
        "held in translate: 0 records, 1 by the totals",
        "ignored in translate: 1 records, 0 by the totals",
    ]
    assert books.reports.miscounted("others") == []


def test_an_entry_that_nobody_received_is_found_by_the_totals(ledger: Ledger, books: Books) -> None:
    """One that was taken out with all its events leaves no gap in any chain; the total remembers it."""
    receive(books, "A", "B")
    last = newest(books, "B")
    execute(ledger, "DELETE FROM events WHERE entry_id = :id", "DELETE FROM entries WHERE id = :id", id=last.id)
    (finding,) = ledger.audit.verify()
    assert finding.where == f"totals of acme/{FLOW}"


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Engine]:
    """A database as it was before there were totals."""
    engine = open_engine(f"sqlite:///{tmp_path / 'mlc.db'}")
    upgrade(engine, revision="0003")
    yield engine
    engine.dispose()


def test_the_migration_counts_what_is_there(old: Engine) -> None:
    """Entries of an older installation are in the totals from the first moment."""
    columns = "connection, flow, company, key, version, latest, fingerprint, state, stage, since, label, partner, "
    columns += "amount_micros, currency, attempts, source, received_at, chain_seq, chain_head"
    at = "2026-11-20T08:00:00.000000Z"
    with writing(old) as connection:
        for number, (amount, currency) in enumerate([(10_000_000, "EUR"), (-3_505_000, "EUR"), (None, None)]):
            for version, latest in ((1, False), (2, True)):
                connection.execute(
                    text(
                        f"INSERT INTO entries ({columns}) VALUES "
                        f"('acme', 'papers', '10', 'K{number}', {version}, :latest, 'f', 'held', 'translate', '{at}', "
                        f"'L', 'P', :amount, :currency, 0, 's', '{at}', 1, 'h')"
                    ),
                    {"latest": latest, "amount": amount, "currency": currency},
                )
    upgrade(old)
    with reading(old) as connection:
        assert connection.execute(text(f"SELECT count(*) FROM {entries.name}")).scalar() == 6
        kept = totals.told(connection)
        assert kept == totals.counted(connection)
        assert kept["acme", "papers", "10", "translate", "held", "EUR", True] == (2, 6_495_000)
