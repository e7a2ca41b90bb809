"""What the tenant holds on its first day: the ledger's lists and the vendors; documents are drawn elsewhere."""

from collections.abc import Mapping
from types import MappingProxyType

from mlc_pipelines.sandbox.airbase.records import Account, Currency, Subsidiary, Tag, Vendor
from mlc_pipelines.sandbox.airbase.seed_documents import draw_payment, draw_request
from mlc_pipelines.sandbox.airbase.store import Store
from mlc_pipelines.sandbox.world import Supplier
from mlc_pipelines.sandbox.world_documents import company_of

UNMAPPED_SUBSIDIARY = "90"
LINKED = frozenset(
    {"S-1001", "S-1002", "S-1003", "S-1005", "S-1006", "S-1007", "S-1009", "S-1010", "S-1011"}
    | {"S-2001", "S-2002", "S-2003", "S-2004", "S-2005", "S-3001"}
)
UNLINKED = ("S-1004", "S-2006")  # known by their exact names only
RENAMED = MappingProxyType({"4510": "Telephone and internet"})
MISSING_ACCOUNT = "4800"
OWN_ACCOUNT = ("7777", "Card cashback, not in the ERP")
INACTIVE_VENDOR = "Altmark Druckerei e.K."
BORN_HERE = "Quellwerk Kaffeeservice GmbH"
TERMS: Mapping[str, str] = MappingProxyType({"0": "Due on receipt", "14": "Net 14", "30": "Net 30", "45": "Net 45"})
UNKNOWN_TERM = "2/10 Net 60"
ACCOUNT_TYPES = MappingProxyType({"asset": "Asset", "liability": "Liability", "revenue": "Income", "cost": "Expense"})


def seed(store: Store, *, requests: int, payments: int) -> None:
    """Fill an empty store."""
    _companies(store)
    _accounts(store)
    _vendors(store)
    for position in range(requests):
        draw_request(store, position=position)
    for position in range(payments):
        draw_payment(store, position=position)


def _companies(store: Store) -> None:
    rows = [(company.code, company.name, company.currency, company.country) for company in store.world.companies]
    for code, name, currency, country in [*rows, (UNMAPPED_SUBSIDIARY, "Falkenried Service K.K.", "JPY", "JP")]:
        made = Subsidiary(store.new_id(), code, name, currency, country)
        store.subsidiaries[made.airbase_id] = made
    # EUR twice: the row of a transaction before the ERP's; GBP came with a transaction only
    store.currencies += [Currency("EUR", ""), Currency("EUR", "EUR"), Currency("USD", "USD"), Currency("JPY", "JPY")]
    store.currencies.append(Currency("GBP", ""))


def _accounts(store: Store) -> None:
    mapped = [row for row in store.subsidiaries.values() if row.erp_reference_id != UNMAPPED_SUBSIDIARY]
    first = store.world.companies[0].code
    known = [row for row in store.world.accounts if row.company == first and row.code != MISSING_ACCOUNT]
    rows = [(row.code, RENAMED.get(row.code, row.description), ACCOUNT_TYPES[row.kind]) for row in known]
    for code, name, kind in [*rows, (*OWN_ACCOUNT, "Expense")]:
        made = Account(store.new_id(), code, name, kind, kind, list(mapped), account_number=code)
        store.accounts[made.airbase_id] = made
    for value in store.world.code_parts:
        if value.part == "B" and value.company == first:
            tag = Tag(store.new_id(), "cost_center", value.code, value.description, subsidiaries=list(mapped))
            store.tags[tag.airbase_id] = tag


def _vendors(store: Store) -> None:
    for supplier in store.world.suppliers:
        if supplier.id in LINKED:
            _add(store, _of(store, supplier, reference=supplier.id))
        elif supplier.id in UNLINKED:
            _add(store, _of(store, supplier, reference=""))
    _add(store, Vendor(store.new_id(), INACTIVE_VENDOR, is_active=False))
    born = Vendor(store.new_id(), BORN_HERE, email="rechnung@quellwerk.example", created_in_airbase=True)
    born.subsidiaries = [row for row in store.subsidiaries.values() if row.erp_reference_id == "10"]
    born.payment_term, born.term_changed = TERMS["14"], store.world.as_of
    _add(store, born)


def _of(store: Store, supplier: Supplier, *, reference: str) -> Vendor:
    home = store.subsidiary(company_of(supplier))
    made = Vendor(store.new_id(), supplier.name, reference, email=supplier.email)
    made.subsidiaries = [home] if home else []
    special = {"S-1002": TERMS["45"], "S-1003": UNKNOWN_TERM, "S-1005": None}
    made.payment_term = special.get(supplier.id, TERMS[supplier.pay_term])
    made.term_changed = store.world.as_of if made.payment_term else None
    return made


def _add(store: Store, vendor: Vendor) -> None:
    store.vendors[vendor.airbase_id] = vendor
