"""Dagster as `mlc ui` starts it: webserver, code server and daemon, asked by GraphQL."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 300.0
LOOK_SECONDS = 0.5
_STANDING = (
    "{workspaceOrError{... on Workspace{locationEntries{loadStatus}}} "
    "instance{daemonHealth{allDaemonStatuses{healthy required}}}}"
)


@contextmanager
def dagster_at_work(folder: Path, environ: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Start it; give the process and the address once everything is loaded and every daemon is well."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "mlc_pipelines.cli", "ui", "--port", str(port)]
    said = folder / "ui.log"
    with said.open("wb") as log:
        process = subprocess.Popen(command, env=dict(environ), stdout=log, stderr=log, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        end = time.monotonic() + PATIENCE
        while not _is_well(address):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"Dagster does not come up: {said.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(LOOK_SECONDS)
        yield process.pid, address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def asked(address: str, query: str, **variables: Any) -> dict[str, Any]:
    """Ask the webserver."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        data: dict[str, Any] = json.load(answer)["data"]
    return data


def _is_well(address: str) -> bool:
    try:
        told = asked(address, _STANDING)
    except OSError:
        return False
    entries = told["workspaceOrError"].get("locationEntries", [])
    daemons = [each for each in told["instance"]["daemonHealth"]["allDaemonStatuses"] if each["required"]]
    loaded = bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)
    return loaded and bool(daemons) and all(each["healthy"] for each in daemons)
