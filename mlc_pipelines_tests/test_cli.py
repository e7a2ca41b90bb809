"""The `mlc` door: what it offers, how quickly it opens, and how it says that something is wrong."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlc_pipelines_tests.commands.asking import mlc

OFFERED = (
    "audit", "check", "close", "db", "demo", "holds", "reconcile", "replay", "run", "sandbox", "secrets", "status",
    "trail", "ui", "webhooks",
)  # fmt: skip
HEAVY = ("dagster", "sqlalchemy", "alembic", "httpx", "cryptography", "starlette")


def test_every_command_of_the_contract_is_offered() -> None:
    """`mlc --help` names all of them, within 80 columns."""
    said = mlc("--help")
    words = {line.split()[0] for line in said.out.splitlines() if line.startswith("  ") and line.split()}
    assert set(OFFERED) <= words
    assert said.code == 0
    assert said.widest <= 80


@pytest.mark.parametrize("command", OFFERED)
def test_every_command_explains_itself(command: str) -> None:
    """`mlc COMMAND --help` ends with 0 and fits the screen."""
    said = mlc(command, "--help")
    assert said.code == 0
    assert said.widest <= 80


def test_the_door_opens_without_heavy_furniture() -> None:
    """Asking for help imports neither Dagster nor a database."""
    code = f"import sys, mlc_pipelines.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_connection_files_are_read_without_any_client() -> None:
    """Commands that only tell start quicker: settings of every system need neither its flows nor HTTP nor SFTP."""
    heavy = ["mlc_pipelines.ifs.client", "httpx", "tenacity", "paramiko", "dagster"]
    code = (
        "import sys; from mlc_pipelines.integrations.house import sections; dict(sections()); "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_an_unknown_command_is_a_usage_error() -> None:
    """What is not a command ends with 2 and says so on stderr."""
    said = mlc("fly")
    assert said.code == 2
    assert said.out == ""
    assert "fly" in said.err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["ctrl_c", "service_manager"])
def test_the_sandbox_serves_until_it_is_stopped(tmp_path: Path, how: signal.Signals) -> None:
    """`mlc sandbox serve` prints both addresses and the folder, leaves a usable connection, and ends when told to."""
    command = [
        sys.executable,
        "-u",
        "-m",
        "mlc_pipelines.cli",
        "sandbox",
        "serve",
        "--integration",
        "ramp",
        "--port-base",
        "0",
        "--invoices",
        "2",
    ]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MLC_", "DAGSTER_"))}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        told = []
        for line in server.stdout:
            told.append(line)
            if "Ctrl-C" in line:
                break
        file = tmp_path / ".mlc" / "sandbox" / "connections" / "sandbox_ramp.yaml"
        written = file.read_text(encoding="utf-8")
        server.send_signal(how)
        _, err = server.communicate(timeout=20)
    addresses = [word for line in told for word in line.split() if word.startswith("http://127.0.0.1:")]
    assert len(addresses) == 2
    assert all(address in written for address in addresses)
    assert server.returncode == 0
    assert "Traceback" not in err
