"""What a run opens: house and sessions, and a gate before everything that is logged."""

import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from mlc_pipelines.orchestration.opened import OpenHouse
from mlc_pipelines.wire.redaction import REDACTOR

SECRET = "canary-6650-secret"


def test_the_log_of_a_run_has_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also when Dagster starts the process, and whichever of our loggers speaks."""
    gates = [logging.getLogger(), *logging.getLogger().handlers, logging.lastResort]
    before = [(gate, list(gate.filters)) for gate in gates if gate is not None]
    opened = OpenHouse({"MLC_HOME": str(tmp_path), "MLC_DATABASE_URL": f"sqlite:///{tmp_path / 'mlc.db'}"})
    try:
        opened.house.vault.set("acme/ifs/client_secret", SecretStr(SECRET))
        logging.getLogger("mlc_pipelines.wire.http").warning("said %s", SECRET, extra={"header": f"Bearer {SECRET}"})
        assert REDACTOR in getattr(logging.lastResort, "filters", [])
    finally:
        opened.close()
        for gate, filters in before:
            gate.filters = filters
    assert "said [redacted]" in caplog.text
    assert SECRET not in caplog.text + str([vars(record) for record in caplog.records])
