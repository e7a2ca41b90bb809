"""What tests do to a simulated BILL organization beside what its people can."""

from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines.sandbox.bill.bill_fields import BillReader
from mlc_pipelines.sandbox.bill.bills import add_bill as enter
from mlc_pipelines.sandbox.bill.classifications import add_classification
from mlc_pipelines.sandbox.bill.records import Bill, Classification, Record, Vendor
from mlc_pipelines.sandbox.bill.vendors import add_vendor as take_on

CALLS = 20_000
WHERE = {"line1": "1 Mill Road", "city": "Akron", "zipOrPostalCode": "44301", "country": "US"}


def emptied(sandbox: BillSandbox) -> BillSandbox:
    """Make it an organization of today: no records, full quota, calm."""
    sandbox.reset()
    sandbox.store.clear()
    sandbox.quota.calls = CALLS
    return sandbox


def add_vendor(sandbox: BillSandbox, name: str, *, archived: bool = False, **fields: Any) -> Vendor:
    """Make a vendor."""
    with sandbox.store.lock:
        made = take_on(sandbox.store, {"name": name, "address": WHERE, **fields})
        made.archived = archived
        return made


def add_bill(sandbox: BillSandbox, vendor_id: str, number: str, *, amount: str = "100.00", **fields: Any) -> Bill:
    """Enter a bill of one line."""
    body = {
        "vendorId": vendor_id,
        "dueDate": "2026-12-14",
        "invoice": {"invoiceNumber": number, "invoiceDate": "2026-11-14"},
        "billLineItems": [{"amount": Decimal(amount)}],
        **fields,
    }
    with sandbox.store.lock:
        return enter(sandbox.store, BillReader(sandbox.store).read(body), by="a person")


def add_row(sandbox: BillSandbox, kind: str, name: str, number: str | None = None) -> Classification:
    """Make an account, with a number or without, or a dimension."""
    account = {"account": {"type": "EXPENSE", "number": number}} if number else {}
    with sandbox.store.lock:
        return add_classification(sandbox.store, kind, {"name": name, **account})


def change(sandbox: BillSandbox, record: Record, **attributes: Any) -> None:
    """Change a record as a person would, now."""
    with sandbox.store.lock:
        for name, value in attributes.items():
            setattr(record, name, value)
        sandbox.store.touch(record)


def logins(sandbox: BillSandbox) -> int:
    """Count the logins."""
    return sum(1 for entry in sandbox.journal.entries if entry.path.endswith("/v3/login"))
