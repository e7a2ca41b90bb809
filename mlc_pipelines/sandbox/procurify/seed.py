"""What the tenant holds on its first day: places, accounts, people, vendors; then orders and bills."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from mlc_pipelines.sandbox.procurify.records import (
    AccountCode,
    Budget,
    Currency,
    CustomField,
    Department,
    Location,
    Person,
    Vendor,
)
from mlc_pipelines.sandbox.procurify.seed_bills import seed_bills
from mlc_pipelines.sandbox.procurify.seed_orders import seed_orders
from mlc_pipelines.sandbox.procurify.store import Store
from mlc_pipelines.sandbox.world import Supplier
from mlc_pipelines.sandbox.world_data import COST_CENTERS, PLANTS
from mlc_pipelines.sandbox.world_documents import RATES

OTHER, AMAZON, PREFERRED, REGULAR, EMPLOYEE, CARD_PROVIDER = 1, 2, 3, 4, 5, 6
OFFSETS = {"P1": 1, "P2": 1, "P3": -5}
NO_EXTERNAL_DEPARTMENT = ("20", "120")
ACCOUNT_TYPES: Mapping[str, int] = MappingProxyType({"asset": 0, "liability": 1, "cost": 2, "revenue": 3})
INACTIVE_ACCOUNT = "4950"
OWN_ACCOUNT = ("7777", "Card cashback, not in the ERP")
PARENT = ("40", "Material, sum of 4000 to 4030")
SEATS = {
    "ANNLIN": ("10", "110"),
    "TOMHEI": ("10", "110"),
    "MARKOV": ("10", "310"),
    "JAMWES": ("20", "200"),
    "PRIRAO": ("10", "300"),
    "LUCMOR": ("20", "300"),
    "DANOKA": ("10", "100"),
}
DELETED_USER = ("ELIVOS", "Elias Voss", "elias.voss@falkenried.example")
BY_NAME = ("S-1004", "S-2006")  # no external id, the exact name
BY_TAX_ID = MappingProxyType({"S-1012": "Sant Jordi Herramientas"})  # no external id, another name
INACTIVE_VENDOR = "S-2008"
UNKNOWN_VENDOR = "Quellwerk Kaffeeservice GmbH"
COUNTRIES = MappingProxyType({"DE": "Germany", "AT": "Österreich", "US": "USA", "NL": "The Netherlands"})


def seed(store: Store, *, bills: int, orders: int) -> None:
    """Fill an empty store."""
    _places(store)
    _accounts(store)
    _currencies(store)
    _people(store)
    _vendors(store)
    seed_orders(store, count=orders)
    seed_bills(store, count=bills)
    for number, (name, kind, values) in enumerate(
        (("Project", "dropdown", ["PR-100", "PR-110"]), ("Rush", "checkbox", [])), 1
    ):
        store.custom_fields[number] = CustomField(number, name, kind, list(values))


def _places(store: Store) -> None:
    for company in store.world.companies:
        for code, name in PLANTS[company.code]:
            number = store.new_id("location")
            store.locations[number] = Location(number, name, code, company.code, OFFSETS[code])
    for company in store.world.companies:
        plants = [row for row in store.locations.values() if row.company == company.code]
        for place, (code, name) in enumerate(COST_CENTERS):
            number = store.new_id("department")
            known = None if (company.code, code) == NO_EXTERNAL_DEPARTMENT else code
            store.departments[number] = Department(number, name, known, plants[place % len(plants)], code)


def _accounts(store: Store) -> None:
    number = store.new_id("account")
    parent = AccountCode(number, *PARENT, ACCOUNT_TYPES["cost"], is_parent=True)
    store.account_codes[number] = parent
    first = store.world.companies[0].code
    for row in store.world.accounts:
        if row.company == first:
            number = store.new_id("account")
            made = AccountCode(number, row.code, row.description, ACCOUNT_TYPES[row.kind])
            made.active = row.code != INACTIVE_ACCOUNT
            made.parent = parent.id if row.code.startswith(parent.code) else None
            store.account_codes[number] = made
    number = store.new_id("account")
    store.account_codes[number] = AccountCode(number, *OWN_ACCOUNT, ACCOUNT_TYPES["cost"])
    # last year's budgets: the same account and department come twice
    for code in ("4010", "4500"):
        number = store.new_id("budget")
        year = (date(2025, 1, 1), date(2025, 12, 31))
        store.budgets[number] = Budget(number, store.account(code), store.department("130", company="10"), *year)


def _currencies(store: Store) -> None:
    names = {"EUR": "Euro", "USD": "US dollar", "JPY": "Japanese yen"}
    for name, description in names.items():
        number = store.new_id("currency")
        rate = RATES["10", name].quantize(Decimal("0.000001"))
        store.currencies[number] = Currency(number, name, description, rate, base=name == "EUR")


def _people(store: Store) -> None:
    for user in store.world.users:
        company, code = SEATS[user.id]
        number = store.new_id("person")
        home = store.department(code, company=company)
        store.people[number] = Person(number, user.id, user.name, user.email, home)
    number = store.new_id("person")
    store.people[number] = Person(number, *DELETED_USER, None)


def _vendors(store: Store) -> None:
    euro = store.currency("EUR")
    then = store.world.as_of
    store.vendors[1] = Vendor(1, "Other", OTHER, euro, then)
    for supplier in store.world.suppliers:
        _add(store, _of(store, supplier))
    person = store.people[5]
    rest = (
        Vendor(0, "Amazon Business", AMAZON, euro, then, country="Luxembourg"),
        Vendor(0, person.name, EMPLOYEE, euro, then, email=person.email),
        Vendor(0, "Falkenried Visa", CARD_PROVIDER, euro, then),
        Vendor(0, UNKNOWN_VENDOR, REGULAR, euro, then, country="Germany", city="Hamburg", tax="DE815559001"),
    )
    for vendor in rest:
        _add(store, vendor)


def _of(store: Store, supplier: Supplier) -> Vendor:
    linked = supplier.id not in BY_NAME and supplier.id not in BY_TAX_ID
    return Vendor(
        id=0,
        name=BY_TAX_ID.get(supplier.id, supplier.name),
        type=PREFERRED if supplier.id.endswith("1") else REGULAR,
        currency=store.currency(supplier.currency),
        modified=supplier.modified,
        supplier=supplier.id,
        external_id=supplier.id if linked else None,
        active=supplier.id != INACTIVE_VENDOR,
        email=supplier.email,
        address=supplier.address,
        city=supplier.city,
        state=supplier.state or "",
        postal_code=supplier.zip_code,
        country=COUNTRIES.get(supplier.country or "", supplier.country or ""),
        phone=supplier.phone,
        tax=supplier.tax_id,
        pay_term=supplier.pay_term,
    )


def _add(store: Store, vendor: Vendor) -> None:
    vendor.id = store.new_id("vendor")
    store.vendors[vendor.id] = vendor
