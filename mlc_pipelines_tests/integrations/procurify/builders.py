"""Bills and words for tests: one bill with one line and two allocations, and tables in which it is found."""

import json
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from mlc_pipelines.ifs.accounts import Account
from mlc_pipelines.ifs.code_parts import CodePartValue
from mlc_pipelines.integrations.erp.voucher_rules import VoucherRules
from mlc_pipelines.integrations.procurify.models import Bill, Vendor
from mlc_pipelines.integrations.procurify.settings import ProcurifySettings
from mlc_pipelines.integrations.procurify.words import Words

ZONE = ZoneInfo("Europe/Stockholm")
RULES = VoucherRules(voucher_type="M", user_group="AC", credit_account={"*": "2400"})


def settings(**given: Any) -> ProcurifySettings:
    return ProcurifySettings.model_validate({"domain": "acme", "credential": "acme/procurify"} | given)


def department(external_id: str | None = "300", id_: int = 3, branch: object = None) -> dict[str, Any]:
    return {"id": id_, "name": "Purchasing", "external_id": external_id, "branch": branch or {"id": 1, "name": "North"}}


def allocation(amount: str, account: str = "6110", **where: Any) -> dict[str, Any]:
    return {"amount": amount, "budget": {"account_code": {"code": account}, "department": department(**where)}}


def line(*allocations: dict[str, Any], total: float = 1000.0, **fields: Any) -> dict[str, Any]:
    return {"description": "Calibration", "total_cost": total, "cost_allocations": list(allocations)} | fields


def bill_row(**fields: Any) -> dict[str, Any]:
    """Give a bill as the full call shows it: 1000.00 and a quarter of tax, approved by department 300."""
    return {
        "id": 4711,
        "uuid": "6f0c1f5e-0000-4000-8000-00000000a711",
        "status": 2,
        "type": 0,
        "version": 3,
        "active": True,
        "invoice_number": "NT-2026-118",
        "invoice_date": "2026-03-30T00:00:00+02:00",
        "due_date": "2026-04-29T00:00:00+02:00",
        "gl_post_date": None,
        "last_modified_datetime": "2026-04-01T08:12:44.120Z",
        "vendor": {"id": 88, "name": "Nordtek AB", "external_id": "S-2201"},
        "currency": {"id": 3, "name": "EUR", "rate": "1.000000", "base": True},
        "tax_amount": 250.0,
        "exclusive_tax_amount": 250.0,
        "inclusive_tax_amount": 0.0,
        "shipping_amount": 0.0,
        "total_cost_with_tax": 1250.0,
        "payment_terms": "Net 30",
        "bill_statuses": [
            {"status": 1, "date": "2026-03-31T09:00:00Z", "user": {"id": 5, "department": department("200", 2)}},
            {"status": 2, "date": "2026-04-01T08:12:44Z", "user": {"id": 9, "department": department()}},
        ],
        "items": [line(allocation("600.00000000"), allocation("400.00000000", "6120", external_id="310", id_=4))],
        "costs": [],
    } | fields


def bill(**fields: Any) -> Bill:
    return Bill.parse(json.dumps(bill_row(**fields)).encode(), ZONE)


def vendor(**fields: Any) -> Vendor:
    row = {"id": 88, "name": "Nordtek AB", "type": 4, "country": "Sweden", "currency": 3} | fields
    return Vendor.parse(json.dumps(row).encode(), tax_field="tax")


def words(**given: Any) -> Words:
    accounts = ("1400", "2400", "4200", "6110", "6120")
    centers = ("200", "300", "310")
    told: dict[str, Any] = {
        "companies": ("10",),
        "suppliers": {"88": "S-2201"},
        "chart": {f"10^{code}": Account("10", code, code) for code in accounts},
        "values": {f"10^{code}": CodePartValue("10", "B", code, code) for code in centers},
        "tax_accounts": {"*": "1400"},
        "shipping_accounts": {"*": "4200"},
        "payment_terms": {"Net 30": "30"},
        "vouchers": RULES,
    }
    return Words(**(told | given))


def expired(code: str, until: date) -> dict[str, Account]:
    return {**words().chart, f"10^{code}": Account("10", code, code, valid_until=until)}
