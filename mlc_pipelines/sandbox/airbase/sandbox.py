"""The Airbase simulator as one object: store, gate, endpoints, people, server."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from starlette.applications import Starlette

from mlc_pipelines.sandbox.airbase.deliveries import DeliveryOffice
from mlc_pipelines.sandbox.airbase.entries import EntryEndpoints
from mlc_pipelines.sandbox.airbase.gate import CallBudget, Endpoint, Gate
from mlc_pipelines.sandbox.airbase.gated import GatedEndpoints
from mlc_pipelines.sandbox.airbase.ledger import LedgerEndpoints
from mlc_pipelines.sandbox.airbase.orders import OrderEndpoints
from mlc_pipelines.sandbox.airbase.people import People
from mlc_pipelines.sandbox.airbase.records import (
    Account,
    Currency,
    Delivery,
    LedgerEntry,
    Payment,
    PurchaseOrder,
    PurchaseRequest,
    ReadOnlyWrite,
    Subsidiary,
    Tag,
    Vendor,
)
from mlc_pipelines.sandbox.airbase.seed import seed as fill
from mlc_pipelines.sandbox.airbase.store import Store
from mlc_pipelines.sandbox.airbase.switches import EVENTS, PATHS, Switches, WebhookSigning
from mlc_pipelines.sandbox.airbase.tokens import TOKEN, TOKEN_NEXT, TokenOffice
from mlc_pipelines.sandbox.airbase.vendors import VendorEndpoints
from mlc_pipelines.sandbox.airbase.weather import AirbaseFaults
from mlc_pipelines.sandbox.kernel.app import build_app
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.journal import Journal
from mlc_pipelines.sandbox.kernel.server import Server
from mlc_pipelines.sandbox.world import World

CALLS, WINDOW_SECONDS = 5000, 60.0
REQUESTS, PAYMENTS = 12, 10


class AirbaseSandbox:
    """An Airbase tenant over HTTP on loopback; `switches` are the fields of `Switches`, by name."""

    token = TOKEN
    token_next = TOKEN_NEXT

    def __init__(
        self,
        *,
        world: World,
        seed: int = 1,
        port: int = 0,
        faults: str = "calm",
        certificate: tuple[Path, Path] | None = None,
        clock: SandboxClock | None = None,
        requests: int = REQUESTS,
        payments: int = PAYMENTS,
        paths: Mapping[str, str] | None = None,
        calls_per_window: int = CALLS,
        window_seconds: float = WINDOW_SECONDS,
        webhook_url: str | None = None,
        webhook_events: Sequence[str] = EVENTS,
        webhook_signing: WebhookSigning | None = None,
        **switches: Any,
    ) -> None:
        self.world = world
        self.paths = _checked_paths(paths or {})
        self.signing = webhook_signing or WebhookSigning()
        self._counts = {"requests": requests, "payments": payments}
        self._initial = (switches, dataclasses.replace(self.signing), webhook_url, tuple(webhook_events))
        self.switches = Switches(**switches)
        self.clock = clock or SandboxClock(_first_day(world))
        self.faults = AirbaseFaults(faults, seed=seed)
        self.journal = Journal()
        self.store = Store(world, seed=seed, clock=self.clock, switches=self.switches)
        self.tokens = TokenOffice(clock=self.clock, faults=self.faults)
        self.budget = CallBudget(self.clock, limit=calls_per_window, seconds=window_seconds)
        self.delivery_office = DeliveryOffice(self.store, signing=self.signing)
        self.people = People(self.store, tokens=self.tokens, office=self.delivery_office)
        self._server = Server(self._app(), port=port, certificate=certificate)
        self._clear()

    def _app(self) -> Starlette:
        gate = Gate(self.store, tokens=self.tokens, faults=self.faults, budget=self.budget)
        return build_app(
            gate.routes(self._endpoints()),
            faults=self.faults,
            journal=self.journal,
            clock=self.clock,
            state=self.state,
            people=self.people.actions(),
            reset=self._clear,
        )

    def _endpoints(self) -> list[Endpoint]:
        orders = self.paths["purchase_orders"]
        return [
            *VendorEndpoints(self.store).endpoints(),
            *LedgerEndpoints(self.store).endpoints(),
            *EntryEndpoints(self.store).endpoints(),
            *GatedEndpoints(self.store, paths=self.paths).endpoints(),
            *(OrderEndpoints(self.store, path=orders).endpoints() if orders else []),
        ]

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
        """Where it answers; paths begin with /v1."""
        return self._server.url

    def reset(self) -> None:
        """Bring the first day back: records, tokens, subscription and switches as they were made, no faults."""
        self.journal.clear()
        self.faults.reset()
        self._clear()

    def _clear(self) -> None:
        switches, signing, url, events = self._initial
        with self.store.lock:
            vars(self.switches).update(vars(Switches(**switches)))
            vars(self.signing).update(vars(signing))
            self.delivery_office.clear()
            self.people.subscribe(url, events)
            self.store.clear()
            fill(self.store, **self._counts)
            self.tokens.clear()
            self.budget.clear()

    def state(self) -> dict[str, Any]:
        """Return a summary of what is there."""
        with self.store.lock:
            entries = self.entries.values()
            return {
                "subsidiaries": len(self.subsidiaries),
                "accounts": len(self.accounts),
                "tags": len(self.tags),
                "vendors": [{"name": row.name, "erp_reference_id": row.erp_reference_id} for row in _all(self.vendors)],
                "orders": [{"po_number": row.po_number, "status": row.body["status"]} for row in _all(self.orders)],
                "requests": [{"id": row.id, "status": row.status} for row in _all(self.requests)],
                "payments": [{"id": row.id, "type": row.entry.type} for row in _all(self.payments)],
                "entries": [{"id": e.airbase_id, "status": e.status, "erp": e.erp_reference_id} for e in entries],
                "deliveries": [{"type": sent.type, "state": sent.state} for sent in self.deliveries],
                "read_only_writes": len(self.read_only_writes),
                "tokens": [{"id": held.id, "works": not held.is_revoked} for held in self.tokens.tokens],
                "switches": dataclasses.asdict(self.switches),
            }

    def wait_for_deliveries(self, timeout: float = 10.0) -> bool:
        """Wait until every event has been delivered or given up."""
        return self.delivery_office.idle(timeout)

    @property
    def subsidiaries(self) -> dict[str, Subsidiary]:
        """Subsidiaries by Airbase's id."""
        return self.store.subsidiaries

    @property
    def currencies(self) -> list[Currency]:
        """Currency rows; an ISO code may appear twice."""
        return self.store.currencies

    @property
    def accounts(self) -> dict[str, Account]:
        """GL accounts by Airbase's id."""
        return self.store.accounts

    @property
    def tags(self) -> dict[str, Tag]:
        """Tags by Airbase's id."""
        return self.store.tags

    @property
    def vendors(self) -> dict[str, Vendor]:
        """Vendors by Airbase's id."""
        return self.store.vendors

    @property
    def orders(self) -> dict[str, PurchaseOrder]:
        """Purchase orders by Airbase's id."""
        return self.store.orders

    @property
    def requests(self) -> dict[str, PurchaseRequest]:
        """Purchase requests by id."""
        return self.store.requests

    @property
    def entries(self) -> dict[str, LedgerEntry]:
        """Ledger entries by Airbase's id, whatever their status."""
        return self.store.entries

    @property
    def payments(self) -> dict[str, Payment]:
        """Payments by id."""
        return self.store.payments

    @property
    def read_only_writes(self) -> list[ReadOnlyWrite]:
        """Writes to accounts and subsidiaries, which should stay empty."""
        return self.store.read_only_writes

    @property
    def deliveries(self) -> list[Delivery]:
        """Webhook deliveries in the order they were sent."""
        return self.delivery_office.sent


def _all(rows: Mapping[str, Any]) -> list[Any]:
    return list(rows.values())


def _checked_paths(given: Mapping[str, str]) -> Mapping[str, str]:
    paths = {**PATHS, **given}
    wrong = [name for name in paths if name not in PATHS]
    wrong += [path for path in paths.values() if path and not (path.startswith("/") and path.endswith("/"))]
    if wrong:
        raise ValueError(f"paths are {', '.join(PATHS)}, each beginning and ending with a slash; wrong: {wrong}")
    return paths


def _first_day(world: World) -> datetime | None:
    """Return when the clock begins: today, unless the world's documents are from later."""
    first = world.as_of + timedelta(hours=12)
    return first if datetime.now(UTC) < first else None
