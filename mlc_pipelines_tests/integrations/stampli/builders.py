"""Makes feeds, files, records and words with sensible defaults; a test states only what matters to it."""

import io
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from mlc_pipelines.ifs.accounts import Account
from mlc_pipelines.ifs.code_parts import CodePartValue
from mlc_pipelines.ifs.periods import Period
from mlc_pipelines.ifs.suppliers import Supplier
from mlc_pipelines.integrations.erp.voucher_rules import VoucherRules
from mlc_pipelines.integrations.stampli.csv_layout import read_csv
from mlc_pipelines.integrations.stampli.feeds import Feed, InvoiceFeed
from mlc_pipelines.integrations.stampli.models import Invoice, InvoiceLine
from mlc_pipelines.integrations.stampli.periods import OpenDays
from mlc_pipelines.integrations.stampli.raw import RawRecord
from mlc_pipelines.integrations.stampli.settings import StampliSettings
from mlc_pipelines.integrations.stampli.vendors import Vendors
from mlc_pipelines.integrations.stampli.words import Words
from mlc_pipelines.integrations.stampli.xml_layout import read_xml

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO6nVxvF0kS4pGkV0Yw3zqk3G0m6k0m8b8m8c7YF9hQd"
COLUMNS = {
    "company": "Company",
    "invoice_number": "Invoice Number",
    "vendor_id": "Vendor ID",
    "vendor_name": "Vendor Name",
    "invoice_date": "Invoice Date",
    "currency": "Currency",
    "total_amount": "Invoice Amount",
    "tax_amount": "Tax Amount",
    "status": "Status",
    "line_no": "Line No",
    "gl_account": "GL Account",
    "cost_center": "Cost Center",
    "amount": "Line Amount",
    "description": "Line Description",
}
HEADER = ",".join(COLUMNS.values())
FIRST = '10,NT-118,S-2201,"Nordtek, Inc.",2026-11-03,USD,1250.00,50.00,Approved,1,6110,300,700.00,Calibration'
SECOND = '10,NT-118,S-2201,"Nordtek, Inc.",2026-11-03,USD,1250.00,50.00,Approved,2,6120,310,500.00,"Travel, ""zone 2"""'
OTHER = "10,NT-119,S-2201,Nordtek,2026-11-03,USD,10.00,0.00,Approved,1,6110,300,10.00,Nuts"
XML = {
    "record": "invoices/invoice",
    "line": "lines/line",
    "fields": {
        "company": "company",
        "invoice_number": "@number",
        "status": "@status",
        "vendor_id": "vendor/@id",
        "vendor_name": "vendor",
        "invoice_date": "date",
        "currency": "currency",
        "total_amount": "total",
        "tax_amount": "tax",
        "line_no": "@no",
        "gl_account": "account",
        "cost_center": "costCenter",
        "amount": "amount",
    },
}
STATUS_MAP = {"Approved": "APPROVED", "Pending Approval": "PENDING", "Paid": "PAID", "Cancelled": "CANCELLED"}


def feed(**given: Any) -> InvoiceFeed:
    """A feed of the columns above."""
    usual = {"directory": "/outbound/invoices", "columns": COLUMNS, "status_map": STATUS_MAP}
    return InvoiceFeed.model_validate({**usual, **given})


def xml_feed(**given: Any) -> InvoiceFeed:
    """A feed of the paths above."""
    return feed(columns={}, xml={**XML, **given})


def lines(*rows: str, header: str = HEADER) -> bytes:
    """A CSV file of rows."""
    return "\r\n".join([header, *rows, ""]).encode()


def csv_records(content: bytes, chosen: Feed) -> list[RawRecord]:
    """Read a CSV file to its end."""
    return list(read_csv(io.BytesIO(content), chosen))


def xml_records(content: bytes, chosen: Feed) -> list[RawRecord]:
    """Read an XML file to its end."""
    return list(read_xml(io.BytesIO(content), chosen))


def section(**given: Any) -> dict[str, Any]:
    """The `stampli` section of a connection file."""
    invoices = {"directory": "/outbound/invoices", "columns": COLUMNS, "status_map": STATUS_MAP}
    usual = {"host": "drop.example", "user": "mlc", "credential": "acme/stampli", "host_keys": [HOST_KEY]}
    return {**usual, "feeds": {"invoices": invoices}, **given}


def settings(**given: Any) -> StampliSettings:
    """Settings with vouchers."""
    rules = {"voucher_type": "M", "user_group": "AC", "credit_account": {"*": "2400"}}
    return StampliSettings.model_validate(section(**{"vouchers": rules, **given}))


def invoice(**given: Any) -> Invoice:
    """An invoice of 1250.00 dollars with two lines."""
    usual: dict[str, Any] = {
        "key": "10^S-2201^NT-118^INVOICE",
        "company": "10",
        "number": "NT-118",
        "document_type": "INVOICE",
        "vendor_id": "S-2201",
        "vendor_name": "Nordtek, Inc.",
        "invoice_date": date(2026, 11, 3),
        "currency": "USD",
        "total": Decimal("1250.00"),
        "tax": Decimal("50.00"),
        "status_word": "Approved",
        "lines": (line(), line(gl_account="6120", cost_center="310", amount=Decimal("500.00"), line_no="2")),
    }
    return Invoice(**{**usual, **given})


def line(**given: Any) -> InvoiceLine:
    """A line of 700.00 on account 6110."""
    usual: dict[str, Any] = {"gl_account": "6110", "cost_center": "300", "amount": Decimal("700.00"), "line_no": "1"}
    return InvoiceLine(**{**usual, **given})


def supplier(number: str = "S-2201", name: str = "Nordtek, Inc.", **given: Any) -> Supplier:
    """A supplier."""
    return Supplier(id=number, name=name, **given)


def vendors(*suppliers: Supplier, aliases: Mapping[str, str] | None = None, **given: Any) -> Vendors:
    """The search among suppliers, or among the one above."""
    usual: dict[str, Any] = {"create": False, "names_must_agree": False, "prefix": "ST"}
    return Vendors.of(suppliers or (supplier(),), aliases or {}, **{**usual, **given})


def words(**given: Any) -> Words:
    """A dictionary with what the invoice above needs."""
    chart = {f"10^{code}": Account("10", code, code) for code in ("6110", "6120", "1400", "2400", "4600")}
    values = {f"10^B^{code}": CodePartValue("10", "B", code, code) for code in ("300", "310")}
    usual: dict[str, Any] = {
        "own": ("10", "20"),
        "feed": feed(),
        "vendors": vendors(),
        "chart": chart,
        "code_values": values,
        "periods": OpenDays({"10": (Period("10", 2026, 11, date(2026, 11, 1), date(2026, 11, 30), is_open=True),)}),
        "vouchers": VoucherRules(voucher_type="M", user_group="AC", credit_account={"*": "2400"}),
        "tax_accounts": {"*": "1400"},
        "freight_accounts": {"10": "4600"},
    }
    return Words(**{**usual, **given})
