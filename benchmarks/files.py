"""Collects many small files and one long one from the drop server: `python -m benchmarks.files [--quick]`.

Each case runs in a process of its own; the drop server is a process too, so that only our side is measured.
"""

import argparse
import json
import logging
import multiprocessing
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.sandbox.stampli.drop import INVOICES
from mlc_pipelines.sandbox.world import World
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines_tests.roads.installation import Installation
from mlc_pipelines_tests.roads.stampli.tenancy import COLUMNS, INVOICE, STATUS_MAP, csv_of

NAME = "acme"
MOST_GROWTH = 1.2  # of the memory above the start, from 10,000 lines to 100,000


@dataclass(frozen=True)
class Case:
    """So many files of so many invoices of so many lines; `scattered`: in CSV, lines of one invoice lie apart."""

    files: int
    invoices: int
    lines: int
    layout: str


def content(first: int, case: Case) -> bytes:
    """Write a file of invoices."""
    if case.layout == "xml":
        return xml(first, case.invoices, case.lines)
    made = rows(first, case.invoices, case.lines)
    return csv_of(*(sorted(made, key=lambda row: int(row["Line No"])) if case.layout == "scattered" else made))


def rows(first: int, invoices: int, lines: int) -> Iterator[dict[str, str]]:
    """Write the rows of invoices of so many lines."""
    for number in range(first, first + invoices):
        for line in range(1, lines + 1):
            total = {"Invoice Amount": f"{100 * lines + 19}.00", "Invoice Number": f"NT-{number:06}"}
            yield INVOICE | total | {"Line No": str(line), "Line Description": f"Position {line} of {number}"}


def xml(first: int, invoices: int, lines: int) -> bytes:
    """Write the same as elements."""
    made = []
    for number in range(first, first + invoices):
        below = "".join(
            f'<line no="{line}"><account>4010</account><costCenter>210</costCenter><amount>100.00</amount>'
            f"<description>Position {line} of {number}</description></line>"
            for line in range(1, lines + 1)
        )
        made.append(
            f'<invoice number="NT-{number:06}" status="Approved"><company>10</company><vendor id="S-1001"/>'
            f"<date>2026-11-03</date><dueDate>2026-12-03</dueDate><currency>EUR</currency>"
            f"<total>{100 * lines + 19}.00</total><tax>19.00</tax><lines>{below}</lines></invoice>\n"
        )
    return f"<invoices>\n{''.join(made)}</invoices>\n".encode()


XML = {
    "record": "invoices/invoice",
    "line": "lines/line",
    "fields": {name: StampliSandbox.xml_paths[name] for name in COLUMNS if name in StampliSandbox.xml_paths},
}


def serve(case: Case, pipe: Connection) -> None:
    """Be the drop server until told to stop."""
    logging.disable()
    with StampliSandbox(world=World.make(seed=1, invoices=1), invoices=0, exported=False) as sandbox:
        size = 0
        for number in range(case.files):
            made = content(number * case.invoices, case)
            size += len(made)
            sandbox.drop.write(f"{INVOICES}/f{number:05}.{'xml' if case.layout == 'xml' else 'csv'}", made)
        pipe.send((sandbox.port, sandbox.host_key, sandbox.client_key, sandbox.username, size))
        pipe.recv()


@contextmanager
def serving(case: Case) -> Iterator[tuple[Any, ...]]:
    """Run the drop server as a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    program = multiprocessing.get_context("spawn").Process(target=serve, args=(case, theirs))
    program.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        program.join()


def sections(case: Case, port: int, host_key: str, username: str) -> dict[str, Any]:
    """Write the connection file."""
    limits = {"max_files_per_poll": 100_000, "max_file_mb": 500, "max_rows": 1_000_000}
    layout = {"columns": {}, "xml": XML} if case.layout == "xml" else {"columns": COLUMNS}
    ready = {"rule": "stable", "settle_seconds": 0}
    feed = {"directory": INVOICES, "ready": ready, "status_map": STATUS_MAP, "limits": limits, **layout}
    server = {"host": "127.0.0.1", "port": port, "user": username, "credential": "it", "host_keys": [host_key]}
    ifs = {"base_url": "http://127.0.0.1:9", "token_url": "http://127.0.0.1:9/token", "credential": "ifs"}
    return {
        "name": NAME,
        "integration": "stampli",
        "companies": ["10"],
        "ifs": ifs,
        "stampli": {**server, "feeds": {"invoices": feed}, "files_at_once": 8},
    }


def measure(case: Case) -> dict[str, Any]:
    """Collect in this process; give what it cost."""
    with serving(case) as (port, host_key, client_key, username, size), tempfile.TemporaryDirectory() as folder:
        secrets = {"it/private_key": client_key, "ifs/client_id": "x", "ifs/client_secret": "x"}
        put = sections(case, port, host_key, username)
        place = Installation(Path(folder), put, secrets=secrets, clock=SystemClock())
        collect(place.road("invoices"))  # the first look: a file is whole when it was seen twice
        before, cpu = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        began = time.perf_counter()
        tally = collect(place.road("invoices"))
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        counts = tally.counts
        place.close()
    wanted = case.files * case.invoices
    assert counts.get("new") == wanted, (counts, tally.interrupted)
    return {"seconds": seconds, "cpu": cpu, "records": wanted, "bytes": size, "before": before, "peak": peak}


def apart(files: int, invoices: int, lines: int, layout: str) -> dict[str, Any]:
    """Measure one case in a process of its own."""
    case = ["--case", str(files), str(invoices), str(lines), layout]
    command = [sys.executable, "-m", "benchmarks.files", *case]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def told(what: str, found: dict[str, Any], *, files: int, lines: int) -> None:
    """Print one case."""
    seconds, records = found["seconds"], found["records"]
    rates = f"{files / seconds:.0f} files/s, {lines / seconds:.0f} lines/s, {records / seconds:.0f} invoices/s"
    memory = f"{found['before'] / 1024:.0f} MB before, {found['peak'] / 1024:.0f} MB at most"
    print(
        f"{what} ({found['bytes'] / 1e6:.1f} MB): {seconds:.1f} s, {rates}, {found['cpu'] / records * 1000:.2f} ms CPU "
        f"an invoice; {memory}",
        flush=True,
    )


def main() -> int:
    """Measure every case, and print; 1 when memory grows with the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, too little to judge memory by")
    parser.add_argument("--case", nargs=4, metavar=("FILES", "INVOICES", "LINES", "LAYOUT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        logging.disable()
        files, invoices, lines = (int(each) for each in given.case[:3])
        print(json.dumps(measure(Case(files, invoices, lines, given.case[3]))))
        return 0
    part = 10 if given.quick else 1
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}, SQLite")
    many = 1000 // part
    told(f"{many} files of one invoice", apart(many, 1, 1, "csv"), files=many, lines=many)
    grown = False
    for layout in ("csv", "scattered", "xml"):
        peaks = []
        for lines in (10_000 // part, 100_000 // part):
            found = apart(1, lines // 5, 5, layout)
            told(f"one {layout} file of {lines} lines", found, files=1, lines=lines)
            peaks.append((found["peak"] - found["before"]) / 1024)
        print(f"ten times the lines take {peaks[0]:.1f} MB, then {peaks[1]:.1f} MB above the start")
        grown |= not given.quick and peaks[1] > MOST_GROWTH * peaks[0]
    return int(grown)


if __name__ == "__main__":
    sys.exit(main())
