"""What the organization holds on its first day: most accounts, some code parts, a few vendors, card transactions."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.bill.classifications import add_classification
from mlc_pipelines.sandbox.bill.records import SpendTransaction
from mlc_pipelines.sandbox.bill.store import Store
from mlc_pipelines.sandbox.bill.vendors import add_vendor
from mlc_pipelines.sandbox.world import Supplier

MISSING_ACCOUNTS = frozenset({"4510", "4800"})  # beside those the world leaves unmapped
OWN_ACCOUNT = ("7777", "Card cashback")
RENAMED_ACCOUNTS = {"4600": "Consulting"}
ACCOUNT_TYPES = {"asset": "OTHER_CURRENT_ASSET", "liability": "OTHER_CURRENT_LIABILITY", "revenue": "INCOME"}
DIMENSIONS = {"B": "departments", "C": "locations", "D": "accounting-classes"}
MISSING_VALUES = frozenset({"410", "P2", "PR-130"})
OWN_DEPARTMENT = "Canteen"
KNOWN_VENDORS = ("S-1002", "S-1007", "S-2001", "S-2004", "S-3001")
ARCHIVED_VENDOR = "S-2006"
BORN_HERE = "Wright Field Coffee Service"
PURCHASES = (("Gem City Hardware", "84.15"), ("Stratus Hosting", "129.00"), ("Union Cafe", "17.40"))


def seed(store: Store, *, dimension_names: str) -> None:
    """Fill an empty store; `dimension_names` is made of {code} and {text}."""
    _accounts(store)
    _dimensions(store, names=dimension_names)
    _vendors(store)
    for days, (merchant, amount) in enumerate(PURCHASES, 1):
        occurred = store.world.as_of - timedelta(days=days)
        made = SpendTransaction(store.new_uuid(), store.new_seq(), occurred, merchant, Decimal(amount))
        store.transactions.append(made)


def _accounts(store: Store) -> None:
    left_out = MISSING_ACCOUNTS | store.world.unmapped_accounts
    first = store.world.companies[0].code
    known = [row for row in store.world.accounts if row.company == first and row.code not in left_out]
    for row in known:
        name = RENAMED_ACCOUNTS.get(row.code, row.description)
        add_account(store, row.code, name, kind=ACCOUNT_TYPES.get(row.kind, "EXPENSE"))
    add_account(store, *OWN_ACCOUNT)


def add_account(store: Store, number: str, name: str, *, kind: str = "EXPENSE") -> str:
    """Make an account and return its id."""
    values = {"name": name, "account": {"type": kind, "number": number}}
    return add_classification(store, "chart-of-accounts", values).id


def _dimensions(store: Store, *, names: str) -> None:
    seen: set[tuple[str, str]] = set()
    for value in store.world.code_parts:
        if (value.part, value.code) in seen or value.code in MISSING_VALUES:
            continue
        seen.add((value.part, value.code))
        name = names.format(code=value.code, text=value.description)
        add_classification(store, DIMENSIONS[value.part], {"name": name, "description": value.description})
    add_classification(store, "departments", {"name": OWN_DEPARTMENT})


def _vendors(store: Store) -> None:
    for number in KNOWN_VENDORS:
        add_vendor(store, of_supplier(store.world.supplier(number)))
    add_vendor(store, of_supplier(store.world.supplier(ARCHIVED_VENDOR))).archived = True
    address = {"line1": "9 Wright Ave", "city": "Dayton", "zipOrPostalCode": "45403", "country": "US"}
    born: dict[str, Any] = {"name": BORN_HERE, "address": address | {"stateOrProvince": "OH"}, "billCurrency": "USD"}
    add_vendor(store, born | {"email": "orders@wright-coffee.example", "phone": "+1 937 555 0190"})


def of_supplier(supplier: Supplier) -> dict[str, Any]:
    """Return a vendor with the supplier's name, address and currency, as a person would have typed it."""
    address = {
        "line1": supplier.address,
        "city": supplier.city,
        "zipOrPostalCode": supplier.zip_code,
        "country": supplier.country or "US",
    }
    made = {
        "name": supplier.name,
        "address": address | ({"stateOrProvince": supplier.state} if supplier.state else {}),
        "accountType": "BUSINESS",
        "phone": supplier.phone,
        "billCurrency": supplier.currency,
    }
    return made | ({"email": supplier.email} if supplier.email else {})
