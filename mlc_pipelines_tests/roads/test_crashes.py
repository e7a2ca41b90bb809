"""Workers killed with SIGKILL at each commit and call: after a restart nothing is lost and nothing is there twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlc_pipelines.commands.playground import open_playground
from mlc_pipelines.commands.verification import verify
from mlc_pipelines.integrations.house import House
from mlc_pipelines.sandbox.offices.ramp import RampOffice

NAME = "sandbox_ramp"
INVOICES = 3
BEFORE = ("gl_accounts", "dimensions", "accounting_vendors", "vendors")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RampOffice]:
    """Simulators and an installation beside them; writes settle at once, so that a restart may look at once."""
    for name in ("MLC_HOME", "MLC_DATABASE_URL", "MLC_CONNECTIONS_DIR", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")  # put back afterwards: opening the playground sets them
    with open_playground(tmp_path / "home", systems=["ramp"], seed=3, invoices=INVOICES) as playground:
        opened = playground.offices["ramp"]
        assert isinstance(opened, RampOffice)
        file = tmp_path / "home" / "connections" / f"{NAME}.yaml"
        file.write_text(
            file.read_text(encoding="utf-8").replace("settle_after_seconds: 2.0", "settle_after_seconds: 0")
        )
        yield opened


def work(flow: str, stages: str, *, kill_at: int = 0) -> bool:
    """Work in a process of its own; tell whether it was killed."""
    command = [sys.executable, "-m", "mlc_pipelines_tests.roads.worker", NAME, flow, stages, str(kill_at)]
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def kill_at_every_step(flow: str, stage: str) -> int:
    """Kill a worker at its first step, the next one at its second, and so on until one comes through."""
    kills = 0
    while work(flow, stage, kill_at=kills + 1):
        kills += 1
        assert kills < 200, "the road does not end"
    work(flow, stage)
    return kills


def test_a_worker_killed_at_every_step_of_every_write_loses_and_doubles_nothing(office: RampOffice) -> None:
    """Bills, vouchers and payments, deliver and confirm: by the simulators' own books each is there exactly once."""
    for flow in BEFORE:
        assert not work(flow, "collect,translate,deliver")
    kills = {}
    work("bills", "collect,translate")
    for stage in ("deliver", "confirm"):
        kills["bills", stage] = kill_at_every_step("bills", stage)
    approved, paid = office.approve_and_pay()
    assert approved == paid > 0
    for flow in ("vouchers", "payments"):
        work(flow, "collect,translate")
        for stage in ("deliver", "confirm"):
            kills[flow, stage] = kill_at_every_step(flow, stage)
    assert min(kills.values()) >= 2, kills  # after the intent and after the call, at the very least
    with House.open() as house:
        wrong = [line for line in verify(house, office) if "postponed" not in line]
        assert wrong == []
    assert office.duplicates() == []
    assert len(office.sent()) == approved
