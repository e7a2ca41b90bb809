"""`mlc demo`: everything once, in a folder of its own, and an account of every record."""

from pathlib import Path

import pytest

from mlc_pipelines_tests.commands.asking import mlc


def test_the_demo_accounts_for_every_record(empty: Path) -> None:
    """Though the simulators lose answers nothing is lost or doubled, and it can be looked at afterwards."""
    said = mlc("demo", "--invoices", "5", "--integration", "ramp", "--faults", "lossy")
    assert said.code == 0, said.err
    assert "0 lost, 0 duplicated" in said.out
    assert "received = delivered + held + ignored" in said.out
    assert said.widest <= 80
    assert "enabled: false" in (empty / "demo" / "connections" / "sandbox_ramp.yaml").read_text(encoding="utf-8")
    looked = mlc("--home", str(empty / "demo"), "status", "--json")
    assert looked.code == 0
    (told,) = looked.document
    assert told["connection"] == "sandbox_ramp"
    assert sum(line["count"] for line in told["entries"] if line["flow"] == "bills") == 5


@pytest.mark.parametrize("wrong", [["--integration", "nothing"], ["--faults", "nothing"], ["--invoices", "0"]])
def test_a_demo_of_nothing_is_a_usage_error(empty: Path, wrong: list[str]) -> None:
    """Unknown systems, profiles and numbers end with 2 and start nothing."""
    assert mlc("demo", *wrong).code == 2
    assert not (empty / "demo").exists()
