"""Makes settings and documents of Airbase with sensible defaults; a test states only what matters to it."""

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from mlc_pipelines.ifs.purchase_orders import PurchaseOrder, PurchaseOrderLine
from mlc_pipelines.ifs.suppliers import Supplier
from mlc_pipelines.integrations.airbase.booking import VoucherWords
from mlc_pipelines.integrations.airbase.charges import Charge, read_charge
from mlc_pipelines.integrations.airbase.mapping import OrderWords
from mlc_pipelines.integrations.airbase.models import Reference, Vendor
from mlc_pipelines.integrations.airbase.settings import (
    REQUEST_POINTERS,
    AirbaseSettings,
    PaymentSettings,
    RequestSettings,
)

BOOKED: dict[str, Any] = {"voucher_type": "M", "user_group": "AC", "credit_account": {"*": "2400"}}
CHART = frozenset(f"10^{code}" for code in ("2400", "1800", "4010", "4600", "6110"))


def settings(**given: Any) -> AirbaseSettings:
    """Settings with what must be said."""
    return AirbaseSettings.model_validate(
        {"base_url": "https://acme.airbase.example", "credential": "acme/ab", **given}
    )


def request_rules(**given: Any) -> RequestSettings:
    """How requests are booked."""
    return RequestSettings.model_validate(BOOKED | given)


def payment_rules(**given: Any) -> PaymentSettings:
    """How payments are booked."""
    return PaymentSettings.model_validate(BOOKED | {"types": {"bill_payment": "payable", "card": "lines"}} | given)


def request_document(**given: Any) -> dict[str, Any]:
    """An approved request of one line."""
    usual = {
        "id": "pr_5521",
        "number": "PR-881",
        "status": "approved",
        "purchase_type": "services",
        "subsidiary": {"erp_reference_id": "10"},
        "vendor": {"erp_reference_id": "S-2201", "name": "Nordtek"},
        "currency": "EUR",
        "total_amount": "1830.00",
        "approved_date": "2026-04-02",
        "lines": [
            {
                "line_number": 1,
                "amount": "1830.00",
                "account": {"erp_reference_id": "6110"},
                "description": "Calibration",
                "tags": [{"type": "cost_center", "erp_reference_id": "300"}, {"type": "team", "erp_reference_id": "x"}],
            }
        ],
    }
    return usual | given


def request(**given: Any) -> Charge:
    """The same request, read."""
    return read_charge(msgspec.json.encode(request_document(**given)), REQUEST_POINTERS)


def payment(**given: Any) -> Charge:
    """A payment of one line."""
    usual = {
        "type": "bill_payment",
        "payment_date": "2026-04-05T10:11:12.000123",
        "bank_account": {"erp_reference_id": "1800"},
        "ap_account": {"erp_reference_id": "2400"},
        "invoice_number": "INV-1",
    }
    return read_charge(msgspec.json.encode(request_document(**(usual | given))), payment_rules().fields)


def voucher_words(**given: Any) -> VoucherWords:
    """A dictionary that knows company 10 and euro."""
    usual: dict[str, Any] = {
        "companies": {"10": "10"},
        "currencies": {"EUR": "EUR"},
        "chart": CHART,
        "parts": {"cost_center": "B"},
    }
    return VoucherWords(**{**usual, **given})


def order_words(**given: Any) -> OrderWords:
    """A dictionary that knows one supplier and one account."""
    usual: dict[str, Any] = {
        "vendors": {"S-2201"},
        "subsidiaries": {"10": "SUB-10"},
        "currencies": {"EUR": "EUR"},
        "gl_accounts": {"4010"},
        "accounts": None,
        "dimensions": {"CodeB": "cost_center"},
    }
    return OrderWords(**{**usual, **given})


def order(**given: Any) -> PurchaseOrder:
    """A released order."""
    usual: dict[str, Any] = {
        "order_no": "P-10428",
        "supplier": "S-2201",
        "company": "10",
        "order_date": date(2026, 3, 4),
        "currency": "EUR",
        "site": "P1",
        "state": "Released",
    }
    return PurchaseOrder(**{**usual, **given})


def order_line(**given: Any) -> PurchaseOrderLine:
    """A line of four seal kits."""
    usual: dict[str, Any] = {
        "order_no": "P-10428",
        "line_no": "1",
        "release_no": "1",
        "description": "Seal kit",
        "quantity": Decimal(4),
        "unit_price": Decimal("112.5"),
        "net": Decimal("450.0"),
        "account": "4010",
        "parts": {"B": "300", "C": "P1"},
    }
    return PurchaseOrderLine(**{**usual, **given})


def supplier(**given: Any) -> Supplier:
    """A supplier with a mailbox."""
    return Supplier(**{"id": "S-2201", "name": "Nordtek", "email": "ar@nordtek.example", **given})


def vendor(**given: Any) -> Vendor:
    """The vendor that is linked to it."""
    usual: dict[str, Any] = {
        "id": "v-1",
        "name": "Nordtek",
        "reference": "S-2201",
        "is_active": True,
        "email": "ar@nordtek.example",
        "subsidiaries": (Reference(airbase_id="s-10", erp_reference_id="10"),),
        "raw": b"{}",
    }
    return Vendor(**{**usual, **given})
