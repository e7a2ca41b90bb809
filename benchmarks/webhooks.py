"""Measures the receiver as its own program on loopback: `python -m benchmarks.webhooks [--quick]`."""

import argparse
import http.client
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pydantic import SecretStr

from mlc_pipelines.integrations.house import House
from mlc_pipelines_tests.webhooks.conftest import DEAD, FILE, UNHURRIED
from mlc_pipelines_tests.webhooks.post import SECRET, Post, event, eventually, signature

NUMBERS = count()


@dataclass(frozen=True)
class Round:
    """What one round came to."""

    status: int
    per_second: float
    p50: float
    p99: float


def main() -> int:
    """Measure, and print; 1 when an event that was answered yes is not in the inbox."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 rounds of 300 events instead of 5 of 1000")
    parser.add_argument("--senders", type=int, default=16)
    given = parser.parse_args()
    rounds, events = (3, 300) if given.quick else (5, 1000)
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        environ = furnished(Path(folder))
        with serving(environ | UNHURRIED) as there:
            told("new events, stored", [play(there, events, given.senders) for _ in range(rounds)])
            told("the same event again", [play(there, events, given.senders, again=True) for _ in range(rounds)])
        with serving(environ | {"MLC_WEBHOOKS_PER_SECOND": "1", "MLC_WEBHOOKS_BURST": "1"}) as there:
            told("floods, refused", [play(there, events, given.senders, forged=True) for _ in range(rounds)])
        with House.open(os.environ | environ) as house:
            kept = len(house.ledger.inbox.pending("acme", "payments"))
    wanted = rounds * events + 1
    print(f"in the inbox: {kept} of {wanted}")
    return 0 if kept == wanted else 1


def furnished(folder: Path) -> dict[str, str]:
    """Make a house with one connection."""
    (folder / "files").mkdir()
    text = FILE.format(name="acme", ramp=DEAD, more="webhook_secret: acme/ramp/webhook", enabled="true")
    (folder / "files" / "acme.yaml").write_text(text, encoding="utf-8")
    environ = {
        "MLC_DATABASE_URL": f"sqlite:///{folder / 'mlc.db'}",
        "MLC_HOME": str(folder),
        "MLC_CONNECTIONS_DIR": str(folder / "files"),
    }
    with House.open(environ) as house:
        house.vault.set("acme/ramp/webhook", SecretStr(SECRET))
    return environ


@contextmanager
def serving(environ: dict[str, str]) -> Iterator[Post]:
    """Run `mlc webhooks serve`."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    there = Post(f"http://127.0.0.1:{port}")
    command = [sys.executable, "-m", "mlc_pipelines.cli", "webhooks", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=os.environ | environ, stderr=subprocess.DEVNULL) as process:
        try:
            if not eventually(lambda: answers(there), seconds=60):
                raise SystemExit("the receiver does not answer")
            yield there
        finally:
            process.send_signal(signal.SIGTERM)


def answers(there: Post) -> bool:
    """Tell whether it is up."""
    try:
        return there.get("/healthz") == 200
    except OSError:
        return False


def play(there: Post, events: int, senders: int, *, again: bool = False, forged: bool = False) -> Round:
    """Let some senders post events, each over a line of its own, which is made anew when it was cut."""

    def send(bodies: list[bytes]) -> list[tuple[int, float]]:
        with closing(http.client.HTTPConnection(there.netloc, timeout=60)) as line:
            return [timed(there, line, body, {} if forged else signature(body)) for body in bodies]

    bodies = [event("again" if again else f"e-{next(NUMBERS)}") for _ in range(events)]
    began = time.perf_counter()
    with ThreadPoolExecutor(senders) as pool:
        answered = [each for part in pool.map(send, [bodies[n::senders] for n in range(senders)]) for each in part]
    seconds = time.perf_counter() - began
    ((status, number),) = Counter(status for status, _ in answered).most_common(1)
    if number != events and not forged:  # of a flood, one in a second passes
        raise SystemExit(f"{events - number} of {events} were not answered {status}")
    times = statistics.quantiles([each for _, each in answered], n=100)
    return Round(status, events / seconds, times[49], times[98])


def timed(there: Post, line: http.client.HTTPConnection, body: bytes, headers: Mapping[str, str]) -> tuple[int, float]:
    """Post, and tell how long the answer took."""
    began = time.perf_counter()
    return there.send_by(line, body, headers), time.perf_counter() - began


def told(what: str, rounds: list[Round]) -> None:
    """Print the medians of some rounds."""
    (status,) = {each.status for each in rounds}
    rate, p50, p99 = (
        statistics.median(getattr(each, name) for each in rounds) for name in ("per_second", "p50", "p99")
    )
    print(f"{what} ({status}): {rate:.0f} requests/s, p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")


def machine() -> str:
    """Name the machine and how busy it is."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, load {load:.1f}, SQLite"


if __name__ == "__main__":
    sys.exit(main())
