"""`mlc run`: one pass through Dagster, counts and sums, and exit codes."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from mlc_pipelines.commands.playground import open_playground
from mlc_pipelines_tests.commands.asking import mlc
from mlc_pipelines_tests.commands.conftest import INVOICES, PLACES, Installation


def test_a_run_tells_what_it_did_in_one_document(worked: Installation) -> None:
    """stdout is one JSON document: every invoice was collected, and the run is one that Dagster knows."""
    told = worked.first.document
    assert told["connection"] == "sandbox_ramp"
    assert told["success"] is True
    assert told["did"]["bills collect"]["new"] == INVOICES
    assert re.fullmatch(r"[0-9a-f-]{36}", told["run"])


def test_sums_of_a_run_are_those_of_the_source(worked: Installation) -> None:
    """Delivered, held and ignored invoices add up, by currency, to what the source has."""
    source: dict[str, Decimal] = {}
    for invoice in worked.office.world.invoices:
        source[invoice.currency] = source.get(invoice.currency, Decimal(0)) + invoice.net + invoice.vat
    told: dict[str, Decimal] = {}
    for line in worked.first.document["entries"]:
        if line["flow"] == "bills":
            assert line["place"] in {"delivered", "held", "ignored"}
            told[line["currency"]] = told.get(line["currency"], Decimal(0)) + Decimal(line["amount"])
    assert told == source


def test_held_records_are_told_by_the_exit_code(worked: Installation) -> None:
    """A run that held something ends with 1 and says where to look, on stderr only."""
    assert worked.first.code == 1
    assert "mlc holds sandbox_ramp" in worked.first.err


def test_a_run_for_people_fits_the_screen(worked: Installation) -> None:
    """Tables are no wider than 80 columns, and name stages and sums."""
    assert worked.second.widest <= 80
    assert "vouchers" in worked.second.out
    assert "payments" in worked.second.out


def test_a_run_of_one_flow_leaves_the_others_alone(at_work: Installation) -> None:
    """With --flow only that flow's stages are gone through; nothing new means nothing written."""
    before = at_work.office.writes()
    said = mlc("run", "sandbox_ramp", "--flow", "gl_accounts", "--json")
    assert said.code == 0, said.err
    assert {name.split()[0] for name in said.document["did"]} == {"gl_accounts"}
    assert {line["flow"] for line in said.document["entries"]} == {"gl_accounts"}
    assert at_work.office.writes() == before


@pytest.mark.parametrize("system", ["airbase", "bill", "procurify", "ramp", "stampli"])
def test_a_dry_run_writes_to_neither_side(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records are read and translated, and wait; the next run sends them."""
    for name in PLACES:
        monkeypatch.setenv(name, "")
    with open_playground(tmp_path / "home", systems=[system], invoices=6) as playground:
        office = playground.offices[system]
        mlc("run", office.name, "--dry-run")
        said = mlc("run", office.name, "--dry-run", "--json")  # the second look at a file finds it whole
        assert said.document["success"] is True
        assert {stage.split()[1] for stage in said.document["did"]} == {"collect", "translate"}
        assert {line["place"] for line in said.document["entries"]} <= {"under_way", "held", "ignored"}
        assert any(line["place"] == "under_way" for line in said.document["entries"])
        assert [stage for stage, counts in said.document["did"].items() if "taken back" in counts] == []
        assert office.writes() == 0
        told = mlc("run", office.name, "--json").document
        assert any(line["place"] == "delivered" for line in told["entries"])
        assert office.writes() > 0


def test_a_flow_that_is_not_there_is_a_usage_error(at_work: Installation) -> None:
    """An unknown flow ends with 2 and names the ones there are."""
    said = mlc("run", "sandbox_ramp", "--flow", "nothing")
    assert said.code == 2
    assert "bills" in said.err
    assert said.out == ""


def test_a_connection_that_is_not_there_is_a_usage_error(at_work: Installation) -> None:
    """An unknown connection ends with 2 and names the ones there are."""
    said = mlc("run", "nowhere")
    assert said.code == 2
    assert "sandbox_ramp" in said.err
    assert "Traceback" not in said.err
