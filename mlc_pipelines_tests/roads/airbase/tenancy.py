"""One connection of a small manufacturer with IFS and Airbase behind it, and nobody waiting for anybody's clock."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mlc_pipelines.sandbox.airbase import AirbaseSandbox
from mlc_pipelines.sandbox.airbase.records import LedgerEntry, PurchaseRequest, Vendor
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.roads.installation import IFS_SECRETS, NAME, CommonClock, Installation, ifs_section, references

SECRETS = {"sandbox/airbase/token": AirbaseSandbox.token, "sandbox/airbase/token_next": AirbaseSandbox.token_next}
PATHS = {name: f"/v1/{name}/" for name in ("purchase_orders", "payments", "purchase_requests", "vendor_terms")}
BOOKED = {"voucher_type": "M", "user_group": "AC", "credit_account": {"*": "2400"}}
ORDERS = ("P104001", "P104002", "P204001")


def small_world() -> World:
    """Make the manufacturer with few orders and no invoices."""
    world = World.make(seed=1, invoices=1)
    orders = tuple(order for order in world.orders if order.order_no in ORDERS)
    return dataclasses.replace(world, invoices=(), orders=orders)


def sample_sections(ifs: IfsSandbox, airbase: AirbaseSandbox) -> dict[str, Any]:
    """Give a connection file as an operator would write it."""
    return {
        "name": NAME,
        "integration": "airbase",
        "companies": ["10", "20"],
        "ifs": ifs_section(ifs),
        "airbase": {
            "base_url": airbase.url,
            "credential": "sandbox/airbase",
            "auth_scheme": "Token",
            "paths": PATHS,
            "requests": BOOKED,
            "payments": {
                **BOOKED,
                "types": {"bill_payment": "payable", "vendor_credit": "lines", "reimbursement": "lines"},
                "credit_types": ["vendor_credit"],
            },
            "requests_per_second": 1000,
            "read_seconds": 10.0,
            "write_seconds": 10.0,
        },
        "mapping": {
            "dimensions": {"CodeB": "cost_center"},
            "purchase_types": {"services": "4600", "software": "4500", "goods": "4000"},
            "payment_terms": {"Due on receipt": "0", "Net 14": "14", "Net 30": "30", "Net 45": "45"},
        },
    }


class Simulators:
    """IFS and Airbase over one small world, started once and brought back to their first day for each test."""

    def __init__(self, *, requests: int = 0, payments: int = 0) -> None:
        world = small_world()
        self.ifs = IfsSandbox(world=world, requests_per_minute=100_000, catalogue_size=10)
        self.airbase = AirbaseSandbox(world=world, requests=requests, payments=payments, calls_per_window=0)
        self.clock = CommonClock(self.ifs.clock, self.airbase.clock)

    def __enter__(self) -> Self:
        self.ifs.start()
        self.airbase.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.airbase.stop()
        self.ifs.stop()

    def reset(self) -> None:
        """Bring the first day back."""
        self.ifs.reset()
        self.airbase.reset()
        for faults in (self.ifs.faults, self.airbase.faults):
            faults.reset(profile="calm")

    def writes(self) -> int:
        """Count the requests that changed something on either side."""
        return sum(1 for entry in (*self.ifs.journal.entries, *self.airbase.journal.entries) if entry.effect)


class Tenancy(Installation):
    """An installation for Airbase."""

    def __init__(self, folder: Path, simulators: Simulators, *, copy_of: Path | None = None) -> None:
        self.simulators = simulators
        self.ifs = simulators.ifs
        self.airbase = simulators.airbase
        super().__init__(
            folder,
            sample_sections(self.ifs, self.airbase),
            secrets=IFS_SECRETS | SECRETS,
            clock=simulators.clock,
            copy_of=copy_of,
        )

    def airbase_settings(self, **values: Any) -> None:
        """Let an operator change the section of Airbase."""
        self.change(airbase=values)

    def vendor(self, reference: str) -> Vendor:
        """Give the one vendor that is linked to a supplier."""
        (found,) = [vendor for vendor in self.airbase.vendors.values() if vendor.erp_reference_id == reference]
        return found

    def named(self, name: str) -> Vendor:
        """Give the one vendor of a name."""
        (found,) = [vendor for vendor in self.airbase.vendors.values() if vendor.name == name]
        return found

    def request(self, request_id: str) -> PurchaseRequest:
        """Give a purchase request."""
        return self.airbase.requests[request_id]

    def pay(self, **wish: Any) -> LedgerEntry:
        """Let people pay; give the ledger entry."""
        (made,) = self.airbase.people.pay(**wish)
        return self.airbase.entries[made["ledger_entry"] or ""]

    def vouchers(self, reference: str) -> list[dict[str, Any]]:
        """Give the vouchers whose rows carry a reference."""
        return [voucher for voucher in self.ifs.vouchers if reference in references(voucher)]

    def voucher(self, reference: str) -> dict[str, Any]:
        """Give the one voucher of a reference."""
        (found,) = self.vouchers(reference)
        return found

    def asked(self, method: str, path_part: str) -> int:
        """Count the calls to Airbase of a method whose path has a part."""
        return sum(1 for e in self.airbase.journal.entries if e.method == method and path_part in e.path)


def sides(voucher: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    """Give account, debit and credit of each row, amounts as text."""

    def text(amount: Any) -> str | None:
        return None if amount is None else str(amount)

    return [
        (row["Account"], text(row["CurrencyDebetAmount"]), text(row["CurrencyCreditAmount"]))
        for row in voucher["VoucherRows"]
    ]


def key_of(voucher: dict[str, Any]) -> str:
    """Name a voucher as it is acknowledged."""
    return "^".join(str(voucher[name]) for name in ("Company", "VoucherType", "AccountingYear", "VoucherNo"))


def all_references(vouchers: Iterable[dict[str, Any]]) -> list[str]:
    """Give every reference once for each voucher that carries it."""
    return sorted(reference for voucher in vouchers for reference in references(voucher))
