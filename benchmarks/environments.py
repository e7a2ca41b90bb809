"""Environments for the contestants: made with uv when they are missing, kept in the user's cache."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from benchmarks.measuring import Found

RIVALS = Path(__file__).parent / "rivals"
NEEDS = {
    "dlt": ("dlt[duckdb]==1.31.0", "pyarrow==26.0.1"),
    "airbyte": ("airbyte==0.71.3", "airbyte-cdk==7.39.1"),
    "singer": ("singer-sdk==0.54.9", "msgspec==0.22.0"),
    "drt": ("drt-core==1.2.1",),
    "bare": ("httpx==0.28.1", "orjson==3.13.0"),
}
"""What each installs; pinned, so that figures of two days can be compared."""


def interpreter(rival: str) -> Path:
    """Give the Python of a contestant's environment, which is made at the first time."""
    needs = NEEDS[rival]
    named = sha256("\n".join((sys.version, *needs)).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mlc_pipelines" / "benchmarks"
    place = cache / f"{rival}-{named}"
    python = place / "bin" / "python"
    if not (place / "ready").exists():
        print(f"  installing {' '.join(needs)}", file=sys.stderr, flush=True)
        uv = shutil.which("uv") or sys.exit("benchmarks: uv is needed to install what we are compared with")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *needs], check=True)
        (place / "ready").touch()
    return python


SILENT = {"DO_NOT_TRACK": "1", "RUNTIME__DLTHUB_TELEMETRY": "false", "AIRBYTE_OFFLINE_MODE": "1"}
FOLDERS = ("HOME", "DLT_DATA_DIR", "AIRBYTE_PROJECT_DIR", "AIRBYTE_LOGGING_ROOT")
"""Nothing is told to anybody, and what contestants keep for themselves goes with their folder."""


def compete(rival: str, script: str, *arguments: str, settings: Mapping[str, str] = MappingProxyType({})) -> Found:
    """Run a contestant's program in an empty folder, whose path is its last argument."""
    with tempfile.TemporaryDirectory(prefix=f"{rival}-") as folder:
        environ = {**os.environ, **SILENT, **dict.fromkeys(FOLDERS, folder), **settings}
        return told([str(interpreter(rival)), str(RIVALS / script), *arguments, folder], environ)


def told(command: list[str], environ: Mapping[str, str] | None = None) -> Found:
    """Run a program that measures itself; give what its last line tells."""
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found
