"""`mlc check`: a line a check, and what the exit code says of both sides."""

import shutil
from pathlib import Path

from mlc_pipelines_tests.commands.asking import mlc
from mlc_pipelines_tests.commands.conftest import Installation
from mlc_pipelines_tests.commands.test_replay import FILE


def test_a_good_connection_passes(at_work: Installation) -> None:
    """Every line is ok, both sides have theirs, and the command ends with 0."""
    said = mlc("check", "sandbox_ramp", "--json")
    assert said.code == 0, said.out
    lines = said.document
    assert all(line["ok"] for line in lines)
    assert {line["check"].split(":")[0] for line in lines} == {"ifs", "ramp"}


def test_lines_for_people_fit_the_screen(at_work: Installation) -> None:
    """Lines are no wider than 80 columns."""
    said = mlc("check")
    assert said.code == 0
    assert said.widest <= 80


def test_a_missing_secret_is_named(empty: Path) -> None:
    """A connection without its secrets fails with 1, and says which secret to set."""
    (empty / "connections" / "acme.yaml").write_text(FILE, encoding="utf-8")
    said = mlc("check", "acme", "--json")
    assert said.code == 1
    assert any("mlc secrets set acme/" in line["message"] for line in said.document)


def test_a_broken_file_is_a_failed_check(empty: Path) -> None:
    """A file with an unknown setting fails with file and line; the check of the others goes on."""
    broken = FILE.replace("credential: acme/ramp", "credential: acme/ramp, base_urll: x")
    (empty / "connections" / "acme.yaml").write_text(broken, encoding="utf-8")
    said = mlc("check", "--json")
    assert said.code == 1
    (line,) = said.document
    assert "acme.yaml:5" in line["message"]
    assert mlc("check", "acme").code in {1, 2}


def test_nothing_to_check_is_said(empty: Path) -> None:
    """An installation without connections ends with 2 and says where to write one."""
    said = mlc("check")
    assert said.code == 2
    assert "connections" in said.err


def test_a_side_that_is_down_is_3(at_work: Installation, empty: Path) -> None:
    """Asking a side that does not answer ends with 3, and the sentence names the address."""
    shutil.copytree(at_work.folder, empty, dirs_exist_ok=True)
    file = empty / "connections" / "sandbox_ramp.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(at_work.office.ifs.url, "http://127.0.0.1:9"), encoding="utf-8")
    said = mlc("reconcile", "sandbox_ramp", "--period", "2026-10")
    assert said.code == 3
    assert "127.0.0.1:9" in said.err
    assert said.out == ""
