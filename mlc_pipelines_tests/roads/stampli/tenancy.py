"""One connection of a small manufacturer, with IFS and a drop server behind it, and a person who writes files."""

import csv
import dataclasses
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mlc_pipelines.ledger.files import FileRecord
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.roads.installation import IFS_SECRETS, NAME, CommonClock, Installation, selling_section

ACCOUNTS = ("1400", "2400", "4000", "4010", "4020", "4600", "6990")
SELLERS = ("S-1001", "S-1002", "S-2001", "S-3001")  # euro twice, dollar, yen
SETTLE = 30.0
STATUS_MAP = {
    "Approved": "APPROVED",
    "Exported": "APPROVED",
    "Paid": "PAID",
    "Pending Approval": "PENDING",
    "Rejected": "REJECTED",
    "Cancelled": "CANCELLED",
}
INVOICE = {
    "Company": "10",
    "Invoice Number": "NT-118",
    "Vendor ID": "S-1001",
    "Vendor Name": "",
    "Invoice Date": "2026-11-03",
    "Due Date": "2026-12-03",
    "Currency": "EUR",
    "Invoice Amount": "119.00",
    "Tax Amount": "19.00",
    "Status": "Approved",
    "Approved By": "j.holm",
    "PO Number": "",
    "Line No": "1",
    "GL Account": "4010",
    "Cost Center": "210",
    "Line Amount": "100.00",
    "Line Description": "Calibration",
}
COLUMNS = {name: column for name, column in StampliSandbox.columns.items() if column in INVOICE}


def small_world() -> World:
    """Make the manufacturer with a few accounts, cost centers and suppliers."""
    world = World.make(seed=1, invoices=1)
    return dataclasses.replace(
        world,
        accounts=tuple(account for account in world.accounts if account.code in ACCOUNTS),
        code_parts=tuple(value for value in world.code_parts if value.part != "B" or value.code in {"210", "220"}),
        suppliers=tuple(supplier for supplier in world.suppliers if supplier.id in SELLERS),
        invoices=(),
        orders=world.orders[:3],
    )


class Simulators:
    """IFS and the drop server over one small world, started once and brought back to their first day."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ifs = IfsSandbox(world=world, requests_per_minute=100_000, catalogue_size=10)
        self.stampli = StampliSandbox(world=world, invoices=0, exported=False)
        self.clock = CommonClock(self.ifs.clock, self.stampli.clock)

    def __enter__(self) -> Self:
        self.ifs.start()
        self.stampli.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stampli.stop()
        self.ifs.stop()

    def reset(self) -> None:
        """Bring the first day back."""
        self.ifs.reset()
        self.stampli.reset()
        self.ifs.faults.reset(profile="calm")
        self.stampli.faults.reset(profile="calm")


def row(**cells: str) -> dict[str, str]:
    """Write one row; cells are by column, blanks as underscores."""
    return INVOICE | {name.replace("_", " "): value for name, value in cells.items()}


def csv_of(*rows: Mapping[str, str], columns: Iterable[str] = tuple(INVOICE)) -> bytes:
    """Write rows as a file."""
    written = io.StringIO()
    writer = csv.DictWriter(written, list(columns), lineterminator="\r\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue().encode()


class Tenancy(Installation):
    """An installation for Stampli."""

    def __init__(self, folder: Path, simulators: Simulators, **stampli: Any) -> None:
        self.simulators = simulators
        self.ifs = simulators.ifs
        self.stampli = simulators.stampli
        secrets = IFS_SECRETS | {"sandbox/stampli/password": self.stampli.password}
        super().__init__(folder, sample_sections(simulators, stampli), secrets=secrets, clock=simulators.clock)

    # What happens at the drop server

    def put(self, name: str, *rows: Mapping[str, str], content: bytes | None = None, **how: Any) -> str:
        """Upload a file of rows, or of these bytes."""
        return self.stampli.people.upload_file(name, csv_of(*rows) if content is None else content, **how)

    def wait(self, seconds: float = SETTLE) -> None:
        """Let time pass."""
        self.simulators.clock.sleep(seconds)

    # What we do

    def poll(self, flow: str = "invoices", *, times: int = 2) -> Any:
        """Collect so many times, as far apart as a file needs to settle; give the last tally."""
        tally = None
        for _ in range(times):
            tally = self.run_stages(flow, "collect")["collect"]
            self.wait()
        return tally

    def go(self, flow: str = "invoices") -> None:
        """Collect until files are settled, then work the flow to its end."""
        self.poll(flow)
        self.run(flow)

    def post(self, name: str, *rows: Mapping[str, str]) -> None:
        """Upload a file and work it to its end."""
        self.put(name, *rows)
        self.go()

    # Questions

    def files(self, feed: str = "invoices") -> dict[str, str]:
        """Give the state of every file by name; of versions of one name the newest."""
        return {record.path.rpartition("/")[2]: record.state.value for record in self.books.files.select(feed)}

    def remote_file(self, name: str, feed: str = "invoices") -> FileRecord:
        """Give the newest version of a file."""
        return [record for record in self.books.files.select(feed) if record.path.endswith(f"/{name}")][-1]

    def proposals(self, number: str | None = None) -> list[dict[str, Any]]:
        """Give the supplier invoices of IFS, or those of one number."""
        return [each for each in self.ifs.invoices.values() if number in (None, each["InvoiceNo"])]

    def state(self, number: str = "NT-118") -> tuple[str, str | None]:
        """Give state and cause of the newest version of an invoice."""
        entry = self.entry("invoices", number)
        return entry.state.value, entry.cause.value if entry.cause else None


def sample_sections(simulators: Simulators, stampli: Mapping[str, Any]) -> dict[str, Any]:
    """Give the connection file of the tests."""
    return {
        "name": NAME,
        "integration": "stampli",
        "companies": ["10", "20"],
        "ifs": selling_section(simulators.ifs),
        "stampli": {
            "host": simulators.stampli.host,
            "port": simulators.stampli.port,
            "user": simulators.stampli.username,
            "credential": "sandbox/stampli",
            "login": "password",
            "host_keys": [simulators.stampli.host_key],
            "feeds": {"invoices": invoice_feed()},
            "vouchers": {"voucher_type": "M", "user_group": "AC", "credit_account": {"*": "2400"}},
            "operation_seconds": 10.0,
            "ifs_settle_after_seconds": 0,
            **stampli,
        },
        "mapping": {
            "tax_accounts": {"*": "1400"},
            "vendors": {"V-77": "S-1002"},
        },
    }


def invoice_feed(**changes: Any) -> dict[str, Any]:
    """Give the feed of invoices."""
    return {
        "directory": "/outbound/invoices",
        "ready": {"rule": "stable", "settle_seconds": SETTLE},
        "columns": COLUMNS,
        "status_map": STATUS_MAP,
        **changes,
    }
