"""Each system with something to read in every flow: reference data, documents in several currencies, payments."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlc_pipelines_tests.hostile.recording import Recording, record
from mlc_pipelines_tests.roads.airbase import tenancy as airbase
from mlc_pipelines_tests.roads.bill import tenancy as bill
from mlc_pipelines_tests.roads.installation import Installation
from mlc_pipelines_tests.roads.procurify import tenancy as procurify
from mlc_pipelines_tests.roads.ramp import tenancy as ramp
from mlc_pipelines_tests.roads.stampli import tenancy as stampli
from mlc_pipelines_tests.roads.stampli.test_reference import VENDOR, VENDOR_COLUMNS

SELLERS = ("S-1001", "S-2001", "S-3001")  # euro, dollar, yen
INVOICES = {"EU-1": "S-1001", "US-1": "S-2001", "JP-1": "S-3001"}


@contextmanager
def _ramp(folder: Path) -> Iterator[Installation]:
    with ramp.Simulators(ramp.small_world()) as simulators:
        made = ramp.Tenancy(folder, simulators)
        made.reference()
        for number, supplier in INVOICES.items():
            made.invoice(f"{number}-PAID", supplier=supplier)
        made.run("bills")
        made.approve()
        made.run("vouchers")
        made.ramp.people.pay_bills()
        for number, supplier in INVOICES.items():
            made.invoice(f"{number}-APPROVED", supplier=supplier)
        made.run("bills")
        made.approve()
        for number, supplier in INVOICES.items():
            made.invoice(number, supplier=supplier, VatCurrAmount="19")
        made.ramp.people.add_vendor("Blankenburg Catering")
        yield made
        made.close()


@contextmanager
def _airbase(folder: Path) -> Iterator[Installation]:
    with airbase.Simulators(requests=6, payments=6) as simulators:
        made = airbase.Tenancy(folder, simulators)
        made.airbase.people.create_vendor("Blankenburg Catering")
        yield made
        made.close()


@contextmanager
def _procurify(folder: Path) -> Iterator[Installation]:
    with procurify.Simulators(bills=8, orders=4) as simulators:
        made = procurify.Tenancy(folder, simulators)
        for supplier, currency in (("S-1001", "EUR"), ("S-2001", "USD"), ("S-3001", "JPY")):
            made.bill(vendor=supplier, currency=currency, amount="1200")
        made.later()
        yield made
        made.close()


@contextmanager
def _bill(folder: Path) -> Iterator[Installation]:
    with bill.Simulators(ramp.small_world()) as simulators:
        simulators.reset()
        made = bill.Tenancy(folder, simulators)
        made.run(*bill.REFERENCE_FLOWS)
        for number, supplier in INVOICES.items():
            made.pay(made.sent(f"{number}-PAID", supplier=supplier))
        for number, supplier in INVOICES.items():
            made.invoice(number, supplier=supplier, VatCurrAmount="19")
        made.bill.people.create_vendor("Blankenburg Catering")
        yield made
        made.close()


@contextmanager
def _stampli(folder: Path) -> Iterator[Installation]:
    with stampli.Simulators(stampli.small_world()) as simulators:
        ready = {"rule": "stable", "settle_seconds": stampli.SETTLE}
        vendors = {"directory": "/outbound/vendors", "ready": ready, "columns": VENDOR_COLUMNS, "new": "create"}
        made = stampli.Tenancy(folder, simulators, feeds={"invoices": stampli.invoice_feed(), "vendors": vendors})
        made.put("a.csv", stampli.row(), stampli.row(Invoice_Number="NT-119", Company="20"))
        made.put("v.csv", content=stampli.csv_of(VENDOR, columns=[*VENDOR]), folder="/outbound/vendors")
        for flow in ("invoices", "vendors"):
            made.poll(flow)
        yield made
        made.close()


OFFICES: Mapping[str, Callable[[Path], object]] = {
    "ramp": _ramp, "airbase": _airbase, "procurify": _procurify, "bill": _bill, "stampli": _stampli,
}  # fmt: skip


def recorded(system: str, folder: Path) -> Recording:
    """Start the simulators of a system, work every flow once, and give what was said; the simulators are gone then."""
    with OFFICES[system](folder / system) as installation:  # type: ignore[attr-defined]
        return record(system, installation, installation._clock.now)
