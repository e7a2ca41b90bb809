"""`mlc ui`: Dagster as a person starts it, and as a person stops it."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

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
