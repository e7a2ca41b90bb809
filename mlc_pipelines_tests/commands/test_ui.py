"""`mlc ui`: Dagster as a person starts it, and as a person stops it."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest

from mlc_pipelines.commands.environment import dagster_home
from mlc_pipelines_tests.commands.asking import mlc
from mlc_pipelines_tests.webhooks.post import eventually

_PROC = Path("/proc")
_UP = (b"Serving dagster-webserver", b"following daemons")
_ACTING = (" dagster._daemon ", " dagster_webserver ")  # a code server does nothing unasked, and ends by itself


@pytest.mark.skipif(not _PROC.exists(), reason="reads the environment of processes from /proc")
def test_no_daemon_outlives_it(tmp_path: Path) -> None:
    """Stopped by a service manager where Ctrl-C is ignored, as behind `&` in a script: nobody goes on posting."""
    mlc = [sys.executable, "-m", "mlc_pipelines.cli", "--home", str(tmp_path), "ui", "--port", "0"]
    command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *mlc]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MLC_", "DAGSTER_"))}
    said = tmp_path / "said"
    with said.open("wb") as log, subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=log, stderr=log) as server:
        try:
            assert eventually(lambda: all(each in said.read_bytes() for each in _UP), seconds=120)
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=60)
            left = [each for each in _at_work(tmp_path) if any(word in each for word in _ACTING)]
        finally:
            for each in _at_work(tmp_path):
                with suppress(ProcessLookupError):  # it has ended by itself meanwhile
                    os.kill(int(each.partition(" ")[0]), signal.SIGKILL)
    assert left == []


def test_a_port_that_is_taken_is_refused(empty: Path) -> None:
    """No second daemon begins to work behind somebody else's page."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = mlc("ui", "--port", str(taken.getsockname()[1]))
    assert said.code == 2
    assert "cannot listen on 127.0.0.1:" in said.err


def test_dagster_has_our_settings_wherever_it_is_started(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that works elsewhere gives up lost runs too, and tells nobody outside what is run."""
    monkeypatch.chdir(tmp_path)
    with dg.DagsterInstance.from_config(str(dagster_home())) as instance:
        assert instance.run_monitoring_enabled
        assert instance.run_retries_enabled
        assert not instance.telemetry_enabled


def _at_work(home: Path) -> list[str]:
    """Give number and command of each process whose environment names a home."""
    found = []
    for folder in _PROC.glob("[0-9]*"):
        try:
            named = str(home).encode() in (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended meanwhile, or is somebody else's
            continue
        if named:
            found.append(f"{folder.name} {command}")
    return found
