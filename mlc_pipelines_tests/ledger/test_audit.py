"""The audit: whatever is changed behind the ledger's back is found and named."""

import hashlib
import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger import chain, verify_pack
from mlc_pipelines.ledger.audit import Audit, Finding
from mlc_pipelines.ledger.database import reading, writing
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.states import State
from mlc_pipelines.ledger.tables import entries, events
from mlc_pipelines_tests.flows.world import open_ledger
from mlc_pipelines_tests.ledger.builders import clock_of, execute, hold, move, receive

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
    "payload changed": "UPDATE entries SET payload = :other WHERE id = :id",
    "source changed": "UPDATE entries SET source = :other WHERE id = :id",
}


@pytest.fixture
def told(books: Books) -> Entry:
    """An entry with four events."""
    (entry,) = receive(books, "A")
    receive(books, "B")
    return move(books, entry, State.TRANSLATED, State.SENDING, State.DELIVERED)


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
    assert finding.what == "its last events are missing or were replaced"


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


def sealed_days(ledger: Ledger, books: Books) -> list[Entry]:
    """Three sealed days of two entries each; their second entries are given."""
    given = []
    for day in range(3):
        given.append(receive(books, f"{day}a", f"{day}b")[1])
        clock_of(ledger).sleep(DAY)
    assert len(ledger.audit.seal()) == 3
    assert verified(ledger) == []
    return given


def rewrite_history(ledger: Ledger, entry: Entry) -> None:
    """Change an event and everything that depends on it but the seal, as a careful forger would."""
    with writing(ledger.engine) as connection:
        row = connection.execute(select(events).where(events.c.entry_id == entry.id)).one()._mapping
        facts = {name: row[name] for name in row if name not in {"id", "hash"}} | {"actor": "somebody"}
        fresh = chain.event_hash(**facts)
        connection.execute(events.update().where(events.c.entry_id == entry.id).values(actor="somebody", hash=fresh))
        connection.execute(entries.update().where(entries.c.id == entry.id).values(chain_head=fresh))


def test_a_seal_finds_what_the_chain_cannot(ledger: Ledger, books: Books) -> None:
    """History rewritten with all its hashes still does not fit the seal of its day."""
    _, middle, _ = sealed_days(ledger, books)
    rewrite_history(ledger, middle)
    assert verified(ledger) == [Finding("day 2026-11-21", "the seal does not fit the events of that day")]


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
        "UPDATE seals SET last_event = last_event - 1 WHERE day = '2026-11-21'",
        "DELETE FROM seals WHERE day = '2026-11-20'",
    ],
)
def test_a_seal_that_was_changed_or_removed_is_found(ledger: Ledger, books: Books, statement: str) -> None:
    """Seals are a chain of their own: one that is touched or missing breaks it."""
    sealed_days(ledger, books)
    execute(ledger, statement, other="f" * 64)
    findings = verified(ledger)
    assert findings[0] == Finding("day 2026-11-21", "the seal does not fit the events of that day")


def test_the_pack_is_enough_to_verify_by_oneself(ledger: Ledger, books: Books, told: Entry) -> None:
    """An outsider with the exported lines and SHA-256 comes to the same hashes."""
    clock_of(ledger).sleep(DAY)
    ledger.audit.seal()
    lines = [json.loads(line) for line in ledger.audit.pack()]
    packed = [line["event"] for line in lines if "event" in line]
    assert len(packed) == 5
    for event in packed:
        at = event["at"].replace(" ", "T").replace("+00:00", "Z")
        facts = [event["entry_id"], event["seq"], at, *(event[name] for name in ("kind", "before", "after"))]
        facts += [event["actor"], event["detail"], event["previous"]]
        written = json.dumps(facts, separators=(",", ":"), ensure_ascii=True)
        assert hashlib.sha256(written.encode()).hexdigest() == event["hash"]
    seal = lines[-1]["seal"]
    by_id = sorted(packed, key=lambda event: event["id"])
    text = f"{seal['day']}:{chain.GENESIS}" + "".join(f":{event['id']}:{event['hash']}" for event in by_id)
    assert hashlib.sha256(text.encode()).hexdigest() == seal["hash"]


def test_canonical_json_is_the_same_for_the_same_facts() -> None:
    """Order of keys and letters beyond ASCII do not change what is hashed."""
    assert chain.encode({"b": "ø", "a": 1}) == chain.encode({"a": 1, "b": "ø"}) == '{"a":1,"b":"\\u00f8"}'


def test_an_entry_dated_back_into_a_quiet_day_is_found(ledger: Ledger, books: Books) -> None:
    """A day on which nothing happened has no seal, and stays a day on which nothing happened."""
    receive(books, "A")
    clock_of(ledger).sleep(3 * DAY)
    receive(books, "B")
    clock_of(ledger).sleep(DAY)
    assert len(ledger.audit.seal()) == 2
    clock_of(ledger).sleep(-2 * DAY)
    receive(books, "forged")
    assert [finding.where for finding in verified(ledger)] == ["day 2026-11-22"]


def test_seals_that_are_all_gone_are_missed(tmp_path: Path) -> None:
    """The newest seal is remembered outside the database, so that an empty table is not an innocent one."""
    ledger = open_ledger(tmp_path)
    anchored = Audit(ledger.engine, ledger.clock, tmp_path / "audit.anchor")
    receive(ledger.books("acme"), "A")
    clock_of(ledger).sleep(timedelta(days=1).total_seconds())
    assert len(anchored.seal()) == 1
    assert list(anchored.verify()) == []
    execute(ledger, "DELETE FROM seals")
    (finding,) = anchored.verify()
    assert "its seal is gone" in finding.what
    ledger.engine.dispose()


def packed(ledger: Ledger, folder: Path) -> Path:
    """Write the pack into a file."""
    file = folder / "pack.jsonl"
    file.write_text("".join(f"{line}\n" for line in ledger.audit.pack()), encoding="utf-8")
    return file


def outside(file: Path) -> subprocess.CompletedProcess[str]:
    """Verify a pack as an outsider: the script alone, without this project."""
    command = [sys.executable, "-I", "-S", verify_pack.__file__, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


def test_an_outsider_verifies_the_pack_with_one_script(ledger: Ledger, books: Books, tmp_path: Path) -> None:
    """The script needs nothing but Python, and says how many events and seals it saw."""
    sealed_days(ledger, books)
    said = outside(packed(ledger, tmp_path))
    assert said.returncode == 0, said.stdout + said.stderr
    assert "intact: 6 events of 6 entries, 3 seals" in said.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [("detail", "was changed"), ("previous", "does not follow"), ("hash", "was changed"), ("seq", "is missing")],
)
def test_an_outsider_finds_what_was_changed_in_a_pack(
    ledger: Ledger, told: Entry, tmp_path: Path, name: str, said: str
) -> None:
    """The first bad event of an entry is named."""
    file = packed(ledger, tmp_path)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    event = next(line["event"] for line in lines if line.get("event", {}).get("seq") == 2)
    event[name] = 7 if name == "seq" else "0" * 64
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = outside(file)
    assert found.returncode == 1
    assert f"entry {told.id}" in found.stdout
    assert said in found.stdout


def test_an_outsider_misses_a_line_of_a_sealed_day(ledger: Ledger, books: Books, tmp_path: Path) -> None:
    """An entry taken out of the pack whole is missed by the seal of its day."""
    first, _, _ = sealed_days(ledger, books)
    file = packed(ledger, tmp_path)
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if f'"entry_id": {first.id},' not in line), encoding="utf-8")
    found = outside(file)
    assert found.returncode == 1
    assert "the seal does not fit" in found.stdout
