"""From the moment something happens outside to the moment it is done in IFS: `python -m benchmarks.latency`.

A bill is paid in the simulated Ramp, whose webhook goes to `mlc webhooks serve`; an invoice file appears on the
simulated drop server. Dagster runs as `mlc ui` starts it. The polls of the connections are off: nothing but webhook and
file tells of the news. DAGSTER_HOME may name an instance with another run launcher.
"""

import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from benchmarks.dagster_ui import dagster_at_work
from benchmarks.measuring import Aim, Figure, Table, program
from benchmarks.processes import ran
from mlc_pipelines.commands.playground import open_playground
from mlc_pipelines.sandbox.offices.ramp import RampOffice
from mlc_pipelines.sandbox.offices.stampli import StampliOffice

MOST_SECONDS = 10.0
PATIENCE = 180.0
LOOK_SECONDS = 0.02
PAUSES = (0.0, 1.1, 2.3, 3.7, 4.9)  # so that events come at any moment between two looks of a sensor


def measure(quick: bool) -> Figure:
    """Measure webhooks and files one after the other; a quick run has no file, which takes more than a minute."""
    webhooks, files = (2, 0) if quick else (40, 5)
    with tempfile.TemporaryDirectory() as made, socket.create_server(("127.0.0.1", 0)) as found:
        folder, port = Path(made), found.getsockname()[1]
        found.close()
        address = f"http://127.0.0.1:{port}"
        opened = open_playground(
            folder / "home", systems=["ramp", "stampli"], invoices=max(20, 2 * webhooks), webhooks_at=address
        )
        with opened as playground:
            ramp, stampli = playground.offices["ramp"], playground.offices["stampli"]
            assert isinstance(ramp, RampOffice)
            assert isinstance(stampli, StampliOffice)
            for name in ("sandbox_ramp", "sandbox_stampli"):
                ran(["-m", "mlc_pipelines.cli", "run", name, "--json"], os.environ, codes=(0, 1))
                _polls_off(folder / "home" / "connections" / f"{name}.yaml")
            ramp.ramp.people.submit_drafts()
            bills = ramp.ramp.people.approve_bills()[:webhooks]
            with _receiver(port), dagster_at_work(folder, os.environ):
                paid = [_timed(lambda bill=bill: _pay(ramp, bill), number) for number, bill in enumerate(bills)]  # type: ignore[misc]  # bound now
                posted = [_timed(lambda number=number: _export(stampli, number), number) for number in range(files)]  # type: ignore[misc]  # as above
    rows = [_row("webhook arrives: the invoice is marked as paid in IFS", paid)]
    if posted:
        rows.append(_row("invoice file appears: the invoice is posted in IFS", posted))
    p95 = _share(paid, 0.95)
    return Figure(
        "latency",
        "Latency: webhook and file to IFS, with Dagster's daemon",
        [Table("seconds", ("", "times", "p50", "p95", "longest"), rows)],
        aims=[Aim(f"webhook to IFS: p95 at most {MOST_SECONDS:.0f} s", f"{p95:.1f} s", p95 <= MOST_SECONDS)],
        notes=["Webhooks are looked for all the time, files every 30 s; a file is taken when two looks agree."],
        versions={"dagster": version("dagster")},
    )


def _polls_off(file: Path) -> None:
    """Let the connection be polled once a year; it stays enabled, for webhooks are subscribed for those that are."""
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"^schedule: .*", 'schedule: "0 0 1 1 *"', text, flags=re.MULTILINE), encoding="utf-8")


@contextmanager
def _receiver(port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "mlc_pipelines.cli", "webhooks", "serve", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _until(lambda: _answers(port))
            yield
        finally:
            process.send_signal(signal.SIGTERM)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _pay(office: RampOffice, bill: str) -> Callable[[], bool]:
    """Pay a bill; give what tells whether IFS knows."""
    office.ramp.people.pay_bills([bill])
    company, _, number = str(office.ramp.bills[bill].remote_id).partition("^")
    return lambda: bool(office.ifs.invoices[company, int(number)].get("Cf_Paid_Status"))


def _export(office: StampliOffice, number: int) -> Callable[[], bool]:
    """Let an approved invoice appear in a file; give what tells whether IFS has its voucher."""
    before = len(office.ifs.vouchers)
    people = office.stampli.people
    people.receive_invoice(number=f"LATE-{number}")
    people.approve()
    people.export_invoices()
    return lambda: len(office.ifs.vouchers) > before


def _timed(act: Callable[[], Callable[[], bool]], number: int) -> float:
    time.sleep(PAUSES[number % len(PAUSES)])
    began = time.perf_counter()
    _until(act())
    seconds = time.perf_counter() - began
    print(f"  {number}: {seconds:.1f} s", file=sys.stderr, flush=True)
    return seconds


def _until(is_done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_done():
        if time.monotonic() > end:
            raise SystemExit(f"not done after {PATIENCE:.0f} s")
        time.sleep(LOOK_SECONDS)


def _share(seconds: Sequence[float], share: float) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _row(what: str, seconds: Sequence[float]) -> list[str]:
    middle, late = statistics.median(seconds), _share(seconds, 0.95)
    return [what, f"{len(seconds)}", f"{middle:.1f}", f"{late:.1f}", f"{max(seconds):.1f}"]


if __name__ == "__main__":
    sys.exit(program(["latency"], [measure], __doc__))
