"""The Ramp simulator as one object: store, gate, endpoints, people, server."""

import dataclasses
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mlc_pipelines.sandbox.kernel.app import build_app
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.faults import Faults
from mlc_pipelines.sandbox.kernel.journal import Journal
from mlc_pipelines.sandbox.kernel.server import Server
from mlc_pipelines.sandbox.ramp.accounting import (
    AccountEndpoints,
    AccountingVendorEndpoints,
    FieldEndpoints,
    OptionEndpoints,
)
from mlc_pipelines.sandbox.ramp.bills import BillEndpoints
from mlc_pipelines.sandbox.ramp.connection import ConnectionEndpoints
from mlc_pipelines.sandbox.ramp.deliveries import DeliveryOffice
from mlc_pipelines.sandbox.ramp.drafts import DraftEndpoints
from mlc_pipelines.sandbox.ramp.entities import EntityEndpoints
from mlc_pipelines.sandbox.ramp.gate import CallCounter, Endpoint, Gate
from mlc_pipelines.sandbox.ramp.people import People
from mlc_pipelines.sandbox.ramp.records import Bill, Connection, CustomField, Delivery, LedgerRow, Sync, Vendor, Webhook
from mlc_pipelines.sandbox.ramp.store import Entity, Store
from mlc_pipelines.sandbox.ramp.switches import Switches
from mlc_pipelines.sandbox.ramp.syncs import SyncEndpoints
from mlc_pipelines.sandbox.ramp.tokens import CLIENT_ID, CLIENT_SECRET, SCOPES, TokenOffice
from mlc_pipelines.sandbox.ramp.vendors import VendorEndpoints
from mlc_pipelines.sandbox.ramp.webhooks import WebhookEndpoints
from mlc_pipelines.sandbox.world import World

CALLS, WINDOW_SECONDS = 200, 10.0


class RampSandbox:
    """A Ramp business over HTTP on loopback; `switches` are the fields of `Switches`, by name."""

    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET

    def __init__(
        self,
        *,
        world: World,
        seed: int = 1,
        port: int = 0,
        faults: str = "calm",
        certificate: tuple[Path, Path] | None = None,
        clock: SandboxClock | None = None,
        calls_per_window: int = CALLS,
        scopes: Collection[str] = SCOPES,
        **switches: Any,
    ) -> None:
        self.world = world
        self._initial = switches
        self.switches = Switches(**switches)
        self.clock = clock or SandboxClock(_first_day(world))
        self.faults = Faults(faults, seed=seed)
        self.journal = Journal()
        self.store = Store(world, seed=seed, clock=self.clock, switches=self.switches)
        self.tokens = TokenOffice(self.store, faults=self.faults, granted=scopes)
        self.calls = CallCounter(self.clock, limit=calls_per_window, seconds=WINDOW_SECONDS)
        self.delivery_office = DeliveryOffice(self.store)
        self.store.emit = self.delivery_office.emit
        self.people = People(self.store, tokens=self.tokens, office=self.delivery_office)
        gate = Gate(self.store, tokens=self.tokens, faults=self.faults, counter=self.calls)
        app = build_app(
            gate.routes(self._endpoints()),
            faults=self.faults,
            journal=self.journal,
            clock=self.clock,
            state=self.state,
            people=self.people.actions(),
            reset=self._clear,
        )
        self._server = Server(app, port=port, certificate=certificate)

    def _endpoints(self) -> list[Endpoint]:
        rooms = (
            ConnectionEndpoints(self.store),
            AccountEndpoints(self.store),
            FieldEndpoints(self.store),
            OptionEndpoints(self.store),
            AccountingVendorEndpoints(self.store),
            EntityEndpoints(self.store),
            VendorEndpoints(self.store),
            DraftEndpoints(self.store),
            BillEndpoints(self.store),
            SyncEndpoints(self.store),
            WebhookEndpoints(self.store, office=self.delivery_office),
        )
        return [endpoint for room in rooms for endpoint in room.endpoints()]

    def start(self) -> None:
        """Return when calls are answered and deliveries go out."""
        self._server.start()
        self.delivery_office.start()

    def stop(self) -> None:
        """Stop both threads."""
        self.delivery_office.stop()
        self._server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it answers; paths begin with /developer/v1."""
        return self._server.url

    def reset(self) -> None:
        """Bring the first day back: no records, no tokens, no faults, switches as they were made."""
        self.journal.clear()
        self.faults.reset()
        self._clear()

    def _clear(self) -> None:
        with self.store.lock:
            vars(self.switches).update(vars(Switches(**self._initial)))
            self.delivery_office.clear()
            self.store.clear()
            self.tokens.clear()
            self.calls.clear()

    def state(self) -> dict[str, Any]:
        """Return a summary of what is there."""
        with self.store.lock:
            return {
                "accounts": len(self.accounts),
                "fields": len(self.fields),
                "options": len(self.options),
                "accounting_vendors": len(self.accounting_vendors),
                "vendors": [{"id": vendor.id, "name": vendor.name} for vendor in self.vendors.values()],
                "drafts": [_told(draft) for draft in self.drafts.values()],
                "bills": [_told(bill) for bill in self.bills.values()],
                "syncs": len(self.syncs),
                "webhooks": [{"id": hook.id, "status": hook.status} for hook in self.webhooks.values()],
                "deliveries": [{"type": sent.type, "state": sent.state} for sent in self.deliveries],
                "switches": dataclasses.asdict(self.switches),
            }

    def wait_for_deliveries(self, timeout: float = 10.0) -> bool:
        """Wait until every event has been delivered or given up."""
        return self.delivery_office.idle(timeout)

    @property
    def connections(self) -> dict[str, Connection]:
        """Accounting connections by id."""
        return self.store.connections

    @property
    def accounts(self) -> dict[str, LedgerRow]:
        """GL accounts by Ramp's id."""
        return self.store.books.accounts

    @property
    def fields(self) -> dict[str, CustomField]:
        """Custom fields by Ramp's id."""
        return self.store.books.fields

    @property
    def options(self) -> dict[str, LedgerRow]:
        """Field options by Ramp's id."""
        return self.store.books.options

    @property
    def accounting_vendors(self) -> dict[str, LedgerRow]:
        """Accounting vendors by Ramp's id."""
        return self.store.books.vendors

    @property
    def entities(self) -> dict[str, Entity]:
        """Entities by id."""
        return self.store.entities

    @property
    def vendors(self) -> dict[str, Vendor]:
        """Spend vendors by id."""
        return self.store.vendors

    @property
    def drafts(self) -> dict[str, Bill]:
        """Draft bills by id."""
        return self.store.drafts

    @property
    def bills(self) -> dict[str, Bill]:
        """Bills by id, archived ones too."""
        return self.store.bills

    @property
    def syncs(self) -> dict[str, Sync]:
        """Syncs by idempotency key."""
        return self.store.syncs

    @property
    def webhooks(self) -> dict[str, Webhook]:
        """Webhook subscriptions by id."""
        return self.store.webhooks

    @property
    def deliveries(self) -> list[Delivery]:
        """Webhook deliveries in the order they were made."""
        return self.store.deliveries


def _first_day(world: World) -> datetime | None:
    """Return when the clock begins: today, unless the world's documents are from later."""
    first = world.as_of + timedelta(hours=12)
    return first if datetime.now(UTC) < first else None


def _told(bill: Bill) -> dict[str, Any]:
    return {
        "id": bill.id,
        "remote_id": bill.remote_id,
        "invoice_number": bill.invoice_number,
        "amount": str(bill.amount),
        "currency": bill.currency,
        "status": bill.status,
        "approval_status": bill.approval_status,
        "sync_status": bill.sync_status,
    }
