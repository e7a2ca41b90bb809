"""The bills of the first day: the first few dozen are the awkward ones, each with a name."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from mlc_pipelines.sandbox.procurify.bill_records import (
    APPROVED,
    CARD,
    CONFIRMED,
    DENIED,
    DRAFT,
    EXPENSE,
    PAID,
    PAYMENT_APPROVED,
    PAYMENT_CONFIRMED,
    PAYMENT_LIMBO,
    WITHDRAWN,
    Bill,
)
from mlc_pipelines.sandbox.procurify.drafting import Wish, draft
from mlc_pipelines.sandbox.procurify.life import PAYMENT_STATUS, move, pay
from mlc_pipelines.sandbox.procurify.records import Person
from mlc_pipelines.sandbox.procurify.store import Store

APPROVERS = {"10": ("TOMHEI", "DANOKA", "PRIRAO"), "20": ("JAMWES", "LUCMOR")}
NOVEL_STATUS = 9
WISHES = (
    Wish("first of two", amount=Decimal("1180.50"), tax=19, split=1, vendor="S-1001"),
    Wish("no allocation", split=0),
    Wish("uneven allocations", amount=Decimal("100.00"), tax=19, split=3),
    Wish("freight", freight=Decimal("48.90")),
    Wish("inclusive tax", tax=19, inclusive=True, split=2),
    Wish("credit note", amount=Decimal("-412.35"), tax=19, split=1),
    Wish("paid", status=PAID),
    Wish("draft", status=DRAFT),
    Wish("denied", status=DENIED),
    Wish("dollars", currency="USD"),
    Wish("yen", currency="JPY"),
    Wish("shipping", shipping=Decimal("19.95")),
    Wish("auto-approval", approver=""),
    Wish("unmapped account", account="6990"),
    Wish("inactive account", account="4950"),
    Wish("near midnight", invoice_date=datetime(2026, 10, 31, 23, 30, tzinfo=UTC)),
    Wish("expense", type=EXPENSE),
    Wish("card", type=CARD),
    Wish("two companies", spans=True, lines=1),
    Wish("unknown enum", status=NOVEL_STATUS),
    Wish("wrong total", off_by=Decimal("10.00")),
    Wish("second of two", twin="first of two", amount=Decimal("1180.50"), tax=19, split=1),
    Wish("exact name", vendor="S-1004"),
    Wish("unknown vendor", vendor="Quellwerk Kaffeeservice GmbH"),
    Wish("uneven yen", currency="JPY", amount=Decimal(10000), tax=10, split=3),
    Wish("no invoice number", number=""),
    Wish("payment confirmed", status=PAYMENT_CONFIRMED),
    Wish("payment approved", status=PAYMENT_APPROVED),
    Wish("payment limbo", status=PAYMENT_LIMBO),
    Wish("withdrawn", status=WITHDRAWN),
    Wish("submitted", status=CONFIRMED),
    Wish("deleted approver", approver="ELIVOS"),
    Wish("tax id only", vendor="S-1012"),
    Wish("many allocations", lines=2, split=5),
)
PLAIN = ("EUR", "EUR", "USD", "EUR", "JPY", "USD")


def seed_bills(store: Store, *, count: int) -> None:
    """Add the bills of the first day; a longer list begins with the shorter one."""
    for position in range(count):
        named = position < len(WISHES)
        wish = WISHES[position] if named else Wish(currency=PLAIN[(position - len(WISHES)) % len(PLAIN)])
        _add(store, wish, position=position)


def _add(store: Store, wish: Wish, *, position: int) -> None:
    dice = random.Random(f"bill {store.seed} {position}")
    as_of = store.world.as_of
    entered = as_of - timedelta(days=dice.randrange(4, 50), seconds=dice.randrange(1, 40_000))
    if wish.invoice_date:
        entered = wish.invoice_date + timedelta(days=3)
    bill = draft(store, wish, dice=dice, at=entered)
    if wish.name == "unknown enum":
        bill.novel = {"sustainability_rating": "B+"}
    if wish.status != DRAFT:
        move(store, bill, CONFIRMED, person=bill.creator, at=entered + timedelta(hours=dice.randrange(2, 20)))
    approved = entered + timedelta(hours=dice.randrange(24, 44), milliseconds=dice.randrange(1000))
    approver = _approver(store, wish, bill, dice=dice)
    if wish.status == DENIED:
        move(store, bill, DENIED, person=approver, at=approved)
    elif wish.status not in (DRAFT, CONFIRMED):
        move(store, bill, APPROVED, person=approver, at=approved)
        _after(store, wish, bill, at=approved + timedelta(hours=dice.randrange(4, 40)))


def _after(store: Store, wish: Wish, bill: Bill, *, at: datetime) -> None:
    if wish.status in PAYMENT_STATUS:
        pay(store, [bill], wish.status, person=store.person("ANNLIN"), at=at)
    elif wish.status == WITHDRAWN:
        move(store, bill, WITHDRAWN, person=bill.creator, at=at)
    elif wish.status == NOVEL_STATUS:
        bill.status = NOVEL_STATUS


def _approver(store: Store, wish: Wish, bill: Bill, *, dice: random.Random) -> Person | None:
    if wish.approver == "":
        return None
    company = "20" if bill.currency.name == "USD" else "10"
    return store.person(wish.approver or dice.choice(APPROVERS[company]))
