"""Makes Ramp records with sensible defaults; a test states only what matters to it."""

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from mlc_pipelines.ifs.posting_proposals import PostingLine, SupplierInvoice
from mlc_pipelines.ifs.suppliers import Supplier
from mlc_pipelines.integrations.ramp.client import RampClient
from mlc_pipelines.integrations.ramp.models import NewBill, NewVendor

FIELD, ACCOUNT, CENTER = "ifs-code-part-b", "10^4010", "10^300"


def new_vendor(**given: Any) -> NewVendor:
    """A vendor that has all Ramp demands."""
    usual = {"name": "Nordhavn Bearings ApS", "country": "DK", "email": "billing@nordhavn.example"}
    return NewVendor(**{**usual, "external_vendor_id": "S-1001", **given})


def line(amount: str = "12.34", *selections: tuple[str, str]) -> dict[str, Any]:
    """A line of a payload, as translation writes it down."""
    return {"amount": amount, "memo": "Bearings", "selections": [list(pair) for pair in selections]}


def new_bill(vendor_id: str, entity_id: str, *, remote_id: str = "10^1001", **given: Any) -> NewBill:
    """A bill of one line."""
    usual = {
        "vendor_id": vendor_id,
        "entity_id": entity_id,
        "invoice_number": "INV-7781",
        "currency": "EUR",
        "issued_at": "2026-10-02",
        "due_at": "2026-11-01",
        "memo": "IFS PO P-4711",
        "lines": [line()],
    }
    return NewBill.from_payload({**usual, **given}, remote_id=remote_id)


def upload_codes(client: RampClient) -> None:
    """Give Ramp one account, one field and one option to code with."""
    client.create_accounts([{"id": ACCOUNT, "name": "Bearings", "code": "4010", "classification": "EXPENSE"}])
    field = client.ensure_field(FIELD, "Cost Center")
    client.create_options(field, [{"id": CENTER, "value": "300 Assembly", "code": "300"}])


def vendor_and_entity(client: RampClient) -> tuple[str, str]:
    """Make a vendor and name the first entity."""
    return client.create_vendor(new_vendor()), next(client.entities()).id


def bill_row(**given: Any) -> bytes:
    """A bill as an answer carries it."""
    row = {
        "id": "b-1",
        "status": "OPEN",
        "approval_status": "APPROVED",
        "sync_status": "NOT_SYNCED",
        "amount": {"amount": 1234, "currency_code": "EUR"},
        "line_items": [],
    }
    return msgspec.json.encode({**row, **given})


def posting_line(amount: str = "100.00", account: str = "4010", line_no: int = 1, **parts: str) -> PostingLine:
    """A posting line; code parts by letter: `B="300"`."""
    return PostingLine(account=account, amount=Decimal(amount), parts=parts, text="Bearings", line_no=line_no)


def supplier_invoice(*lines: PostingLine, **given: Any) -> SupplierInvoice:
    """A supplier invoice whose net is what its lines add up to, without tax."""
    lines = lines or (posting_line(),)
    usual: dict[str, Any] = {
        "company": "10",
        "invoice_id": 1001,
        "supplier": "S-1001",
        "number": "INV-7781",
        "invoice_date": date(2026, 10, 2),
        "due_date": date(2026, 11, 1),
        "currency": "EUR",
        "net": sum((line.amount for line in lines), Decimal(0)),
        "po_reference": "P-4711",
        "lines": lines,
    }
    return SupplierInvoice(**{**usual, **given})


def supplier(**given: Any) -> Supplier:
    """A supplier that has all Ramp demands."""
    usual = {"id": "S-1001", "name": "Nordhavn Bearings ApS", "country": "DK", "email": "billing@nordhavn.example"}
    return Supplier(**{**usual, **given})


def ready_bill(*lines: dict[str, Any], **given: Any) -> dict[str, Any]:
    """A bill that Ramp says is ready, as the voucher is made of it; its amount is what its lines add up to."""
    lines = lines or (line("100.00", ("Category", ACCOUNT)),)
    usual = {
        "id": "b-1",
        "invoice_number": "INV-7781",
        "vendor_name": "Nordhavn Bearings ApS",
        "amount": str(sum((Decimal(each["amount"]) for each in lines), Decimal(0))),
        "currency": "EUR",
        "lines": list(lines),
    }
    return {**usual, **given}
