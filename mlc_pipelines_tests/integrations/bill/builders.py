"""Makes records of IFS and BILL with sensible defaults; a test states only what matters to it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from mlc_pipelines.ifs.posting_proposals import PostingLine, SupplierInvoice
from mlc_pipelines.ifs.suppliers import Supplier
from mlc_pipelines.integrations.bill.bill_client import read_bill, read_payment
from mlc_pipelines.integrations.bill.mapping import Words
from mlc_pipelines.integrations.bill.models import Bill, Classification, NewBill, Payment, Vendor, reader
from mlc_pipelines.integrations.bill.settings import BillSettings
from mlc_pipelines.integrations.bill.vendor_client import read_vendor

KEY = "10^1001"
_read_classification = reader(Classification, "classification")


def settings(**given: Any) -> BillSettings:
    """The least that a connection says of its organization."""
    return BillSettings.model_validate({"organization_id": "008ACME", "credential": "acme/bill", **given})


def posting_line(amount: str = "100.00", account: str = "4010", line_no: int = 1, **parts: str) -> PostingLine:
    """A posting line; code parts by letter: `B="300"`."""
    return PostingLine(account=account, amount=Decimal(amount), parts=parts, text="Bearings", line_no=line_no)


def supplier_invoice(*lines: PostingLine, **given: Any) -> SupplierInvoice:
    """A supplier invoice whose net is what its lines add up to, without tax."""
    lines = lines or (posting_line(),)
    usual: dict[str, Any] = {
        "company": "10",
        "invoice_id": 1001,
        "supplier": "S-2001",
        "number": "INV-7781",
        "invoice_date": date(2026, 10, 2),
        "due_date": date(2026, 11, 1),
        "currency": "USD",
        "net": sum((line.amount for line in lines), Decimal(0)),
        "lines": lines,
    }
    return SupplierInvoice(**{**usual, **given})


def words(*, with_settings: Mapping[str, Any] | None = None, **given: Any) -> Words:
    """A dictionary that knows one vendor, two accounts and one department."""
    usual: dict[str, Any] = {
        "vendors": {"S-2001": "009V"},
        "currencies": {"009V": "USD"},
        "chart": {"10^4010": "0caBEARINGS", "10^1400": "0caTAX"},
        "classes": {"10^B^300": "0de300"},
        "dimensions": {"CodeB": "department"},
        "tax_accounts": {"*": "1400"},
    }
    return Words(settings(**(with_settings or {})), **{**usual, **given})


def supplier(**given: Any) -> Supplier:
    """A supplier that has all BILL demands."""
    usual = {
        "id": "S-2001",
        "name": "Buckeye Castings LLC",
        "country": "US",
        "currency": "USD",
        "email": "ar@buckeye-castings.example",
        "phone": "+1 937 555 0121",
        "address": "2100 Foundry Rd",
        "city": "Dayton",
        "state": "OH",
        "zip_code": "45402",
    }
    return Supplier(**{**usual, **given})


def vendor(**given: Any) -> Vendor:
    """The same as a vendor, as BILL answers."""
    usual = {
        "id": "009V",
        "name": "Buckeye Castings LLC",
        "email": "ar@buckeye-castings.example",
        "phone": "+1 937 555 0121",
        "address": {
            "line1": "2100 Foundry Rd",
            "city": "Dayton",
            "stateOrProvince": "OH",
            "zipOrPostalCode": "45402",
            "country": "US",
        },
    }
    return read_vendor(msgspec.json.encode({**usual, **given}))


def classification(id_: str, name: str, number: str | None = None, **given: Any) -> Classification:
    """An account, class, department or location."""
    account = {"account": {"type": "EXPENSE", "number": number}} if number else {}
    return _read_classification(msgspec.json.encode({"id": id_, "name": name, **account, **given}))


def bill(**given: Any) -> Bill:
    """A bill of ours, as BILL answers."""
    usual = {"id": "00nB", "amount": 100.0, "description": f"IFS {KEY}", "paymentStatus": "UNPAID"}
    return read_bill(msgspec.json.encode({**usual, **given}))


def payment(**given: Any) -> Payment:
    """A payment of that bill."""
    return read_payment(msgspec.json.encode({"id": "stpP", "billIds": ["00nB"], "status": "PROCESSED", **given}))


def new_bill(vendor_id: str = "009V", **given: Any) -> NewBill:
    """A bill of one line, as it is sent."""
    usual = {
        "vendor_id": vendor_id,
        "due_date": "2026-11-01",
        "invoice_number": "INV-7781",
        "invoice_date": "2026-10-02",
        "description": f"IFS {KEY}",
        "purchase_order_number": "",
        "lines": [{"amount": "12.34", "description": "Bearings", "classifications": {}}],
    }
    return NewBill.from_payload({**usual, **given})
