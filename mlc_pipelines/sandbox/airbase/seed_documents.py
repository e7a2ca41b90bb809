"""Purchase requests and payments, drawn from a seed: the first few are the awkward ones."""

import random
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from mlc_pipelines.sandbox.airbase.records import LedgerEntry, Line, Payment, PurchaseRequest, Subsidiary, Vendor
from mlc_pipelines.sandbox.airbase.store import Store
from mlc_pipelines.sandbox.world import CURRENCY_DIGITS
from mlc_pipelines.sandbox.world_data import COST_CENTERS, PURCHASES
from mlc_pipelines.sandbox.world_documents import RATES

PURCHASE_TYPES = ("goods", "services", "software")
SELLERS = {
    "EUR": ("S-1001", "S-1002", "S-1007", "S-1010", "S-1011"),
    "USD": ("S-2001", "S-2002", "S-2003", "S-2004"),
    "JPY": ("S-3001",),
}
PAYMENT_TYPE = "bill_payment"
CREDIT_TYPE = "vendor_credit"
UNMAPPED_TYPE = "wallet_transfer"
REIMBURSEMENT = "reimbursement"


@dataclass(frozen=True)
class Wish:
    """What a document shall look like; None is drawn."""

    currency: str | None = None
    subsidiary: str | None = None
    vendor: Vendor | None = None
    amount: Decimal | None = None
    account: str | None = None
    kind: str | None = None
    coded: bool = True


# JPY, USD, no subsidiary the ERP knows, no account on the lines, two that wait for approval
REQUESTS = {
    1: Wish(currency="JPY"),
    2: Wish(currency="USD"),
    3: Wish(currency="JPY", subsidiary="90"),
    4: Wish(coded=False, kind="services"),
}
PENDING = (5, 9)
# JPY, USD, a credit, a type nobody mapped, and (below) a vendor without reference and one synced before
PAYMENTS = {
    1: Wish(currency="USD"),
    2: Wish(currency="JPY"),
    3: Wish(amount=Decimal("-184.30"), kind=CREDIT_TYPE),
    4: Wish(kind=UNMAPPED_TYPE),
}
UNLINKED_VENDOR, SYNCED = 5, 6


def draw_request(store: Store, *, position: int) -> PurchaseRequest:
    """Draw the request at this place of the first day; a longer list begins with the shorter one."""
    dice = random.Random(f"request {store.seed} {position}")
    made = add_request(store, REQUESTS.get(position, Wish()), dice=dice)
    if position not in PENDING:
        made.status, made.approved_at = "approved", store.world.as_of - timedelta(days=dice.randrange(1, 20))
    return made


def draw_payment(store: Store, *, position: int) -> Payment:
    """Draw the payment at this place of the first day."""
    dice = random.Random(f"payment {store.seed} {position}")
    wish = PAYMENTS.get(position, Wish())
    if position == UNLINKED_VENDOR:
        wish = Wish(vendor=next(row for row in store.vendors.values() if row.created_in_airbase))
    entry = make_entry(store, wish, dice=dice)
    entry.entry_at = store.world.as_of - timedelta(days=dice.randrange(1, 30), microseconds=-(position % 2) * 250_417)
    if position == SYNCED:
        entry.status, entry.erp_reference_id = "sync_complete", "10-M-2026000311"
    store.entries[entry.airbase_id] = entry
    return add_payment(store, entry)


def add_request(store: Store, wish: Wish, *, dice: random.Random) -> PurchaseRequest:
    """Add a request that waits for approval."""
    vendor, currency, subsidiary = _parties(store, wish, dice=dice)
    number = store.new_number()
    made = PurchaseRequest(
        id=f"pr_{5000 + number}",
        number=f"PR-{number}",
        purchase_type=wish.kind or dice.choice(PURCHASE_TYPES),
        status="pending",
        subsidiary=subsidiary,
        vendor=vendor,
        currency=currency,
        lines=_lines(wish, currency=currency, dice=dice),
    )
    store.requests[made.id] = made
    return made


def make_entry(store: Store, wish: Wish, *, dice: random.Random) -> LedgerEntry:
    """Make a ledger entry that is ready to sync; the caller puts it where it belongs."""
    vendor, currency, subsidiary = _parties(store, wish, dice=dice)
    number = store.new_number()
    kind = wish.kind or PAYMENT_TYPE
    person = dice.choice(store.world.users)
    credit, refund = kind == CREDIT_TYPE, kind == REIMBURSEMENT
    whom = {"name": person.name, "email": person.email}
    return LedgerEntry(
        airbase_id=store.new_id(),
        number=number,
        type=kind,
        status="sync_ready",
        subsidiary=subsidiary,
        vendor=None if refund else vendor,
        currency=currency,
        rate=RATES.get((subsidiary.erp_reference_id, currency), Decimal(1)),
        lines=_lines(wish, currency=currency, dice=dice),
        entry_at=store.now().replace(microsecond=0),
        employee=whom if refund else None,
        spend_owner=whom if number % 3 else None,
        bank_account=None if credit else "1800",
        ap_account=None if refund else "2400",
        invoice_number=None if refund else f"INV-{7000 + number}",
        notes=None if number % 2 else "Paid with the weekly run",
        receipt_link=None,
    )


def add_payment(store: Store, entry: LedgerEntry) -> Payment:
    """Add the payment that tells of this entry."""
    made = Payment(f"pay_{3000 + entry.number}", f"PM-{entry.number}", entry)
    store.payments[made.id] = made
    return made


def _parties(store: Store, wish: Wish, *, dice: random.Random) -> tuple[Vendor, str, Subsidiary]:
    currency = wish.currency or ("USD" if wish.subsidiary == "20" else "EUR")
    vendor = wish.vendor or store.vendor(dice.choice(SELLERS[currency]))
    subsidiary = store.subsidiary(wish.subsidiary or ("20" if currency == "USD" else "10"))
    if vendor is None or subsidiary is None:
        raise KeyError(f"no vendor or subsidiary for {currency}")
    return vendor, currency, subsidiary


def _lines(wish: Wish, *, currency: str, dice: random.Random) -> list[Line]:
    made = []
    for _ in range(1 if wish.amount is not None or wish.account else dice.choice((1, 1, 2, 3))):
        account, text = dice.choice(PURCHASES)
        amount = wish.amount if wish.amount is not None else _amount(dice, currency=currency)
        tags = [("cost_center", dice.choice(COST_CENTERS)[0])]
        made.append(Line(amount, (wish.account or account) if wish.coded else None, text, tags))
    return made


def _amount(dice: random.Random, *, currency: str) -> Decimal:
    if CURRENCY_DIGITS[currency] == 0:
        return Decimal(dice.randrange(15_000, 400_000))
    return Decimal(dice.randrange(12_000, 320_000)).scaleb(-2)
