"""How the tenant's lists are shown."""

from typing import Any

from mlc_pipelines.sandbox.procurify.answers import dated, stamp, text
from mlc_pipelines.sandbox.procurify.records import (
    AccountCode,
    Budget,
    Currency,
    CustomField,
    Department,
    Location,
    Payment,
    Person,
    Vendor,
)

TERMS = {"0": "Due on receipt", "14": "Net 14", "30": "Net 30", "45": "Net 45"}
TERM_IDS = {code: place for place, code in enumerate(TERMS, start=1)}


def location_row(row: Location) -> dict[str, Any]:
    """Show a location."""
    offset = f"{row.offset_hours:+03d}:00"
    return {"id": row.id, "name": row.name, "external_id": row.external_id, "timezone": offset, "active": True}


def department_row(row: Department) -> dict[str, Any]:
    """Show a department with its location."""
    branch = {"id": row.branch.id, "name": row.branch.name, "external_id": row.branch.external_id}
    return {"id": row.id, "name": row.name, "external_id": row.external_id, "branch": branch}


def account_row(row: AccountCode) -> dict[str, Any]:
    """Show an account code."""
    return {
        "id": row.id,
        "code": row.code,
        "description": row.description,
        "account_type": row.account_type,
        "active": row.active,
        "parent": row.parent,
    }


def budget_row(row: Budget) -> dict[str, Any]:
    """Show a budget."""
    return {
        "id": row.id,
        "account_code": account_row(row.account_code),
        "department": department_row(row.department),
        "start_date": row.start_date.isoformat(),
        "end_date": row.end_date.isoformat(),
    }


def currency_row(row: Currency) -> dict[str, Any]:
    """Show a currency."""
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "rate": text(row.rate, 6),
        "base": row.base,
    }


def person_row(row: Person) -> dict[str, Any]:
    """Show a person with the department that counts when they approve."""
    first, _, last = row.name.partition(" ")
    department = department_row(row.department) if row.department else None
    return {"id": row.id, "first_name": first, "last_name": last, "email": row.email, "department": department}


def vendor_row(row: Vendor) -> dict[str, Any]:
    """Show a vendor; the currency is an id, the country what somebody typed."""
    return {
        "id": row.id,
        "name": row.name,
        "external_id": row.external_id,
        "active": row.active,
        "type": row.type,
        "email": [row.email] if row.email else [],
        "addressLineOne": row.address,
        "addressLineTwo": "",
        "city": row.city,
        "state_province": row.state,
        "postalCode": row.postal_code,
        "country": row.country,
        "phoneOne": row.phone,
        "currency": row.currency.id,
        "payment_term_ref": {"id": TERM_IDS[row.pay_term], "name": TERMS[row.pay_term]},
        "dateModified": stamp(row.modified),
        "tax": row.tax,
    }


def payment_row(row: Payment) -> dict[str, Any]:
    """Show a payment."""
    return {
        "id": row.id,
        "uuid": row.uuid,
        "status": row.status,
        "amount": text(row.amount),
        "currency": row.currency.name,
        "processing_date": dated(row.processing_date),
        "posted_date": dated(row.posted_date),
        "vendor_name": row.vendor.name,
        "gl_code": row.gl_code,
        "bill_groups": list(row.bill_groups),
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.updated_at),
    }


def custom_field_row(row: CustomField) -> dict[str, Any]:
    """Show a custom field."""
    return {"id": row.id, "name": row.name, "type": row.type, "values": list(row.values)}
