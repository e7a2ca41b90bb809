"""Seals, their signatures, the anchor, and the pack for outsiders."""

import hashlib
import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from mlc_pipelines.ledger import chain, verify_pack
from mlc_pipelines.ledger.audit import Audit, TamperedError
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.signing import SealKeys
from mlc_pipelines.ledger.states import State
from mlc_pipelines.ledger.verifying import Finding
from mlc_pipelines_tests.flows.world import open_ledger
from mlc_pipelines_tests.ledger.builders import clock_of, execute, move, receive, sealed_days, verdict

FIRST = date(2026, 11, 20)
DAY = 86_400.0


def verified(ledger: Ledger) -> list[Finding]:
    return list(ledger.audit.verify())


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


OURS, OTHERS = SealKeys({"k": bytes(32)}), SealKeys({"k": bytes(range(32))})


def signed(folder: Path, *, keys: SealKeys | None = OURS) -> tuple[Ledger, Entry]:
    """A ledger with one sealed day and a second one begun, and its anchor."""
    opened = open_ledger(folder)
    ledger = Ledger(opened.engine, opened.clock, anchor=folder / "audit.anchor", keys=keys)
    receive(ledger.books("acme"), "A")
    clock_of(ledger).sleep(DAY)
    assert ledger.audit.seal() == [FIRST]
    return ledger, receive(ledger.books("acme"), "B")[0]


def test_a_seal_made_anew_without_our_key_is_found(tmp_path: Path) -> None:
    """Whoever can write every table, and knows how, cannot sign; the anchor need not be there to tell."""
    ledger, _ = signed(tmp_path)
    execute(ledger, "DELETE FROM seals")
    (tmp_path / "audit.anchor").unlink()
    forger = Ledger(ledger.engine, ledger.clock, keys=OTHERS)
    forger.audit.seal()
    assert verified(ledger) == [Finding("day 2026-11-20", "the seal is not signed by a key of ours")]
    ledger.engine.dispose()


def test_nothing_is_sealed_on_top_of_seals_that_are_not_ours(tmp_path: Path) -> None:
    """History rewritten and all seals taken away would be sealed as if it had been so: the anchor forbids it."""
    ledger, _ = signed(tmp_path)
    execute(ledger, "UPDATE events SET actor = 'x' WHERE entry_id = 1", "DELETE FROM seals")
    with pytest.raises(TamperedError, match="day 2026-11-20: its seal is gone"):
        ledger.audit.seal()
    assert "day 2026-11-20" in [finding.where for finding in verified(ledger)]
    ledger.engine.dispose()


def test_a_key_that_was_rotated_still_vouches_for_its_seals(tmp_path: Path) -> None:
    """The newest key signs; older ones stay on the ring. One that left it is missed."""
    ledger, _ = signed(tmp_path)
    rotated = SealKeys({"new": bytes(range(32)), "k": bytes(32)})
    after = Ledger(ledger.engine, ledger.clock, anchor=tmp_path / "audit.anchor", keys=rotated)
    clock_of(ledger).sleep(DAY)
    assert after.audit.seal() == [FIRST + timedelta(days=1)]
    assert verified(after) == []
    (finding,) = verified(Ledger(ledger.engine, ledger.clock, keys=SealKeys({"new": bytes(range(32))})))
    assert finding.where == "day 2026-11-20"
    ledger.engine.dispose()


def test_seals_from_before_there_were_signatures_are_covered_by_the_first_signed_one(tmp_path: Path) -> None:
    """They need no signature of their own; one taken away afterwards is missed."""
    ledger, _ = signed(tmp_path, keys=None)
    after = Ledger(ledger.engine, ledger.clock, anchor=tmp_path / "audit.anchor", keys=OURS)
    for key in ("C", "D"):
        clock_of(ledger).sleep(DAY)
        receive(ledger.books("acme"), key)
    clock_of(ledger).sleep(DAY)
    assert len(after.audit.seal()) == 3
    assert verified(after) == []
    execute(ledger, "UPDATE seals SET signature = NULL WHERE day = '2026-11-22'")
    assert [finding.where for finding in verified(after)] == ["day 2026-11-22", "day 2026-11-23"]
    ledger.engine.dispose()


@pytest.mark.parametrize("text", ["", "nonsense", "2026-11-20 " + "0" * 64])
def test_an_anchor_that_was_touched_is_told_of(tmp_path: Path, text: str) -> None:
    """It is no reason to trust the seals."""
    ledger, _ = signed(tmp_path)
    (tmp_path / "audit.anchor").write_text(text, encoding="ascii")
    (finding,) = verified(ledger)
    assert "audit.anchor" in finding.what
    ledger.engine.dispose()


def test_a_day_that_has_just_ended_is_not_sealed_yet(tmp_path: Path) -> None:
    """A write may be committed a little after its time was taken."""
    ledger = open_ledger(tmp_path)
    receive(ledger.books("acme"), "A")
    clock_of(ledger).sleep(16.5 * 3600)  # half past midnight
    assert ledger.audit.seal() == []
    clock_of(ledger).sleep(3600)
    assert ledger.audit.seal() == [FIRST]
    ledger.engine.dispose()


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
    (seal,) = [line["seal"] for line in lines if "seal" in line]
    by_id = sorted(packed, key=lambda event: event["id"])
    text = f"{seal['day']}:{chain.GENESIS}" + "".join(f":{event['id']}:{event['hash']}" for event in by_id)
    assert hashlib.sha256(text.encode()).hexdigest() == seal["hash"]


def packed(ledger: Ledger, folder: Path) -> Path:
    """Write the pack into a file."""
    file = folder / "pack.jsonl"
    file.write_text("".join(f"{line}\n" for line in ledger.audit.pack()), encoding="utf-8")
    return file


def outside(file: Path, *key: str) -> subprocess.CompletedProcess[str]:
    """Verify a pack as an outsider: the script alone, from a folder where this project is not."""
    command = [sys.executable, "-I", verify_pack.__file__, str(file), *key]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


def test_an_outsider_verifies_the_pack_with_one_script(ledger: Ledger, books: Books, tmp_path: Path) -> None:
    """The script says how many events and seals it saw, and that nobody signed."""
    sealed_days(ledger, books)
    said = outside(packed(ledger, tmp_path))
    assert said.returncode == 0, said.stdout + said.stderr
    assert "intact: 6 events of 6 entries, 3 seals\nsigned by nobody" in said.stdout


def test_a_pack_written_while_a_run_is_at_work_is_whole(ledger: Ledger, books: Books, tmp_path: Path) -> None:
    """It shows one moment of the ledger."""
    (entry,) = receive(books, "A")
    lines = ledger.audit.pack()
    pack = [next(lines)]
    move(books, entry, State.TRANSLATED)
    (tmp_path / "pack.jsonl").write_text("\n".join([*pack, *lines, ""]), encoding="utf-8")
    code, said = verdict(tmp_path / "pack.jsonl")
    assert (code, said.splitlines()[0]) == (0, "intact: 1 events of 1 entries, 0 seals")


def test_an_outsider_who_was_given_the_key_knows_who_signed(tmp_path: Path) -> None:
    """Another key, or none, is not ours; without a key in hand the script says whose it is."""
    ledger, _ = signed(tmp_path)
    file = packed(ledger, tmp_path)
    ours, others = (keys.public()["k"] for keys in (OURS, OTHERS))
    assert outside(file, ours).returncode == 0
    assert f"signed by {ours}: compare it" in outside(file).stdout
    assert "not by" in outside(file, others).stdout
    assert outside(file, others).returncode == 1
    unsigned = packed(Ledger(ledger.engine, ledger.clock), tmp_path)
    code, said = verdict(unsigned, ours)
    assert code == 1
    assert f"pack: it is signed by nobody, not by {ours}" in said
    ledger.engine.dispose()


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


def test_a_forged_pack_does_not_move_the_terminal(ledger: Ledger, books: Books, tmp_path: Path) -> None:
    """What its lines say is shown as text."""
    sealed_days(ledger, books)
    file = packed(ledger, tmp_path)
    forged = file.read_text(encoding="utf-8").replace(str(FIRST), "\\u001b[2Jintact")
    file.write_text(forged, encoding="utf-8")
    found = outside(file)
    assert found.returncode == 1
    assert "\x1b" not in found.stdout
    assert "day \\x1b[2Jintact" in found.stdout


def test_an_outsider_misses_a_line_of_a_sealed_day(ledger: Ledger, books: Books, tmp_path: Path) -> None:
    """An entry taken out of the pack whole is missed by the seal of its day."""
    first, _, _ = sealed_days(ledger, books)
    file = packed(ledger, tmp_path)
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if f'"entry_id": {first.id},' not in line), encoding="utf-8")
    found = outside(file)
    assert found.returncode == 1
    assert "the seal does not fit" in found.stdout
