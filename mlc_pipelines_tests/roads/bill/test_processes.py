"""Several processes on one BILL connection: three calls at once among them all, and one login."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlc_pipelines.commands.playground import open_playground
from mlc_pipelines.sandbox.offices.bill import BillOffice

PLACES = ("MLC_HOME", "MLC_DATABASE_URL", "MLC_CONNECTIONS_DIR", "DAGSTER_HOME")


def test_two_processes_have_three_calls_under_way_and_log_in_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight threads each, and BILL, which counts, never refuses a fourth call."""
    for name in PLACES:
        monkeypatch.setenv(name, "")  # put back afterwards: opening the playground sets them
    with open_playground(tmp_path / "home", systems=["bill"], invoices=2) as playground:
        office = playground.offices["bill"]
        assert isinstance(office, BillOffice)
        office.bill.switches.work_seconds = 0.05  # so that calls meet
        command = [sys.executable, "-m", "mlc_pipelines_tests.roads.bill.processes", office.name]
        both = [subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.PIPE) for _ in range(2)]
        for process in both:
            _, told = process.communicate(timeout=120)
            assert process.returncode == 0, told.decode()
        logins = [entry for entry in office.bill.journal.entries if entry.path.endswith("/v3/login")]
        assert len(logins) == 1
        assert office.bill.max_in_flight == 3
