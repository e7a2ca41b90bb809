"""What the organization holds, the lock around it, and how its records are numbered, changed and told."""

import random
import string
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from mlc_pipelines.sandbox.bill.records import (
    Bill,
    Classification,
    Notification,
    Payment,
    Record,
    SpendTransaction,
    Subscription,
    Vendor,
)
from mlc_pipelines.sandbox.bill.switches import Switches
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.world import World

KINDS: Mapping[str, str] = {
    "chart-of-accounts": "0ca",
    "accounting-classes": "cls",
    "departments": "0de",
    "employees": "0em",
    "items": "0ii",
    "jobs": "0jo",
    "locations": "loc",
}
ID_LENGTH = 20
NO_PLACES = frozenset({"BIF", "CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"})
THREE_PLACES = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})


def places(currency: str) -> int:
    """Return how many places amounts of a currency have."""
    if currency in NO_PLACES:
        return 0
    return 3 if currency in THREE_PLACES else 2


def rounded(value: Decimal, currency: str) -> Decimal:
    """Round to the currency's places, halves up."""
    return value.quantize(Decimal(1).scaleb(-places(currency)), rounding=ROUND_HALF_UP)


class Store:
    """The records by BILL's id; every access happens under `lock`."""

    def __init__(self, world: World, *, seed: int, clock: SandboxClock, switches: Switches) -> None:
        self.lock = threading.RLock()
        self.world = world
        self.seed = seed
        self.switches = switches
        self.emit: Callable[[str, dict[str, Any]], None] = lambda event, content: None
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Forget everything and number from the start again."""
        self._random = random.Random(f"bill {self.seed}")
        self._seq = 0
        self.vendors: dict[str, Vendor] = {}
        self.classifications: dict[str, dict[str, Classification]] = {kind: {} for kind in KINDS}
        self.bills: dict[str, Bill] = {}
        self.payments: dict[str, Payment] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.first_answers: dict[str, dict[str, Any]] = {}  # of subscriptions, by idempotency key
        self.notifications: list[Notification] = []
        self.transactions: list[SpendTransaction] = []

    def now(self) -> datetime:
        """Return the sandbox's time, in whole milliseconds as records have it."""
        now = self._clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def new_id(self, prefix: str) -> str:
        """Return the next id of a kind; the same seed gives the same ones in the same order."""
        letters = string.ascii_uppercase + string.digits
        return prefix + "".join(self._random.choices(letters, k=ID_LENGTH - len(prefix)))

    def new_uuid(self) -> str:
        """Return the next UUID4."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def new_seq(self) -> int:
        """Return the next place in the order of creation."""
        self._seq += 1
        return self._seq

    def stamps(self, prefix: str) -> dict[str, Any]:
        """Return what every new record begins with."""
        now = self.now()
        return {"id": self.new_id(prefix), "seq": self.new_seq(), "created": now, "updated": now}

    def touch(self, record: Record) -> None:
        """Say that a record changed."""
        record.updated = self.now()

    def currency(self, bill: Bill) -> str:
        """Return the currency of a bill, which is its vendor's."""
        return self.vendors[bill.vendor_id].bill_currency

    def bills_of(self, vendor_id: str) -> Iterable[Bill]:
        """Return the bills of a vendor."""
        return (bill for bill in self.bills.values() if bill.vendor_id == vendor_id)
