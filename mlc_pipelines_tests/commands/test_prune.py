"""`mlc db prune`: tells first, does it when told so, and what is archived can still be told and verified."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from mlc_pipelines.integrations.house import House
from mlc_pipelines_tests.commands.asking import Said, mlc
from mlc_pipelines_tests.commands.conftest import Installation


@pytest.fixture
def archive(at_work: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a copy of the installation that has worked, a year later; give where an archive may lie."""
    for name in ("mlc.db", "vault.key"):
        shutil.copy(at_work.folder / name, tmp_path / name)
    monkeypatch.setenv("MLC_HOME", str(tmp_path))
    monkeypatch.setenv("MLC_DATABASE_URL", f"sqlite:///{tmp_path / 'mlc.db'}")
    with time_machine.travel(datetime.now(UTC) + timedelta(days=365)):
        yield tmp_path / "2026.jsonl.gz"


def prune(archive: Path, *more: str) -> Said:
    return mlc("db", "prune", "--older-than", "100", "--archive", str(archive), *more)


def delivered_bill() -> str:
    """Our reference of an invoice that went the whole way."""
    with House.open() as house:
        entries = house.ledger.books("sandbox_ramp").reports.select(flow="bills")
        return next(entry.key for entry in entries if entry.state == "confirmed")


def test_without_yes_it_only_tells(archive: Path) -> None:
    """What would go, by connection, flow and state; nothing is changed and no file is made."""
    said = prune(archive, "--json")
    assert (said.code, said.document["pruned"], said.document["records"]) == (0, False, 0)
    assert {"bills", "payments"} <= {group["flow"] for group in said.document["resting"]}
    assert not archive.exists()
    for_people = prune(archive)
    assert "--yes" in for_people.out
    assert for_people.widest <= 80
    assert prune(archive, "--json").document["resting"] == said.document["resting"]


def test_with_yes_it_does_it(archive: Path) -> None:
    """As many records as were told go; sums stay, and the audit holds with the archive and without."""
    resting = prune(archive, "--json").document["resting"]
    sums = [each["entries"] for each in mlc("status", "--json").document]
    done = prune(archive, "--yes", "--json")
    assert (done.code, done.document["pruned"], done.document["findings"]) == (0, True, [])
    assert done.document["records"] >= sum(group["entries"] for group in resting) - 2  # the newest events stay
    assert done.document["events"] > done.document["records"]
    assert archive.stat().st_size > 1000
    assert [each["entries"] for each in mlc("status", "--json").document] == sums
    assert mlc("audit", "verify").code == 0
    assert mlc("audit", "verify", "--archive", str(archive)).code == 0
    again = prune(archive, "--yes")
    assert (again.code, "0 records" in again.out) == (0, True)


def test_a_pruned_record_still_tells_its_story(archive: Path) -> None:
    """Its ids are here; what happened to it is in the archive, which is named."""
    key = delivered_bill()
    before = json.loads(mlc("trail", "sandbox_ramp", key, "--json").out)[0]
    prune(archive, "--yes")
    (now,) = (each for each in mlc("trail", "sandbox_ramp", key, "--json").document if each["flow"] == "bills")
    assert (now["archive"], now["events"], now["external_id"]) == (archive.name, [], before["external_id"])
    assert archive.name in mlc("trail", "sandbox_ramp", key).out
    told = mlc("trail", "sandbox_ramp", key, "--archive", str(archive), "--json").document
    assert next(each for each in told if each["flow"] == "bills")["events"] == before["events"]
    assert "confirmed" in mlc("trail", "sandbox_ramp", key, "--archive", str(archive)).out


def test_a_changed_archive_ends_with_1(archive: Path) -> None:
    """One byte of it, and the audit says which pruning it was."""
    prune(archive, "--yes")
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    said = mlc("audit", "verify", "--archive", str(archive), "--json")
    assert said.code == 1
    assert any(finding["where"].startswith("pruning ") for finding in said.document["findings"])
    assert mlc("audit", "verify").code == 0


def test_a_ledger_that_does_not_verify_is_left_alone(archive: Path) -> None:
    """Ends with 1 and names the entry; what was changed stays where it can be looked at."""
    with House.open() as house, house.ledger.engine.execution_options(mlc_write=True).begin() as connection:
        connection.exec_driver_sql("UPDATE events SET actor = 'nobody' WHERE seq = 2")
    said = prune(archive, "--yes", "--json")
    assert said.code == 1
    assert said.document["records"] == 0
    assert said.document["findings"][0]["where"].startswith("entry ")


@pytest.mark.parametrize("days", ["1", "-1", "soon"])
def test_an_age_that_is_none_is_a_usage_error(archive: Path, days: str) -> None:
    """Days, two at least: what is pruned lies in sealed days."""
    assert mlc("db", "prune", "--older-than", days, "--archive", str(archive)).code == 2


def test_a_file_that_is_not_ours_is_not_touched(archive: Path) -> None:
    """Ends with 2, in a sentence, with the file as it was and nothing pruned."""
    archive.write_text("a letter", encoding="utf-8")
    said = prune(archive, "--yes")
    assert (said.code, archive.read_text(encoding="utf-8")) == (2, "a letter")
    assert "name another file" in said.err
    assert "Traceback" not in said.err


def test_a_folder_that_is_not_there_is_said_in_a_sentence(archive: Path) -> None:
    """Ends with 2."""
    said = prune(archive.parent / "no" / "archive.gz", "--yes")
    assert said.code == 2
    assert "Traceback" not in said.err
