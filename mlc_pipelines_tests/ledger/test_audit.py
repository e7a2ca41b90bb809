"""The audit: whatever is changed behind the ledger's back is found and named."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, select

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger import chain
from mlc_pipelines.ledger.audit import Audit
from mlc_pipelines.ledger.database import reading, writing
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.records import Entry, Landed
from mlc_pipelines.ledger.states import State
from mlc_pipelines.ledger.tables import entries, events
from mlc_pipelines.ledger.verifying import Finding
from mlc_pipelines_tests.ledger.builders import clock_of, execute, hold, move, newest, receive, sealed_days

FIRST = date(2026, 11, 20)
DAY = 86_400.0
TAMPERINGS = {
    "edited detail": "UPDATE events SET detail = '[]' WHERE entry_id = :id AND seq = 2",
    "edited actor": "UPDATE events SET actor = 'somebody' WHERE entry_id = :id AND seq = 2",
    "edited time": "UPDATE events SET at = '2026-11-19T08:00:00.000000Z' WHERE entry_id = :id AND seq = 2",
    "edited kind": "UPDATE events SET kind = 'replayed' WHERE entry_id = :id AND seq = 1",
    "edited state": "UPDATE events SET after = 'held' WHERE entry_id = :id AND seq = 2",
    "edited hash": "UPDATE events SET hash = substr(hash, 2) || '0' WHERE entry_id = :id AND seq = 2",
    "edited previous": "UPDATE events SET previous = hash WHERE entry_id = :id AND seq = 2",
    "deleted first": "DELETE FROM events WHERE entry_id = :id AND seq = 1",
    "deleted middle": "DELETE FROM events WHERE entry_id = :id AND seq = 2",
    "deleted last": "DELETE FROM events WHERE entry_id = :id AND seq = 4",
    "deleted all": "DELETE FROM events WHERE entry_id = :id",
    "truncated": "DELETE FROM events WHERE entry_id = :id AND seq > 2",
    "state changed": "UPDATE entries SET state = 'confirmed' WHERE id = :id",
    "chain head changed": "UPDATE entries SET chain_head = :genesis WHERE id = :id",
    "length changed": "UPDATE entries SET chain_seq = 5 WHERE id = :id",
    "amount changed": "UPDATE entries SET amount_micros = amount_micros + 1 WHERE id = :id",
    "currency changed": "UPDATE entries SET currency = 'USD' WHERE id = :id",
    "external id changed": "UPDATE entries SET external_id = 'T-2' WHERE id = :id",
    "reference changed": "UPDATE entries SET reference = 'other' WHERE id = :id",
    "cause changed": "UPDATE entries SET cause = 'not_ours' WHERE id = :id",
    "partner changed": "UPDATE entries SET partner = 'S-9' WHERE id = :id",
    "put out of sight": "UPDATE entries SET latest = false WHERE id = :id",
    "time changed": "UPDATE entries SET since = '2026-11-19T08:00:00.000000Z' WHERE id = :id",
    "arrival changed": "UPDATE entries SET received_at = since WHERE id = :id",
    "attempts changed": "UPDATE entries SET attempts = attempts + 1 WHERE id = :id",
    "time made unreadable": "UPDATE events SET at = 'yesterday' WHERE entry_id = :id AND seq = 2",
    "entry made unreadable": "UPDATE entries SET since = 'yesterday' WHERE id = :id",
    "payload changed": "UPDATE entries SET payload = :other WHERE id = :id",
    "source changed": "UPDATE entries SET source = :other WHERE id = :id",
}


def verified(ledger: Ledger) -> list[Finding]:
    return list(ledger.audit.verify())


def forged(entry: Entry, seq: int, previous: str, **given: object) -> dict[str, object]:
    """An event whose own hash is right: made by somebody who knows how."""
    facts = {
        "entry_id": entry.id,
        "seq": seq,
        "at": entry.since,
        "kind": "confirmed",
        "before": entry.state.value,
        "after": "confirmed",
        "actor": "mlc",
        "detail": "{}",
        "previous": previous,
        **given,
    }
    return {**facts, "hash": chain.event_hash(**facts)}  # type: ignore[arg-type]  # facts of a row


def put(ledger: Ledger, *rows: dict[str, object]) -> None:
    with writing(ledger.engine) as connection:
        connection.execute(events.insert(), list(rows))


def test_what_the_ledger_wrote_holds(ledger: Ledger, books: Books, told: Entry) -> None:
    """Moves, holds, a second version and a sealed day leave nothing to find."""
    hold(books, *receive(books, "C"), cause=Cause.CREDIT_NOTE)
    receive(books, "A", content=b'{"key":"A","amount":2}')
    clock_of(ledger).sleep(DAY)
    ledger.audit.seal()
    receive(books, "D")
    assert verified(ledger) == []


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_tampering_with_an_entry_is_found(ledger: Ledger, told: Entry, tampering: str) -> None:
    """Whatever is edited or deleted, exactly the entry concerned is named, by connection, flow, key and version."""
    execute(ledger, TAMPERINGS[tampering], id=told.id, genesis=chain.GENESIS, other=b'{"key":"A "}')
    (finding,) = verified(ledger)
    assert finding.where == f"entry {told.id} (acme/papers A v1)"


def delivered(ledger: Ledger, books: Books, key: str, external_id: str) -> Entry:
    entry = move(books, receive(books, key, content=external_id.encode())[0], State.TRANSLATED)
    with ledger.leases.hold("acme") as lease:
        outcomes = [(intent, Landed(external_id)) for intent in books.intents.open([entry], lease)]
        books.intents.close(outcomes, lease, kind="paper", last=True)
    return newest(books, key)


@pytest.mark.parametrize(
    "tampering",
    [
        "external_id = 'T-9'",
        "external_id = 'T-2'",
        "external_id = 'T-1', entry_id = :other",
        "key = 'B'",
        "entry_id = NULL",
    ],
)
def test_a_binding_that_leads_astray_is_found(ledger: Ledger, books: Books, tampering: str) -> None:
    """The next change of a bill would go to somebody else's; what a later version was delivered as is what holds."""
    other = delivered(ledger, books, "Z", "T-2")
    delivered(ledger, books, "A", "T-1")
    entry = delivered(ledger, books, "A", "T-3")
    books.dictionary.link("paper", [(receive(books, "C")[0], "T-4")])  # found there, and its change refused
    receive(books, "A", content=b"a change under way")
    assert verified(ledger) == []
    execute(ledger, f"UPDATE bindings SET {tampering} WHERE entry_id = :id", id=entry.id, other=other.id)
    (finding,) = verified(ledger)
    assert finding.where in {"binding of acme/paper A", "binding of acme/paper B"}


def test_two_events_swapped_are_found(ledger: Ledger, told: Entry) -> None:
    """The order of what happened is part of what happened."""
    swap = "UPDATE events SET seq = {} WHERE entry_id = :id AND seq = {}"
    execute(ledger, swap.format(99, 2), swap.format(2, 3), swap.format(3, 99), id=told.id)
    (finding,) = verified(ledger)
    assert "event 2 (sending) was changed" in finding.what


def test_events_of_two_entries_swapped_are_found(ledger: Ledger, books: Books, told: Entry) -> None:
    """An event cannot be moved to another entry, where it would fit."""
    (other,) = receive(books, "C")
    move(books, other, State.TRANSLATED)
    swap = "UPDATE events SET entry_id = {} WHERE entry_id = {} AND seq = 2"
    execute(ledger, *(swap.format(*pair) for pair in ((-1, told.id), (told.id, other.id), (other.id, -1))))
    assert {finding.where.split(" (")[0] for finding in verified(ledger)} == {f"entry {told.id}", f"entry {other.id}"}


def test_an_event_put_at_the_end_is_found(ledger: Ledger, told: Entry) -> None:
    """An event that follows the last one, hash and all, is not what the entry remembers."""
    put(ledger, forged(told, 5, told.chain_head))
    (finding,) = verified(ledger)
    assert finding.what == "event 5 was put in"


def test_an_event_put_in_between_is_found(ledger: Ledger, told: Entry) -> None:
    """Making room for an event breaks the chain behind it."""
    with reading(ledger.engine) as connection:
        second = connection.execute(select(events.c.hash).where(events.c.entry_id == told.id, events.c.seq == 2))
        previous = second.scalar_one()
    execute(
        ledger,
        "UPDATE events SET seq = seq + 100 WHERE entry_id = :id AND seq > 2",
        "UPDATE events SET seq = seq - 99 WHERE entry_id = :id AND seq > 100",
        id=told.id,
    )
    put(ledger, forged(told, 3, previous, before="translated", after="sending", kind="sending"))
    (finding,) = verified(ledger)
    assert "event 4" in finding.what


def test_an_event_of_no_entry_is_found(ledger: Ledger, told: Entry) -> None:
    """An event whose entry was taken away is named by its own number."""
    execute(ledger, "DELETE FROM entries WHERE id = :id", id=told.id)
    findings = verified(ledger)
    assert len(findings) == 4
    assert {finding.what for finding in findings} == {"belongs to no entry"}


def test_many_tampered_entries_are_all_named(ledger: Ledger, books: Books) -> None:
    """The audit goes on after its first finding."""
    for entry in receive(books, "A", "B", "C"):
        execute(ledger, "UPDATE events SET actor = 'x' WHERE entry_id = :id", id=entry.id)
    assert [finding.where.split("papers ")[1] for finding in verified(ledger)] == ["A v1)", "B v1)", "C v1)"]


def test_a_day_is_sealed_once_it_is_over(ledger: Ledger, told: Entry) -> None:
    """Today is left open; yesterday is sealed once; a day on which nothing happened has no seal."""
    assert ledger.audit.seal() == []
    clock_of(ledger).sleep(DAY)
    assert ledger.audit.seal() == [FIRST]
    assert ledger.audit.seal() == []
    clock_of(ledger).sleep(3 * DAY)
    receive(ledger.books("acme"), "late")
    clock_of(ledger).sleep(DAY)
    assert ledger.audit.seal() == [FIRST + timedelta(days=4)]
    assert verified(ledger) == []


def test_two_who_seal_at_once_seal_a_day_once(ledger: Ledger, books: Books) -> None:
    """The second waits for the first, and finds the day sealed."""
    receive(books, "A")
    clock_of(ledger).sleep(2 * DAY)
    barrier = threading.Barrier(4)

    def seal(_: int) -> list[date]:
        barrier.wait(30)
        return ledger.audit.seal()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(seal, range(4))) == [[], [], [], [FIRST]]


def rewrite_history(ledger: Ledger, entry: Entry) -> None:
    """Change an event and everything that depends on it but the seal, as a careful forger would."""
    with writing(ledger.engine) as connection:
        row = connection.execute(select(events).where(events.c.entry_id == entry.id)).one()._mapping
        facts = {name: row[name] for name in row if name not in {"id", "hash"}} | {"actor": "somebody"}
        fresh = chain.event_hash(**facts)
        connection.execute(events.update().where(events.c.entry_id == entry.id).values(actor="somebody", hash=fresh))
        connection.execute(entries.update().where(entries.c.id == entry.id).values(chain_head=fresh))


def test_a_day_that_was_sealed_too_early_stays_sealed(ledger: Ledger, books: Books) -> None:
    """A clock was a day ahead for a while: what happens on that day afterwards is told of the next one."""
    receive(books, "A")
    clock_of(ledger).sleep(26 * 3600)
    (sealed,) = ledger.audit.seal()
    clock_of(ledger).sleep(-26 * 3600)
    (late,) = receive(books, "B")
    move(books, late, State.TRANSLATED)
    assert {happening.at.date() for happening in books.reports.trail(newest(books, "B"))} == {
        sealed + timedelta(days=1)
    }
    clock_of(ledger).sleep(3 * 86_400)
    assert ledger.audit.seal()
    assert not list(ledger.audit.verify())


def test_a_seal_finds_what_the_chain_cannot(ledger: Ledger, books: Books) -> None:
    """History rewritten with all its hashes still does not fit the seal of its day."""
    _, middle, _ = sealed_days(ledger, books)
    rewrite_history(ledger, middle)
    assert verified(ledger) == [Finding("day 2026-11-21", "the seal does not fit the events of that day, 3 to 4")]


def test_an_entry_taken_away_whole_is_found_by_the_seal(ledger: Ledger, books: Books) -> None:
    """Without its entry and all its events nothing is left to compare but the day."""
    first, _, _ = sealed_days(ledger, books)
    execute(ledger, "DELETE FROM events WHERE entry_id = :id", "DELETE FROM entries WHERE id = :id", id=first.id)
    assert "day 2026-11-20" in [finding.where for finding in verified(ledger)]


def test_an_event_dated_back_into_a_sealed_day_is_found(ledger: Ledger, books: Books) -> None:
    """A day that is sealed takes no more events."""
    first, _, _ = sealed_days(ledger, books)
    row = forged(first, 2, first.chain_head, before="received", after="received", kind="noted")
    put(ledger, row)
    execute(
        ledger, "UPDATE entries SET chain_seq = 2, chain_head = :head WHERE id = :id", head=row["hash"], id=first.id
    )
    assert "day 2026-11-20" in [finding.where for finding in verified(ledger)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE seals SET hash = :other WHERE day = '2026-11-21'",
        "UPDATE seals SET previous = :other WHERE day = '2026-11-21'",
        "UPDATE seals SET count = count + 1 WHERE day = '2026-11-21'",
        "UPDATE seals SET first_event = first_event + 1 WHERE day = '2026-11-21'",
        "UPDATE seals SET last_event = last_event + 1 WHERE day = '2026-11-21'",
        "DELETE FROM seals WHERE day = '2026-11-20'",
    ],
)
def test_a_seal_that_was_changed_or_removed_is_found(ledger: Ledger, books: Books, statement: str) -> None:
    """Seals are a chain of their own: one that is touched or missing breaks it."""
    sealed_days(ledger, books)
    execute(ledger, statement, other="f" * 64)
    first, *_ = verified(ledger)
    assert first.where == "day 2026-11-21"
    assert "the seal does not fit" in first.what


def test_canonical_json_is_the_same_for_the_same_facts() -> None:
    """Order of keys and letters beyond ASCII do not change what is hashed."""
    assert chain.encode({"b": "ø", "a": 1}) == chain.encode({"a": 1, "b": "ø"}) == '{"a":1,"b":"\\u00f8"}'


def between(ledger: Ledger, statement: str, act: Callable[[], object]) -> None:
    """Let something happen right after the first statement that has these words."""
    acts = [act]

    @event.listens_for(ledger.engine, "after_cursor_execute")
    def _work(_connection: Connection, _cursor: object, told: str, *_: object) -> None:
        if statement in told and acts:
            acts.pop()()


@pytest.mark.parametrize("statement", ["FROM entries", "FROM totals", "FROM events"])
def test_a_run_at_work_is_not_taken_for_tampering(ledger: Ledger, books: Books, statement: str) -> None:
    """The audit sees one moment of the ledger, whatever is committed while it looks."""
    (entry,) = receive(books, "A")

    def work() -> None:
        receive(books, "B")
        move(books, entry, State.TRANSLATED)

    between(ledger, statement, work)
    assert verified(ledger) == []
    assert newest(books, "A").state is State.TRANSLATED


def test_a_day_that_is_sealed_meanwhile_is_not_missed(ledger: Ledger, books: Books, tmp_path: Path) -> None:
    """What is remembered outside is read before the moment that is looked at."""
    audit = Audit(ledger.engine, ledger.clock, tmp_path / "audit.anchor")
    receive(books, "A")
    clock_of(ledger).sleep(2 * DAY)
    between(ledger, "FROM entries", audit.seal)
    assert list(audit.verify()) == []
    assert (tmp_path / "audit.anchor").exists()


def test_an_entry_dated_back_into_a_quiet_day_is_found(
    ledger: Ledger, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day on which nothing happened has no seal, and stays a day on which nothing happened."""
    receive(books, "A")
    clock_of(ledger).sleep(3 * DAY)
    receive(books, "B")
    clock_of(ledger).sleep(DAY)
    assert len(ledger.audit.seal()) == 2
    clock_of(ledger).sleep(-2 * DAY)
    monkeypatch.setattr("mlc_pipelines.ledger.entries.event_time", lambda _connection, now: now)
    receive(books, "forged")
    assert [finding.where for finding in verified(ledger)] == ["day 2026-11-22"]
