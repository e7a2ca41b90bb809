"""Retention: what is at rest goes into an archive, what protects it stays, and the audit goes on holding."""

import gzip
import json
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger import archive
from mlc_pipelines.ledger.archive_audit import archived_trail, verify_archives
from mlc_pipelines.ledger.audit import Audit
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.database import reading
from mlc_pipelines.ledger.leases import LeaseLostError, LeaseTakenError
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.moves import Move
from mlc_pipelines.ledger.pruning import LEASE, Pruned
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.signing import SealKeys
from mlc_pipelines.ledger.states import State
from mlc_pipelines.ledger.tables import entries, events, inbox, intents, prunings
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, open_ledger, road_of
from mlc_pipelines_tests.ledger.builders import FLOW, clock_of, execute, hold, move, newest, receive, verdict

MONTH, YEAR = timedelta(days=30), 366 * 86_400.0
SENT = (State.TRANSLATED, State.SENDING)
TOLD = (*SENT, State.DELIVERED, State.SENDING, State.CONFIRMED)
BACK = 40 * 86_400.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "2026.jsonl.gz"


def prune(ledger: Ledger, file: Path, **given: Any) -> Pruned:
    return ledger.retention.prune(MONTH, file, **given)


def pruned_keys(ledger: Ledger) -> list[str]:
    with reading(ledger.engine) as connection:
        query = select(entries.c.key, entries.c.version).where(entries.c.pruning.is_not(None)).order_by(entries.c.id)
        return [f"{row.key}{row.version}" for row in connection.execute(query)]


def found(ledger: Ledger, *files: Path) -> list[str]:
    """Where anything is wrong."""
    wrong = [*ledger.audit.verify(), *(verify_archives(ledger.engine, files) if files else ())]
    return [finding.where for finding in wrong]


def told(books: Books, key: str, **given: Any) -> Entry:
    """A record that went the whole road."""
    (entry,) = receive(books, key, **given)
    return move(books, entry, *TOLD)


def keep_alive(books: Books) -> None:
    """Something happens today: the newest event is not an old one."""
    receive(books, "today")


@pytest.fixture
def year(ledger: Ledger, books: Books) -> Entry:
    """A year of five records, of which one is held; and one of today. Gives the first."""
    first = told(books, "A")
    for key in "BCD":
        clock_of(ledger).sleep(86_400)
        told(books, key)
    hold(books, *receive(books, "H"))
    clock_of(ledger).sleep(YEAR)
    keep_alive(books)
    return first


ENDS: dict[str, tuple[State, ...]] = {
    "confirmed": TOLD,
    "ignored": (State.IGNORED,),
    "received": (),
    "translated": (State.TRANSLATED,),
    "sending": SENT,
    "unknown": (*SENT, State.UNKNOWN),
    "postponed": (*SENT, State.POSTPONED),
    "delivered": (*SENT, State.DELIVERED),  # the source is not told yet
    "refused": (*SENT, State.HELD),
}


def test_only_what_is_at_rest_goes(ledger: Ledger, books: Books, file: Path) -> None:
    """Whatever is under way, held, open or waits for a word stays as it is, to the last byte."""
    for key, states in ENDS.items():
        (entry,) = receive(books, key)
        move(books, entry, *states, **({"cause": "rejected_by_target"} if key == "refused" else {}))
    (waiting,) = receive(books, "waiting")
    move(books, waiting, State.IGNORED, cause="not_ready", cause_key="period:2026-11")
    (done,) = receive(books, "no write back")
    move(books, done, *SENT)
    move(books, newest(books, "no write back"), State.DELIVERED, stage="done")
    clock_of(ledger).sleep(YEAR)
    told(books, "young")
    before = rows(ledger)
    assert prune(ledger, file).entries == 3
    assert sorted(pruned_keys(ledger)) == ["confirmed1", "ignored1", "no write back1"]
    after = rows(ledger)
    assert {number: row for number, row in before.items() if after[number] == row}.keys() == {
        number for number, row in after.items() if row["pruning"] is None
    }
    assert found(ledger, file) == []


def rows(ledger: Ledger) -> dict[int, dict[str, Any]]:
    with reading(ledger.engine) as connection:
        return {row.id: dict(row._mapping) for row in connection.execute(select(entries))}


def test_earlier_versions_stay_while_a_later_one_is_on_the_desk(ledger: Ledger, books: Books, file: Path) -> None:
    """A person compares the change with what was delivered; when that is settled, both go."""
    told(books, "A")
    hold(books, *receive(books, "A", content=b"changed"))
    clock_of(ledger).sleep(YEAR)
    keep_alive(books)
    assert prune(ledger, file).entries == 0
    move(books, newest(books, "A"), State.RECEIVED, *TOLD)
    assert prune(ledger, file).entries == 0, "it came to rest today"
    clock_of(ledger).sleep(YEAR)
    receive(books, "tomorrow")
    assert prune(ledger, file).entries == 2
    assert pruned_keys(ledger) == ["A1", "A2"]


def test_what_later_translations_read_stays(ledger: Ledger, books: Books, file: Path) -> None:
    """The newest version of a supplier has no date: it stays whole, its earlier ones go."""
    told(books, "S-1", dated=None)
    told(books, "S-1", dated=None, content=b"moved")
    clock_of(ledger).sleep(YEAR)
    keep_alive(books)
    prune(ledger, file)
    assert pruned_keys(ledger) == ["S-11"]
    assert newest(books, "S-1").source == b"moved"


def test_numbers_are_not_given_again(ledger: Ledger, books: Books, file: Path) -> None:
    """The entry of the newest event stays, however old: on SQLite the next event would get its number."""
    told(books, "A")
    told(books, "B")
    clock_of(ledger).sleep(YEAR)
    assert prune(ledger, file).entries == 1
    assert pruned_keys(ledger) == ["A1"]
    with reading(ledger.engine) as connection:
        last = connection.execute(select(events.c.id).order_by(events.c.id.desc())).scalars().first()
    receive(books, "C")
    with reading(ledger.engine) as connection:
        assert last in connection.execute(select(events.c.id)).scalars().all()
    assert found(ledger, file) == []


def test_what_was_told_beforehand_is_what_goes(ledger: Ledger, books: Books, year: Entry, file: Path) -> None:
    """Flow, state, records, events and bytes; to ask changes nothing, and the second time nothing is left."""
    before = rows(ledger)
    (group,) = ledger.retention.resting(MONTH)
    assert rows(ledger) == before
    assert (group.connection, group.flow, group.state, group.entries, group.events) == (
        "acme",
        FLOW,
        "confirmed",
        4,
        24,
    )
    assert group.document_bytes == sum(len(newest(books, key).source) for key in "ABCD")
    done = prune(ledger, file, batch=3)
    assert (done.entries, done.events, done.findings) == (4, 24, [])
    assert ledger.retention.resting(MONTH) == []
    assert prune(ledger, file).entries == 0


def test_sums_and_names_are_as_before(ledger: Ledger, books: Books, year: Entry, file: Path) -> None:
    """Totals, the month's documents, and every name a record can be found by."""
    sums, dated = books.reports.sums(), (year.dated, year.dated)
    keys = [entry.key for entry in books.reports.select(dated=dated)]  # type: ignore[arg-type]  # it has a date
    prune(ledger, file)
    assert books.reports.sums() == sums
    assert [entry.key for entry in books.reports.select(dated=dated)] == keys  # type: ignore[arg-type]  # as above
    (entry,) = books.reports.find("INV-A")
    assert (entry.source, entry.payload, entry.amount, entry.chain_head) == (b"", None, year.amount, year.chain_head)
    assert books.reports.trail(entry) == []
    assert books.reports.archive_of(entry) == file.name
    assert [event.kind for event in archived_trail(ledger.engine, file, entry)] == [
        "received",
        *(s.value for s in TOLD),
    ]
    assert archived_trail(ledger.engine, file, newest(books, "H")) == []


def test_read_again_it_is_known_and_changed_it_is_amended(ledger: Ledger, file: Path) -> None:
    """The promise: a pruned record is never posted twice, whether it comes again as it was or changed."""
    flow = PaperFlow(Paper(A="10.00", B="20.00"))
    road = road_of(ledger, flow)
    walk(road)
    clock_of(ledger).sleep(YEAR)
    flow.paper.write("C")
    walk(road)
    assert prune(ledger, file).entries == 2
    flow.paper.write("A")  # only its mark changes
    flow.paper.write("B", amount="25.00")
    walk(road)
    assert sorted(flow.kept) == [("A", "10.00"), ("B", "20.00"), ("C", "1.00")]
    assert flow.amended == [("B", "25.00")]
    assert found(ledger, file) == []


def walk(road: Any) -> None:
    for stage in (collect, translate, deliver, confirm):
        stage(road)


def test_where_the_target_takes_no_change_a_pruned_record_is_held(ledger: Ledger, file: Path) -> None:
    """Without its document nothing is guessed: the change waits for a person."""
    flow = PaperFlow(Paper(A="10.00"))
    flow.amends = False
    road = road_of(ledger, flow)
    walk(road)
    clock_of(ledger).sleep(YEAR)
    flow.paper.write("B")
    walk(road)
    assert prune(ledger, file).entries == 1
    flow.paper.write("A", amount="11.00")
    walk(road)
    assert flow.kept == [("A", "10.00"), ("B", "1.00")]
    (group,) = road.books.reports.held()
    assert group.cause == "changed_after_delivery"


def test_an_ignored_record_that_changes_is_a_new_version(ledger: Ledger, books: Books, file: Path) -> None:
    """The pruned version stays as the archive has it; the new one goes its own way."""
    (entry,) = receive(books, "A")
    move(books, entry, State.IGNORED, cause="cancelled")
    clock_of(ledger).sleep(YEAR)
    keep_alive(books)
    prune(ledger, file)
    receive(books, "A", content=b"changed")
    assert [(each.version, each.state) for each in books.reports.find("A")] == [
        (1, State.IGNORED),
        (2, State.RECEIVED),
    ]
    assert found(ledger, file) == []


def test_a_pruned_entry_goes_nowhere(ledger: Ledger, books: Books, file: Path) -> None:
    """Its documents are away: what was ignored cannot be taken up from here."""
    (entry,) = receive(books, "A")
    move(books, entry, State.IGNORED, cause="cancelled")
    clock_of(ledger).sleep(YEAR)
    keep_alive(books)
    prune(ledger, file)
    with pytest.raises(LeaseLostError):
        books.entries.move([Move(newest(books, "A"), State.RECEIVED, "replayed")], None)


def test_the_audit_goes_on_from_where_it_was(ledger: Ledger, books: Books, year: Entry, file: Path) -> None:
    """Prunings follow prunings, days are sealed after, and with or without the archives everything fits."""
    prune(ledger, file, batch=2)
    assert found(ledger) == found(ledger, file) == []
    told(books, "E")
    move(books, newest(books, "H"), State.RECEIVED, *TOLD)
    clock_of(ledger).sleep(YEAR)
    receive(books, "tomorrow")
    other = file.with_name("2027.jsonl.gz")
    assert prune(ledger, other).entries == 2
    assert found(ledger) == found(ledger, file) == found(ledger, file, other) == []
    assert ledger.audit.seal() == []


CHANGES: dict[str, str] = {
    "amount": "UPDATE entries SET amount_micros = amount_micros + 1 WHERE id = :id",
    "id there": "UPDATE entries SET external_id = 'other' WHERE id = :id",
    "state": "UPDATE entries SET state = 'ignored' WHERE id = :id",
    "chain": "UPDATE entries SET chain_head = :other WHERE id = :id",
    "gone": "DELETE FROM entries WHERE id = :id",
    "let out": "UPDATE entries SET pruning = NULL WHERE id = :id",
    "put in": "UPDATE entries SET pruning = 2 WHERE key = 'H'",
    "other pruning": "UPDATE entries SET pruning = 3 WHERE id = :id",
    "part": "UPDATE prunings SET part = :other WHERE id = 2",
    "file": "UPDATE prunings SET archive = 'x' WHERE id = 2",
    "hash": "UPDATE prunings SET hash = :other WHERE id = 2",
    "newest hash": "UPDATE prunings SET hash = :other WHERE id = 3",
    "newest gone": "DELETE FROM prunings WHERE id = 3",
    "first gone": "DELETE FROM prunings WHERE id = 1",
    "what is left": "UPDATE seals SET left_hash = :other, left_count = 0 WHERE left_count IS NOT NULL",
    "a day called whole": "UPDATE seals SET left_hash = NULL WHERE left_count IS NOT NULL",
    "a seal that was": "UPDATE seals SET hash = :other WHERE left_hash IS NOT NULL",
    "a kept event": "DELETE FROM events WHERE entry_id IN (SELECT id FROM entries WHERE key = 'H')",
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_changed_after_a_pruning_is_found(
    ledger: Ledger, year: Entry, file: Path, tmp_path: Path, change: str
) -> None:
    """Rows that were kept, the prunings themselves, and what is left of sealed days."""
    prune(ledger, file, batch=2)
    execute(ledger, CHANGES[change], id=year.id, other="f" * 64)
    assert found(ledger)


def test_an_event_put_beside_a_pruned_entry_is_found(ledger: Ledger, year: Entry, file: Path) -> None:
    """It has none here any more."""
    prune(ledger, file)
    copy = "INSERT INTO events SELECT id + 1000, :id, seq, at, kind, before, after, actor, detail, previous, hash "
    execute(
        ledger, copy + "FROM events WHERE seq = 1 AND entry_id IN (SELECT id FROM entries WHERE key = 'H')", id=year.id
    )
    assert any("acme/papers A" in where for where in found(ledger))


def test_an_archive_that_was_changed_is_found(ledger: Ledger, year: Entry, file: Path) -> None:
    """A byte of it, or all behind a place, or another file of that name; one that is not of this ledger is said so."""
    prune(ledger, file, batch=2)
    whole = file.read_bytes()
    for changed in (whole[:200] + b"x" + whole[201:], whole[:300], b"", gzip.compress(b"{}\n")):
        file.write_bytes(changed)
        findings = found(ledger, file)
        assert findings[0] == "pruning 2"
        assert not [name for name in findings if name.startswith("day ")]  # which would say the same of less
    file.write_bytes(whole)
    stranger = file.with_name("stranger.gz")
    stranger.write_bytes(whole)
    assert found(ledger, file, stranger) == ["stranger.gz"]


def test_an_archive_changed_together_with_the_ledger_does_not_fit_the_day(
    ledger: Ledger, year: Entry, file: Path
) -> None:
    """A careful forger rewrites archive, pruning and all; the first seal of the day still knows better."""
    prune(ledger, file)
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    forged = [line for line in lines if f'"entry_id": {year.id},' not in line]
    content = "".join(f"{line}\n" for line in forged).encode()
    file.write_bytes(gzip.compress(content, mtime=0))
    execute(ledger, f"UPDATE prunings SET part = '{digest(content)}', {END} = {file.stat().st_size} WHERE id = 2")
    assert "day 2026-11-20" in found(ledger, file)


END = '"end"'


def test_all_of_a_record_is_in_the_archive(ledger: Ledger, books: Books, year: Entry, file: Path) -> None:
    """Columns, documents, events and intents, as lines that anybody can read; nobody else may read the file."""
    source = newest(books, "A").source
    prune(ledger, file)
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    kinds = Counter(kind for line in lines for kind in line)
    assert kinds == {"entry": 4, "event": 24}
    kept = next(line["entry"] for line in lines if line.get("entry", {}).get("key") == "A")
    assert (kept["source"], kept["external_id"], kept["version"]) == (source.decode(), year.external_id, 1)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_document_that_is_no_text_is_archived_in_base64() -> None:
    """As in the pack of the audit; nothing of it is lost."""
    line = json.loads(archive.line_of("entry", {"id": 7, "source": b"\xff\x00", "payload": b"{}"}))
    assert line == {"entry": {"id": 7, "source": {"base64": "/wA="}, "payload": "{}"}}


def test_intents_and_letters_go_as_well(ledger: Ledger, file: Path) -> None:
    """Intents are archived with their entry; webhook events that were taken up only named records."""
    flow = PaperFlow(Paper(A="10.00"))
    road = road_of(ledger, flow)
    walk(road)
    for number, taken in enumerate((True, False)):
        given = {"event_id": str(number), "event_type": "x", "object_id": "A", "body": b"{}"}
        ledger.inbox.store("acme", flow=None if taken else "others", **given)  # type: ignore[arg-type]  # plain values
    clock_of(ledger).sleep(YEAR)
    flow.paper.write("B")
    walk(road)
    done = prune(ledger, file)
    assert (done.entries, done.letters) == (1, 1)
    with reading(ledger.engine) as connection:
        assert connection.execute(select(inbox.c.event_id)).scalars().all() == ["1"]
        assert len(connection.execute(select(intents)).all()) == 2  # those of B
    text = gzip.decompress(file.read_bytes()).decode()
    assert text.count('{"intent": ') == 2


def test_a_ledger_that_was_changed_is_not_pruned(ledger: Ledger, year: Entry, file: Path) -> None:
    """Before the proof goes into an archive it must hold; the entry is named, and all of its batch stays."""
    execute(ledger, "UPDATE events SET actor = 'somebody' WHERE entry_id = :id AND seq = 2", id=year.id)
    done = prune(ledger, file)
    assert [finding.where for finding in done.findings] == [f"entry {year.id} (acme/papers A v1)"]
    assert (done.entries, pruned_keys(ledger)) == (0, [])


def test_a_day_that_lost_an_entry_is_not_pruned(ledger: Ledger, books: Books, file: Path) -> None:
    """The seal of the day knows of it; what a pruning leaves of a day must not become proof of less."""
    told(books, "A")
    (lost,) = receive(books, "lost")
    clock_of(ledger).sleep(YEAR)
    keep_alive(books)
    ledger.audit.seal()
    execute(ledger, "DELETE FROM events WHERE entry_id = :id", "DELETE FROM entries WHERE id = :id", id=lost.id)
    done = prune(ledger, file)
    assert [finding.where for finding in done.findings] == ["day 2026-11-20"]
    assert (done.entries, pruned_keys(ledger)) == (0, [])


def test_nothing_is_pruned_on_top_of_seals_that_are_not_ours(tmp_path: Path, file: Path) -> None:
    """The seal that is remembered apart from the database is gone: first somebody has to say why."""
    opened = open_ledger(tmp_path)
    ledger = Ledger(opened.engine, opened.clock, anchor=tmp_path / "audit.anchor", keys=SealKeys({"k": bytes(32)}))
    told(ledger.books("acme"), "A")
    clock_of(ledger).sleep(YEAR)
    keep_alive(ledger.books("acme"))
    ledger.audit.seal()
    execute(ledger, "DELETE FROM seals")
    done = prune(ledger, file)
    assert [finding.where for finding in done.findings] == ["seals"]
    assert pruned_keys(ledger) == []
    ledger.engine.dispose()


def test_who_has_no_key_cannot_make_a_pruning(tmp_path: Path, file: Path) -> None:
    """A record taken away, and all that proves it made anew as we do it: only the signature is not ours."""
    opened = open_ledger(tmp_path)
    ours = Ledger(opened.engine, opened.clock, keys=SealKeys({"k": bytes(32)}))
    theirs = Ledger(opened.engine, opened.clock, keys=SealKeys({"k": bytes(range(32))}))
    for key in "AB":
        told(ours.books("acme"), key)
    clock_of(ours).sleep(YEAR)
    keep_alive(ours.books("acme"))
    ours.audit.seal()
    prune(theirs, file)
    where = [finding.where for finding in ours.audit.verify()]
    assert where == ["pruning 1", "pruning 2"]
    code, said = outside(ours, tmp_path, ours.audit.public_key())
    assert (code, said.count("is not signed as it should be")) == (1, 2), said
    opened.engine.dispose()


def test_a_file_of_somebody_else_is_not_touched(ledger: Ledger, year: Entry, file: Path) -> None:
    """What is there already and not known is refused, as it is."""
    file.write_bytes(b"a letter")
    with pytest.raises(ConfigurationError, match="not of this ledger"):
        prune(ledger, file)
    assert file.read_bytes() == b"a letter"
    assert pruned_keys(ledger) == []


@pytest.mark.parametrize("left", [None, -1])
def test_an_archive_that_is_gone_or_shorter_is_not_gone_on_with(
    ledger: Ledger, books: Books, year: Entry, file: Path, left: int | None
) -> None:
    """The ledger knows how long it was; it says so and changes nothing."""
    prune(ledger, file)
    move(books, newest(books, "H"), State.RECEIVED, *TOLD)
    clock_of(ledger).sleep(YEAR)
    receive(books, "tomorrow")
    whole = file.read_bytes()
    file.unlink()
    if left is not None:
        file.write_bytes(whole[:left])
    said = "is gone" if left is None else f"has {len(whole) - 1} bytes instead of {len(whole)}"
    with pytest.raises(ConfigurationError, match=f"archive: {file} {said}; bring it back"):
        prune(ledger, file)
    assert len(pruned_keys(ledger)) == 4


def test_two_do_not_prune_at_once(ledger: Ledger, year: Entry, file: Path) -> None:
    """The second is told who is at work."""
    with ledger.leases.hold(LEASE), pytest.raises(LeaseTakenError):
        prune(ledger, file)


def test_a_pruning_that_was_overtaken_appends_nothing_more(ledger: Ledger, year: Entry, file: Path) -> None:
    """It stood still for longer than its lease: the file is another one's to go on with."""
    sizes = []

    def be_overtaken(step: str, _records: int) -> None:
        if step == "pruned":
            sizes.append(file.stat().st_size)
            clock_of(ledger).sleep(61)
            ledger.leases.take(LEASE, "another-machine/1:2:3")

    with pytest.raises(LeaseLostError):
        prune(ledger, file, batch=1, watch=be_overtaken)
    assert [file.stat().st_size] == sizes
    assert found(ledger, file) == []


def test_less_than_two_days_is_refused(ledger: Ledger, file: Path) -> None:
    """Only what lies in finished days can be sealed first."""
    with pytest.raises(ValueError, match="rested for two days"):
        ledger.retention.prune(timedelta(hours=47), file)


def test_the_newest_pruning_is_remembered_outside(ledger: Ledger, books: Books, tmp_path: Path, file: Path) -> None:
    """Who takes a pruning back with all its traces has to know of the file beside the database."""
    anchored = Audit(ledger.engine, ledger.clock, tmp_path / "audit.anchor")
    told(books, "A")
    clock_of(ledger).sleep(YEAR)
    keep_alive(books)
    prune(ledger, file)
    anchored.remember()
    assert list(anchored.verify()) == []
    gone = ("DELETE FROM entries WHERE key = 'A'", "DELETE FROM prunings", "UPDATE seals SET left_hash = NULL")
    execute(ledger, *gone)
    assert "pruning 2" in [finding.where for finding in anchored.verify()]


def crash(ledger: Ledger, file: Path, kill_at: int) -> bool:
    """Prune in a process of its own; tell whether it was killed."""
    url = ledger.engine.url.render_as_string(hide_password=False)
    at = clock_of(ledger).at.isoformat()
    command = [sys.executable, "-m", "mlc_pipelines_tests.ledger.pruner", url, str(file), at, str(kill_at)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.parametrize("kill_at", [1, 2, 3])
def test_killed_at_any_step_it_goes_on(ledger: Ledger, year: Entry, file: Path, kill_at: int) -> None:
    """Before the ledger lets go, after, or in the second batch: nothing is lost, nothing is archived twice."""
    assert crash(ledger, file, kill_at)
    assert len(pruned_keys(ledger)) == 2 * (kill_at // 2)
    assert found(ledger) == []
    assert not crash(ledger, file, 0)
    assert pruned_keys(ledger) == ["A1", "B1", "C1", "D1"]
    assert found(ledger, file) == []
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    archived = Counter((line["event"]["entry_id"], line["event"]["seq"]) for line in lines if "event" in line)
    assert len(archived) == 24
    assert set(archived.values()) == {1}


def test_what_was_pruned_after_a_backup_is_kept_when_the_backup_is_worked_on(ledger: Ledger, file: Path) -> None:
    """Two copies of a ledger, one archive: the older one puts aside what it does not know, and removes nothing."""
    flow = PaperFlow(Paper(A="10.00", B="20.00"))
    walk(road_of(ledger, flow))
    clock_of(ledger).sleep(YEAR)
    flow.paper.write("C")
    walk(road_of(ledger, flow))
    assert prune(ledger, file).entries == 2
    whole = file.read_bytes()
    file.write_bytes(whole + gzip.compress(b"a later part"))
    clock_of(ledger).sleep(YEAR)
    flow.paper.write("D")
    walk(road_of(ledger, flow))
    assert prune(ledger, file).entries == 1
    (aside,) = file.parent.glob(f"{file.name}.*")
    assert gzip.decompress(aside.read_bytes()) == b"a later part"
    assert file.read_bytes()[: len(whole)] == whole
    assert found(ledger, file) == []


def test_after_a_crash_another_file_will_do(ledger: Ledger, year: Entry, file: Path) -> None:
    """What the interrupted one left at the end of the first file is not counted, and no contradiction."""
    assert crash(ledger, file, 3)
    other = file.with_name("other.gz")
    assert not crash(ledger, other, 0)
    assert found(ledger, file, other) == []
    code, said = outside(ledger, file.parent, file, other)
    assert (code, said.split(":")[0]) == (0, "intact"), said


def outside(ledger: Ledger, folder: Path, *words: object) -> tuple[int, str]:
    """Verify pack and archives as an outsider, with what the pack says alone."""
    pack = folder / "pack.jsonl"
    pack.write_text("".join(f"{line}\n" for line in ledger.audit.pack()), encoding="utf-8")
    return verdict(pack, *map(str, words))


def test_an_outsider_verifies_pack_and_archive(ledger: Ledger, year: Entry, file: Path, tmp_path: Path) -> None:
    """With the archive every event is there; without, the script says for how many days some are missing."""
    prune(ledger, file, batch=2)
    (code, with_archive), (other, without) = outside(ledger, tmp_path, file), outside(ledger, tmp_path)
    assert code == other == 0
    assert "intact: 27 events of 6 entries" in with_archive
    assert "intact: 3 events of 6 entries" in without
    assert "events of 4 days are in archives that were not given" in without


@pytest.mark.parametrize("line", ["event", "pruning", "seal"])
def test_an_outsider_finds_a_change_after_a_pruning(
    ledger: Ledger, year: Entry, file: Path, tmp_path: Path, line: str
) -> None:
    """In the archive, in a pruning, or in what is left of a day."""
    prune(ledger, file)
    changes = {
        "event": None,
        "pruning": "UPDATE prunings SET part = :other",
        "seal": "UPDATE seals SET left_hash = :other WHERE left_count IS NOT NULL",
    }
    statement = changes[line]
    if statement is not None:
        execute(ledger, statement, other="f" * 64)
    else:
        text = gzip.decompress(file.read_bytes()).decode().replace('"actor": "mlc"', '"actor": "him"', 1)
        file.write_bytes(gzip.compress(text.encode()))
    code, said = outside(ledger, tmp_path, file)
    assert code == 1, said


def test_whoever_watches_hears_of_each_batch_twice(ledger: Ledger, year: Entry, file: Path) -> None:
    """When it is safe in the archive, and when the ledger has let go of it."""
    heard: list[tuple[str, int]] = []
    prune(ledger, file, batch=3, watch=lambda step, records: heard.append((step, records)))
    assert heard == [("archived", 3), ("pruned", 3), ("archived", 1), ("pruned", 1)]


def test_where_a_database_keeps_a_row_changes_no_proof(ledger: Ledger, year: Entry, file: Path) -> None:
    """PostgreSQL puts a row that is written elsewhere, and gives rows as they lie unless it is asked for an order."""
    prune(ledger, file)
    execute(ledger, "UPDATE entries SET version = version WHERE id = :id", id=year.id)
    assert found(ledger, file) == []


def test_the_ledger_remembers_prunings_in_order(ledger: Ledger, year: Entry, file: Path) -> None:
    """One row for a new archive, one a batch, each with the hash of the one before."""
    prune(ledger, file, batch=3)
    with reading(ledger.engine) as connection:
        rows = connection.execute(select(prunings).order_by(prunings.c.id)).all()
    assert [(row.id, row.entries, row.events) for row in rows] == [(1, 0, 0), (2, 3, 18), (3, 1, 6)]
    assert [row.previous for row in rows[1:]] == [row.hash for row in rows[:-1]]
    assert rows[-1].end == file.stat().st_size
