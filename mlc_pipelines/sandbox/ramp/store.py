"""Everything the simulated Ramp business has, under one lock, with repeatable ids."""

import itertools
import random
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.ramp.records import (
    Bill,
    Connection,
    CustomField,
    Delivery,
    LedgerRow,
    Sync,
    Vendor,
    Webhook,
)
from mlc_pipelines.sandbox.ramp.switches import Switches
from mlc_pipelines.sandbox.world import World

PROVIDER = "IFS Cloud"
LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True)
class Entity:
    """One company of the world as Ramp knows it."""

    id: str
    seq: int
    name: str
    currency: str
    is_primary: bool
    bank_account_id: str
    bank_internal_id: str
    location_id: str
    created_at: datetime


@dataclass
class Books:
    """The rows that belong to one accounting connection; keys are Ramp's ids."""

    accounts: dict[str, LedgerRow] = field(default_factory=dict)
    fields: dict[str, CustomField] = field(default_factory=dict)
    options: dict[str, LedgerRow] = field(default_factory=dict)
    vendors: dict[str, LedgerRow] = field(default_factory=dict)


class Bills(dict[str, Bill]):
    """Bills by id, in the order in which they came, and found by the words that they are asked for by."""

    WORDS = ("remote_id", "invoice_number")

    def __init__(self) -> None:
        super().__init__()
        self._ids: dict[tuple[str, str | None], dict[str, None]] = {}  # also of bills that were called so before

    def __setitem__(self, id_: str, bill: Bill) -> None:
        super().__setitem__(id_, bill)
        for name in self.WORDS:
            self._ids.setdefault((name, getattr(bill, name)), {})[id_] = None

    def change(self, bill: Bill, into: Bill) -> None:
        """Give a bill the values of another."""
        vars(bill).update(vars(into))
        self[bill.id] = bill

    def named(self, wanted: Mapping[str, Any]) -> list[Bill]:
        """Give those that have the first word wanted of them, or all where none is."""
        for name in self.WORDS:
            if name in wanted:
                ids = self._ids.get((name, wanted[name]), ())
                return [self[id_] for id_ in ids if id_ in self and getattr(self[id_], name) == wanted[name]]
        return list(self.values())


class Store:
    """The simulator's memory; whoever reads or writes it holds `lock`."""

    def __init__(self, world: World, *, seed: int, clock: SandboxClock, switches: Switches) -> None:
        self.lock = threading.RLock()
        self.world = world
        self.clock = clock
        self.switches = switches
        self.emit: Callable[[str, str], None] = lambda event_type, object_id: None
        self._seed = seed
        self.clear()

    def clear(self) -> None:
        """Bring the first day back."""
        with self.lock:
            self._random = random.Random(self._seed)
            self._letters = random.Random(self._seed)
            self._numbers = itertools.count(1)
            self.business_id = self.new_id()
            self.owner_id = self.new_id()
            self.entities = self._make_entities()
            self.connections: dict[str, Connection] = {}
            self.shelf: dict[str, Books] = {}  # books of connections that are not active
            self.books = Books()
            self.vendors: dict[str, Vendor] = {}
            self.drafts = Bills()
            self.bills = Bills()
            self.syncs: dict[str, Sync] = {}
            self.webhooks: dict[str, Webhook] = {}
            self.deliveries: list[Delivery] = []
            if self.switches.connected:
                self.connect(PROVIDER)

    def new_id(self) -> str:
        """Return the next UUID; the same seed gives the same ones."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def new_secret(self, length: int = 32) -> str:
        """Return random letters and digits."""
        return "".join(self._letters.choice(LETTERS) for _ in range(length))

    def next_number(self) -> int:
        """Return the next place in the order of creation."""
        return next(self._numbers)

    def now(self) -> datetime:
        """Return the sandbox's time."""
        return self.clock.now()

    def connect(self, provider: str) -> Connection:
        """Open an accounting connection with empty books."""
        made = Connection(self.new_id(), self.next_number(), provider, self.now(), self.now())
        self.connections[made.id] = made
        self.books = Books()
        return made

    def active_connection(self) -> Connection | None:
        """Return the one connection uploads and syncs go to."""
        return next((found for found in self.connections.values() if found.is_active), None)

    def account(self, external_id: str) -> LedgerRow | None:
        """Return the GL account with our id."""
        return next((row for row in self.books.accounts.values() if row.id == external_id), None)

    def custom_field(self, external_id: str) -> CustomField | None:
        """Return the custom field with our id."""
        return next((row for row in self.books.fields.values() if row.id == external_id), None)

    def option(self, custom_field: CustomField, external_id: str) -> LedgerRow | None:
        """Return the option of a field with our id."""
        return next(
            (
                row
                for row in self.books.options.values()
                if row.field_id == custom_field.ramp_id and row.id == external_id
            ),
            None,
        )

    def accounting_vendor(self, external_id: str) -> LedgerRow | None:
        """Return the accounting vendor with our id."""
        return next((row for row in self.books.vendors.values() if row.id == external_id), None)

    def add_row(self, rows: dict[str, LedgerRow], *, external_id: str, name: str) -> LedgerRow:
        """Add an uploaded row."""
        made = LedgerRow(external_id, self.new_id(), self.next_number(), name, self.now(), self.now())
        rows[made.ramp_id] = made
        return made

    def _make_entities(self) -> dict[str, Entity]:
        made = [
            Entity(
                id=self.new_id(),
                seq=self.next_number(),
                name=company.name,
                currency=company.currency,
                is_primary=place == 0,
                bank_account_id=self.new_id(),
                bank_internal_id=self.new_id(),
                location_id=self.new_id(),
                created_at=self.now(),
            )
            for place, company in enumerate(self.world.companies)
        ]
        return {entity.id: entity for entity in made}
