"""What all commands have in common: names that are not there, and one JSON document."""

import json
import subprocess
import sys
from decimal import Decimal

import pytest

from mlc_pipelines.commands.output import as_json
from mlc_pipelines_tests.commands.asking import mlc
from mlc_pipelines_tests.commands.conftest import Installation


@pytest.mark.parametrize(
    "command",
    [
        ("check", "nowhere"),
        ("status", "nowhere"),
        ("holds", "nowhere"),
        ("trail", "nowhere", "1"),
        ("reconcile", "nowhere"),
        ("replay", "nowhere", "--reason", "r"),
        ("run", "nowhere"),
    ],
)
def test_a_connection_that_is_not_there(at_work: Installation, command: tuple[str, ...]) -> None:
    """Every command ends with 2, says in one line which connections there are, and prints nothing."""
    said = mlc(*command)
    assert said.code == 2
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert "'nowhere'" in said.err
    assert "sandbox_ramp" in said.err


@pytest.mark.parametrize(
    "command",
    [
        ("check", "sandbox_ramp"),
        ("status",),
        ("holds",),
        ("trail", "sandbox_ramp", "10^1"),
        ("reconcile", "sandbox_ramp", "--period", "2026-10"),
        ("replay", "sandbox_ramp", "--dry-run", "--reason", "r"),
        ("audit", "verify"),
        ("secrets", "list"),
    ],
)
def test_json_is_one_document(at_work: Installation, command: tuple[str, ...]) -> None:
    """With --json stdout is one JSON document and nothing else."""
    said = mlc(*command, "--json")
    if said.out:
        assert said.document is not None
    else:
        assert (command[0], said.code) == ("trail", 1)
    assert "Traceback" not in said.err


@pytest.mark.parametrize("text", ['password: "abc', "secret='x", 'api_key="', 'secret: "a\nb', "secret: {", '"\\"'])
def test_json_is_one_document_whatever_records_say(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """What looks like a secret is masked text by text: no record's words take the end of a line with them."""
    as_json({text: 1, "records": [{"problem": text, "label": "INV-1"}, {"amount": Decimal("1.50"), "secret": None}]})
    document = json.loads(capsys.readouterr().out)
    assert document["records"][0]["label"] == "INV-1"
    assert document["records"][1] == {"amount": "1.50", "secret": None}


def test_help_of_every_kind_imports_nothing_heavy() -> None:
    """`mlc --help` itself, run to its end, has loaded neither Dagster nor SQLAlchemy."""
    code = (
        "import sys; from mlc_pipelines.cli import main; sys.argv = ['mlc', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "sys.stderr.write(str([name for name in ('dagster', 'sqlalchemy') if name in sys.modules]))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "reconcile" in told.stdout
    assert told.stderr == "[]"
