"""How records look in answers: the keys as recorded for the accounting API, made-up ones for what is gated."""

from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.airbase.answers import money, stamp
from mlc_pipelines.sandbox.airbase.records import (
    Account,
    Currency,
    LedgerEntry,
    Line,
    Payment,
    PurchaseOrder,
    PurchaseRequest,
    Subsidiary,
    Tag,
    Vendor,
)
from mlc_pipelines.sandbox.airbase.store import Store

DASHBOARD = "https://dashboard.airbase.example"


class Rows:
    """Renders the records of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def subsidiary(self, row: Subsidiary) -> dict[str, Any]:
        """Show a subsidiary; iso_code is its country."""
        return {
            "airbase_id": row.airbase_id,
            "erp_reference_id": row.erp_reference_id,
            "name": row.name,
            "erp_currency_reference_id": row.currency,
            "iso_code": row.iso_code,
        }

    def currency(self, row: Currency) -> dict[str, Any]:
        """Show a currency."""
        return {"iso_code": row.iso_code, "erp_reference_id": row.erp_reference_id}

    def account(self, row: Account) -> dict[str, Any]:
        """Show a GL account: the keys of the write side and its ids."""
        return {
            "id": row.airbase_id,
            "airbase_id": row.airbase_id,
            "name": row.name,
            "erp_reference_id": row.erp_reference_id,
            "account_number": row.account_number,
            "type": row.type,
            "category": row.category,
            "subsidiary_reference_ids": references(row.subsidiaries),
            "erp_currency_reference_id": row.currency,
        }

    def tag(self, row: Tag) -> dict[str, Any]:
        """Show a tag."""
        return {
            "id": row.airbase_id,
            "airbase_id": row.airbase_id,
            "type": row.type,
            "erp_reference_id": row.erp_reference_id,
            "name": row.name,
            "is_active": row.is_active,
            "subsidiary_reference_ids": references(row.subsidiaries),
        }

    def vendor(self, row: Vendor) -> dict[str, Any]:
        """Show a vendor; it has no terms."""
        return {
            "id": row.airbase_id,
            "airbase_id": row.airbase_id,
            "erp_reference_id": row.erp_reference_id,
            "erp_parent_reference_id": row.erp_parent_reference_id,
            "name": row.name,
            "is_active": row.is_active,
            "email": row.email,
            "subsidiary_reference_ids": references(row.subsidiaries),
        }

    def terms(self, row: Vendor) -> dict[str, Any]:
        """Show a vendor's payment term (made up)."""
        changed = None if row.term_changed is None else stamp(row.term_changed)
        return {"id": row.airbase_id, "vendor": _payee(row), "payment_term": row.payment_term, "updated_date": changed}

    def order(self, row: PurchaseOrder) -> dict[str, Any]:
        """Show a purchase order as it was sent, with its id."""
        return {"id": row.id, **row.body}

    def request(self, row: PurchaseRequest) -> dict[str, Any]:
        """Show a purchase request (made up); the same object is the webhook's data."""
        approved = None if row.approved_at is None else row.approved_at.astimezone(UTC).date().isoformat()
        return {
            "id": row.id,
            "number": row.number,
            "status": row.status,
            "purchase_type": row.purchase_type,
            "subsidiary": {"erp_reference_id": row.subsidiary.erp_reference_id},
            "vendor": {"erp_reference_id": row.vendor.erp_reference_id, "name": row.vendor.name},
            "currency": row.currency,
            "total_amount": money(row.total, row.currency),
            "approved_date": approved,
            "lines": self._lines(row.lines, currency=row.currency),
        }

    def payment(self, row: Payment) -> dict[str, Any]:
        """Show a payment (made up)."""
        entry = row.entry
        return {
            "id": row.id,
            "number": row.number,
            "type": entry.type,
            "status": "paid",
            "subsidiary": {"erp_reference_id": entry.subsidiary.erp_reference_id},
            "vendor": None if entry.vendor is None else _payee(entry.vendor),
            "currency": entry.currency,
            "total_amount": money(entry.total, entry.currency),
            "payment_date": entry.entry_at.astimezone(UTC).date().isoformat(),
            "invoice_number": entry.invoice_number,
            "bank_account": self._named(entry.bank_account),
            "lines": self._lines(entry.lines, currency=entry.currency),
        }

    def entry(self, row: LedgerEntry) -> dict[str, Any]:
        """Show a ledger entry with every key as recorded."""
        link = f"{DASHBOARD}/ledger_entries/{row.number}"
        currency = self._currency(row.currency)
        return {
            "id": row.airbase_id,
            "airbase_id": row.airbase_id,
            "erp_reference_id": row.erp_reference_id,
            "erp_url": row.erp_url,
            "url": link,
            "airbase_url": link,
            "type": row.type,
            "status": row.status,
            "error_message": row.error_message,
            "spend_owner": dict(row.spend_owner) if row.spend_owner else None,
            "subsidiary": {"erp_reference_id": row.subsidiary.erp_reference_id, "name": row.subsidiary.name},
            "credit_mode": "ap_account" if row.bank_account is None else "bank_account",
            "vendor": None if row.vendor is None else _entry_vendor(row.vendor),
            "employee": dict(row.employee) if row.employee else None,
            "invoice_number": row.invoice_number,
            "bank_account": self._named(row.bank_account),
            "ap_account": self._named(row.ap_account),
            "applied_to": None,
            "receipt_link": row.receipt_link,
            "entry_date": stamp(row.entry_at),
            "payment_entry_date": stamp(row.entry_at),
            "currency": currency,
            "total_amount": money(row.total, row.currency),
            "transaction_tags": [],
            "notes": row.notes,
            "is_amortized": False,
            "amortization_account": None,
            "amortization_start_date": None,
            "amortization_end_date": None,
            "expense_list": [self._expense(line, number=n, entry=row) for n, line in enumerate(row.lines, start=1)],
            "amounts": self._amounts(row),
        }

    def _expense(self, line: Line, *, number: int, entry: LedgerEntry) -> dict[str, Any]:
        return {
            "line_number": number,
            "account": self._named(line.account),
            "amount": money(line.amount, entry.currency),
            "tags": _tags(line),
            "description": line.description,
            "receipt_link": entry.receipt_link,
            "amortization_start_date": None,
            "amortization_end_date": None,
        }

    def _amounts(self, row: LedgerEntry) -> dict[str, Any]:
        def one(amount: Decimal, code: str) -> dict[str, Any]:
            return {"amount": money(amount, code), "currency": self._currency(code)}

        home = row.subsidiary.currency
        return {
            "amount": one(row.total, row.currency),
            "transaction_amount": one(row.total, row.currency),
            "settlement_amount": None if row.currency != home else one(row.total, home),
            "subsidiary_amount": one(row.total * row.rate, home),
        }

    def _currency(self, code: str) -> dict[str, str]:
        known = (row.erp_reference_id for row in self._store.currencies if row.iso_code == code)
        return {"erp_reference_id": max(known, default=""), "iso_code": code}

    def _named(self, reference: str | None) -> dict[str, str] | None:
        if reference is None:
            return None
        known = self._store.account(reference)
        return {"erp_reference_id": reference, "name": known.name if known else f"Account {reference}"}

    def _lines(self, lines: Sequence[Line], *, currency: str) -> list[dict[str, Any]]:
        return [
            {
                "line_number": number,
                "amount": money(line.amount, currency),
                "account": None if line.account is None else {"erp_reference_id": line.account},
                "description": line.description,
                "tags": _tags(line),
            }
            for number, line in enumerate(lines, start=1)
        ]


def references(subsidiaries: Sequence[Subsidiary]) -> list[dict[str, str]]:
    """Show which subsidiaries a record belongs to."""
    return [{"airbase_id": row.airbase_id, "erp_reference_id": row.erp_reference_id} for row in subsidiaries]


def _tags(line: Line) -> list[dict[str, str]]:
    return [{"type": kind, "erp_reference_id": reference} for kind, reference in line.tags]


def _payee(vendor: Vendor) -> dict[str, str]:
    return {"airbase_id": vendor.airbase_id, "erp_reference_id": vendor.erp_reference_id, "name": vendor.name}


def _entry_vendor(vendor: Vendor) -> dict[str, Any]:
    return {
        "id": vendor.airbase_id,
        "airbase_id": vendor.airbase_id,
        "name": vendor.name,
        "erp_reference_id": vendor.erp_reference_id,
        "created_in_platform": vendor.created_in_airbase,
        "created_in_airbase": vendor.created_in_airbase,
    }
