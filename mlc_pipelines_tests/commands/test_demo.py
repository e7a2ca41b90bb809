"""`mlc demo`: everything once, in a folder of its own, and an account of every record."""

from pathlib import Path

import pytest

from mlc_pipelines_tests.commands.asking import mlc


@pytest.mark.parametrize("faults", ["calm", "lossy"])
def test_the_demo_accounts_for_every_record(empty: Path, faults: str) -> None:
    """With simulators that behave, and with ones that lose answers, nothing is lost and nothing is doubled."""
    said = mlc("demo", "--invoices", "8", "--faults", faults)
    assert said.code == 0, said.err
    assert "0 lost, 0 duplicated" in said.out
    assert "received = delivered + held + ignored" in said.out
    assert said.widest <= 80
    assert (empty / "demo" / "mlc.db").exists()


def test_the_demo_can_be_looked_at_afterwards(empty: Path) -> None:
    """The command that the demo prints shows what the demo held."""
    said = mlc("demo", "--invoices", "3", "--integration", "ramp")
    assert f"mlc --home {empty / 'demo'} holds sandbox_ramp".split()[-2:] == ["holds", "sandbox_ramp"]
    assert "mlc --home" in said.out
    looked = mlc("--home", str(empty / "demo"), "status", "--json")
    assert looked.code == 0
    assert looked.document[0]["connection"] == "sandbox_ramp"


@pytest.mark.parametrize("wrong", [["--integration", "nothing"], ["--faults", "nothing"], ["--invoices", "0"]])
def test_a_demo_of_nothing_is_a_usage_error(empty: Path, wrong: list[str]) -> None:
    """Unknown systems, profiles and numbers end with 2 and start nothing."""
    assert mlc("demo", *wrong).code == 2
    assert not (empty / "demo").exists()
