"""The BILL simulator as one object: store, sessions, limits, endpoints, people, server."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from starlette.applications import Starlette

from mlc_pipelines.sandbox.bill.bills import BillEndpoints
from mlc_pipelines.sandbox.bill.classifications import ClassificationEndpoints
from mlc_pipelines.sandbox.bill.deliveries import DeliveryOffice
from mlc_pipelines.sandbox.bill.entrance import SessionEndpoints, SpendEndpoints
from mlc_pipelines.sandbox.bill.gate import AP, EVENTS, Endpoint, Gate
from mlc_pipelines.sandbox.bill.limits import HourlyQuota, InFlight, Slots
from mlc_pipelines.sandbox.bill.payments import PaymentEndpoints
from mlc_pipelines.sandbox.bill.people import People
from mlc_pipelines.sandbox.bill.records import Bill, Classification, Notification, Payment, Subscription, Vendor
from mlc_pipelines.sandbox.bill.seed import seed as fill
from mlc_pipelines.sandbox.bill.sessions import Credentials, SessionOffice
from mlc_pipelines.sandbox.bill.store import KINDS, Store
from mlc_pipelines.sandbox.bill.switches import Switches
from mlc_pipelines.sandbox.bill.vendors import VendorEndpoints
from mlc_pipelines.sandbox.bill.weather import BillFaults
from mlc_pipelines.sandbox.bill.webhooks import WebhookEndpoints
from mlc_pipelines.sandbox.kernel.app import build_app
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.journal import Journal
from mlc_pipelines.sandbox.kernel.rate import RateLimit
from mlc_pipelines.sandbox.kernel.server import Server
from mlc_pipelines.sandbox.world import World

SPEND_CALLS, SPEND_SECONDS = 60, 60.0


class BillSandbox:
    """A BILL organization over HTTP on loopback; `switches` are the fields of `Switches`, by name."""

    def __init__(
        self,
        *,
        world: World,
        seed: int = 1,
        port: int = 0,
        faults: str = "calm",
        certificate: tuple[Path, Path] | None = None,
        clock: SandboxClock | None = None,
        credentials: Credentials | None = None,
        dimension_names: str = "{code} {text}",
        **switches: Any,
    ) -> None:
        self.world = world
        self.credentials = credentials or Credentials()
        self._dimension_names = dimension_names
        self._initial = (switches, dataclasses.replace(self.credentials))
        self.switches = Switches(**switches)
        self.clock = clock or SandboxClock(_first_day(world))
        self.faults = BillFaults(faults, seed=seed, clock=self.clock)
        self.journal = Journal()
        self.store = Store(world, seed=seed, clock=self.clock, switches=self.switches)
        self.session_office = SessionOffice(self.store, faults=self.faults, credentials=self.credentials)
        self.slots = Slots()
        self.quota = HourlyQuota(self.clock, switches=self.switches)
        self.spend_calls = RateLimit(self.clock, limit=SPEND_CALLS, seconds=SPEND_SECONDS)
        self.delivery_office = DeliveryOffice(self.store, organization_id=self.organization_id)
        self.people = People(self.store, sessions=self.session_office, office=self.delivery_office)
        guarded = InFlight(self._app(), slots=self.slots, organization_of=self.session_office.organization_of)
        self._server = Server(guarded, port=port, certificate=certificate)
        self._clear()

    def _app(self) -> Starlette:
        gate = Gate(
            self.store,
            sessions=self.session_office,
            faults=self.faults,
            slots=self.slots,
            quota=self.quota,
            spend_calls=self.spend_calls,
        )
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
        office, organization_id = self.delivery_office, self.organization_id
        return [
            *SessionEndpoints(self.session_office).endpoints(),
            *VendorEndpoints(self.store).endpoints(),
            *BillEndpoints(self.store).endpoints(),
            *PaymentEndpoints(self.store).endpoints(),
            *WebhookEndpoints(self.store, office=office, organization_id=organization_id).endpoints(),
            *SpendEndpoints(self.store).endpoints(),
            *(point for kind in KINDS for point in ClassificationEndpoints(self.store, kind=kind).endpoints()),
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
        """The host; both APIs are below it."""
        return self._server.url

    @property
    def ap_url(self) -> str:
        """Base of AP, classifications and Spend & Expense; paths begin with /v3."""
        return self.url + AP

    @property
    def events_url(self) -> str:
        """Base of the webhook API; paths begin with /v3."""
        return self.url + EVENTS

    def reset(self) -> None:
        """Bring the first day back: records, sessions, credentials and switches as they were made, no faults."""
        self.journal.clear()
        self.faults.reset()
        self._clear()

    def _clear(self) -> None:
        switches, credentials = self._initial
        with self.store.lock:
            vars(self.switches).update(vars(Switches(**switches)))
            vars(self.credentials).update(vars(credentials))
            self.delivery_office.clear()
            self.store.clear()
            self.store.emit = lambda event, content: None  # nobody is told of the first day
            fill(self.store, dimension_names=self._dimension_names)
            self.store.emit = self.delivery_office.emit
            self.session_office.clear()
            self.slots.clear()
            self.quota.clear()
            self.spend_calls.clear()

    def state(self) -> dict[str, Any]:
        """Return a summary of what is there."""
        with self.store.lock:
            return {
                "vendors": [
                    {"id": row.id, "name": row.name, "archived": row.archived} for row in self.vendors.values()
                ],
                "classifications": {kind: len(rows) for kind, rows in self.classifications.items()},
                "bills": [self._told(bill) for bill in self.bills.values()],
                "payments": [
                    {"id": row.id, "amount": str(row.amount), "status": row.single_status}
                    for row in self.payments.values()
                ],
                "subscriptions": [{"id": row.id, "enabled": row.enabled} for row in self.subscriptions.values()],
                "notifications": [{"type": row.type, "state": row.state} for row in self.notifications],
                "max_in_flight": self.max_in_flight,
                "switches": dataclasses.asdict(self.switches),
            }

    def _told(self, bill: Bill) -> dict[str, Any]:
        return {
            "id": bill.id,
            "invoice_number": bill.invoice_number,
            "amount": str(bill.amount),
            "currency": self.store.currency(bill),
            "approval_status": bill.approval_status,
            "payment_status": bill.payment_status,
            "archived": bill.archived,
        }

    def wait_for_deliveries(self, timeout: float = 10.0) -> bool:
        """Wait until every event has been delivered or given up."""
        return self.delivery_office.idle(timeout)

    @property
    def max_in_flight(self) -> int:
        """How many calls of one key and organization were there at once; more than three means one was refused."""
        return self.slots.max_in_flight

    @property
    def dev_key(self) -> str:
        """The developer key."""
        return self.credentials.dev_key

    @property
    def organization_id(self) -> str:
        """The organization."""
        return self.credentials.organization_id

    @property
    def token_name(self) -> str:
        """What a sync-token login sends as user name."""
        return self.credentials.token_name

    @property
    def token_value(self) -> str:
        """What a sync-token login sends as password."""
        return self.credentials.token_value

    @property
    def user_name(self) -> str:
        """The user who may log in."""
        return self.credentials.user_name

    @property
    def user_password(self) -> str:
        """The user's password."""
        return self.credentials.user_password

    @property
    def spend_token(self) -> str:
        """The API token of Spend & Expense."""
        return self.credentials.spend_token

    @property
    def vendors(self) -> dict[str, Vendor]:
        """Vendors by id, archived ones too."""
        return self.store.vendors

    @property
    def classifications(self) -> dict[str, dict[str, Classification]]:
        """Rows by id, by the name of their kind in paths."""
        return self.store.classifications

    @property
    def accounts(self) -> dict[str, Classification]:
        """The chart of accounts by id."""
        return self.store.classifications["chart-of-accounts"]

    @property
    def bills(self) -> dict[str, Bill]:
        """Bills by id, archived ones too."""
        return self.store.bills

    @property
    def payments(self) -> dict[str, Payment]:
        """Payments by id."""
        return self.store.payments

    @property
    def subscriptions(self) -> dict[str, Subscription]:
        """Webhook subscriptions by id."""
        return self.store.subscriptions

    @property
    def notifications(self) -> list[Notification]:
        """Notifications in the order they were made."""
        return self.store.notifications


def _first_day(world: World) -> datetime | None:
    """Return when the clock begins: today, unless the world's documents are from later."""
    first = world.as_of + timedelta(hours=12)
    return first if datetime.now(UTC) < first else None
