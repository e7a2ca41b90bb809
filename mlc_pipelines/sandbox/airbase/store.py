"""What the tenant holds, the lock around it, and how its records are found and numbered."""

import random
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, TypeVar

from mlc_pipelines.sandbox.airbase.records import (
    Account,
    Currency,
    LedgerEntry,
    Payment,
    PurchaseOrder,
    PurchaseRequest,
    ReadOnlyWrite,
    Subsidiary,
    Tag,
    Vendor,
)
from mlc_pipelines.sandbox.airbase.switches import Switches
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.world import World

FIRST_NUMBER = 880


class Linked(Protocol):
    """A record the ERP may know."""

    erp_reference_id: str


Row = TypeVar("Row", bound=Linked)


class Store:
    """The records by Airbase's id; every access happens under `lock`."""

    def __init__(self, world: World, *, seed: int, clock: SandboxClock, switches: Switches) -> None:
        self.lock = threading.RLock()
        self.world = world
        self.seed = seed
        self.switches = switches
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Forget everything and number from the start again."""
        self._random = random.Random(f"airbase {self.seed}")
        self._number = FIRST_NUMBER
        self.subsidiaries: dict[str, Subsidiary] = {}
        self.currencies: list[Currency] = []
        self.accounts: dict[str, Account] = {}
        self.tags: dict[str, Tag] = {}
        self.vendors: dict[str, Vendor] = {}
        self.orders: dict[str, PurchaseOrder] = {}
        self.requests: dict[str, PurchaseRequest] = {}
        self.entries: dict[str, LedgerEntry] = {}
        self.payments: dict[str, Payment] = {}
        self.read_only_writes: list[ReadOnlyWrite] = []
        self.session_open = False

    def now(self) -> datetime:
        """Return the sandbox's time."""
        return self._clock.now()

    def new_id(self) -> str:
        """Return the next UUID; the same seed gives the same ones in the same order."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def new_number(self) -> int:
        """Return the next number of requests, payments, orders and entries."""
        self._number += 1
        return self._number

    def subsidiary(self, reference: str) -> Subsidiary | None:
        """Find a subsidiary by the ERP's reference."""
        return _by_reference(self.subsidiaries, reference)

    def account(self, reference: str) -> Account | None:
        """Find an account by the ERP's reference."""
        return _by_reference(self.accounts, reference)

    def vendor(self, reference: str) -> Vendor | None:
        """Find a linked vendor by the ERP's reference."""
        return _by_reference(self.vendors, reference)

    def order(self, po_number: str) -> PurchaseOrder | None:
        """Find a purchase order by its number."""
        return next((order for order in self.orders.values() if order.po_number == po_number), None)


def _by_reference(rows: Mapping[str, Row], reference: str) -> Row | None:
    found = (row for row in rows.values() if row.erp_reference_id == reference)
    return next(found, None) if reference else None
