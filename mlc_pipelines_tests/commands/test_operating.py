"""`mlc audit`, `secrets`, `db`: what the one who runs it needs."""

import base64
import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlc_pipelines.integrations.house import House
from mlc_pipelines_tests.commands.asking import mlc
from mlc_pipelines_tests.commands.conftest import Installation
from mlc_pipelines_tests.ledger.builders import execute, receive

SECRET = "canary-4410-secret"


def test_a_key_that_is_gone_is_not_made_anew(empty: Path) -> None:
    """What it sealed would stay shut, and what is set meanwhile would be lost with the new one."""
    assert mlc("secrets", "set", "acme/ramp/client_secret", stdin=SECRET).code == 0
    key = empty / "vault.key"
    kept = key.read_bytes()
    key.unlink()
    said = mlc("status")
    assert said.code == 2
    assert "restore it from your backup" in " ".join(said.err.split())
    assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    assert mlc("secrets", "list", "--json").document != []


def test_an_untouched_ledger_is_intact(at_work: Installation) -> None:
    """After two runs the chain verifies."""
    said = mlc("audit", "verify", "--json")
    assert (said.code, said.document["intact"]) == (0, True)
    assert "intact" in mlc("audit", "verify").out


def test_a_changed_event_is_found(at_work: Installation, empty: Path) -> None:
    """One word changed in the database ends the check with 1, and the entry is named."""
    for name in ("mlc.db", "vault.key"):
        shutil.copy(at_work.folder / name, empty / name)
    with House.open() as house, house.ledger.engine.execution_options(mlc_write=True).begin() as connection:
        connection.exec_driver_sql("UPDATE events SET actor = 'nobody' WHERE seq = 2 AND entry_id = 1")
    said = mlc("audit", "verify", "--json")
    assert said.code == 1
    (finding,) = said.document["findings"]
    assert "entry 1 " in finding["where"]
    assert said.document["sealed"] == []
    assert mlc("audit", "verify").code == 1


def test_a_changed_record_does_not_move_the_terminal(empty: Path) -> None:
    """What its key says is shown as text, and hides nothing of the finding."""
    key = "INV\x1b[2J\x1b[1;1Hintact: every event fits the one before\x1b[8m"
    with House.open() as house:
        receive(house.ledger.books("acme"), key, label="INV")
        execute(house.ledger, "UPDATE entries SET amount_micros = 1")
    said = mlc("audit", "verify")
    assert said.code == 1
    assert "\x1b" not in said.out
    assert "was changed" in " ".join(said.out.split())


def outsiders_hash(event: dict[str, Any]) -> str:
    """Hash an event as an outsider would, from the pack alone."""
    moment = datetime.fromisoformat(event["at"]).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    facts = [
        event["entry_id"], event["seq"], moment, event["kind"], event["before"], event["after"], event["actor"],
        event["detail"], event["previous"],
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(facts, separators=(",", ":"), ensure_ascii=True).encode("ascii")).hexdigest()


def test_a_pack_is_verified_by_an_outsider(at_work: Installation, tmp_path: Path) -> None:
    """With SHA-256 and the pack alone every event fits the one before, and no record's content is in it."""
    file = tmp_path / "pack.jsonl"
    said = mlc("audit", "export", str(file))
    assert said.code == 0
    key = said.out.split("pack.jsonl ")[-1].split()[0]
    script = [sys.executable, "-I", str(tmp_path / "verify_pack.py"), str(file), key]
    assert subprocess.run(script, capture_output=True, check=False, cwd="/").returncode == 0
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    events = [line["event"] for line in lines if "event" in line]
    assert len(events) > 100
    heads: dict[int, str] = {}
    for event in events:
        assert event["previous"] == heads.get(event["entry_id"], "0" * 64)
        assert outsiders_hash(event) == event["hash"]
        heads[event["entry_id"]] = event["hash"]
    assert at_work.office.world.suppliers[0].tax_id not in file.read_text(encoding="utf-8")


def test_a_pack_that_cannot_be_written_is_said_in_a_sentence(at_work: Installation, tmp_path: Path) -> None:
    """A folder that is not there ends with 2, without a traceback."""
    said = mlc("audit", "export", str(tmp_path / "no" / "pack.jsonl"))
    assert said.code == 2
    assert "Traceback" not in said.err


def test_a_key_file_is_stored_whole(empty: Path) -> None:
    """A private key has many lines; all of what is piped in is the secret."""
    lines = ["-----BEGIN OPENSSH PRIVATE KEY-----", SECRET, "-----END OPENSSH PRIVATE KEY-----"]
    assert mlc("secrets", "set", "acme/stampli/private_key", stdin="\n".join([*lines, ""])).code == 0
    with House.open() as house:
        assert house.vault.get("acme/stampli/private_key").get_secret_value().splitlines() == lines


def test_a_rotation_says_when_it_made_no_new_key(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of the environment are changed there: one is told how, and a new one put first seals everything."""
    old, new = (f"{name}:{base64.b64encode(bytes([number]) * 32).decode()}" for number, name in enumerate(("k1", "k2")))
    monkeypatch.setenv("MLC_VAULT_KEY", old)
    mlc("secrets", "set", "acme/ramp/client_secret", stdin=SECRET)
    said = mlc("secrets", "rotate")
    assert "0 values are sealed with key k1" in " ".join(said.out.split())
    assert "no new key was made" in said.err
    monkeypatch.setenv("MLC_VAULT_KEY", f"{new},{old}")
    assert "1 values are sealed with key k2" in " ".join(mlc("secrets", "rotate").out.split())


def test_a_secret_goes_in_and_never_comes_out(empty: Path) -> None:
    """A secret is read from standard input, listed by name, and is neither told nor stored in the clear."""
    set_ = mlc("secrets", "set", "acme/ramp/client_secret", stdin=f"{SECRET}\n")
    listed = mlc("secrets", "list", "--json")
    assert set_.code == listed.code == 0
    assert listed.document == ["acme/ramp/client_secret"]
    assert SECRET not in set_.out + set_.err + listed.out + listed.err
    assert not [file for file in empty.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]


def test_an_empty_secret_is_refused(empty: Path) -> None:
    """Nothing given is nothing stored, and ends with 2."""
    assert mlc("secrets", "set", "acme/ramp/client_secret").code == 2
    assert mlc("secrets", "list", "--json").document == []


def test_a_secret_is_removed_once(empty: Path) -> None:
    """The second removal ends with 1 and says that there is none."""
    mlc("secrets", "set", "a/b", stdin="x\n")
    assert mlc("secrets", "remove", "a/b").code == 0
    again = mlc("secrets", "remove", "a/b")
    assert again.code == 1
    assert "a/b" in again.err


def test_rotation_changes_the_seals_and_not_the_secrets(empty: Path) -> None:
    """After a rotation the stored bytes differ, a new key leads, and the secret opens as before."""
    mlc("secrets", "set", "a/b", stdin=f"{SECRET}\n")
    with House.open() as house, house.ledger.engine.begin() as connection:
        before = connection.exec_driver_sql("SELECT sealed, key_id FROM vault_secrets").one()
    assert mlc("secrets", "rotate").code == 0
    with House.open() as house:
        with house.ledger.engine.begin() as connection:
            after = connection.exec_driver_sql("SELECT sealed, key_id FROM vault_secrets").one()
        assert house.vault.get("a/b").get_secret_value() == SECRET
    assert before.sealed != after.sealed
    assert before.key_id != after.key_id


def test_tables_are_upgraded_as_often_as_one_likes(empty: Path) -> None:
    """The upgrade of an upgraded database changes nothing and ends with 0."""
    assert mlc("db", "upgrade").code == mlc("db", "upgrade").code == 0


def test_a_database_that_is_not_there_is_said_in_a_sentence(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that leads nowhere is one sentence without a traceback."""
    monkeypatch.setenv("MLC_DATABASE_URL", f"sqlite:///{empty}")
    said = mlc("status")
    assert said.code in {2, 3}
    assert "Traceback" not in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_a_ledger_of_a_newer_version_is_left_alone(empty: Path) -> None:
    """Whoever went back to an older program is told so in a sentence."""
    assert mlc("db", "upgrade").code == 0
    with sqlite3.connect(empty / "mlc.db") as database:
        database.execute("UPDATE mlc_schema_version SET version_num = '9999'")
    said = mlc("status")
    assert said.code == 2
    assert "a newer one made them; install that one again" in " ".join(said.err.split())
