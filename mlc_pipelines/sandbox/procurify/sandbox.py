"""The Procurify simulator as one object: store, gate, endpoints, people, server."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from starlette.applications import Starlette

from mlc_pipelines.sandbox.kernel.app import build_app
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.journal import Journal
from mlc_pipelines.sandbox.kernel.rate import RateLimit
from mlc_pipelines.sandbox.kernel.server import Server
from mlc_pipelines.sandbox.procurify.bill_records import Bill
from mlc_pipelines.sandbox.procurify.bills import BillEndpoints
from mlc_pipelines.sandbox.procurify.gate import Gate
from mlc_pipelines.sandbox.procurify.lists import ListEndpoints
from mlc_pipelines.sandbox.procurify.orders import OrderEndpoints
from mlc_pipelines.sandbox.procurify.people import People
from mlc_pipelines.sandbox.procurify.records import (
    AccountCode,
    Budget,
    Currency,
    Department,
    Location,
    Order,
    Payment,
    Person,
    Vendor,
    Write,
)
from mlc_pipelines.sandbox.procurify.seed import seed as fill
from mlc_pipelines.sandbox.procurify.store import Store
from mlc_pipelines.sandbox.procurify.switches import Switches
from mlc_pipelines.sandbox.procurify.tokens import AUDIENCE, CLIENT_ID, CLIENT_SECRET, DOMAIN, TokenOffice
from mlc_pipelines.sandbox.procurify.weather import ProcurifyFaults
from mlc_pipelines.sandbox.world import World

BILLS, ORDERS = 40, 15


class ProcurifySandbox:
    """A Procurify tenant over HTTP on loopback; `switches` are the fields of `Switches`, by name."""

    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET
    audience = AUDIENCE
    domain = DOMAIN

    def __init__(
        self,
        *,
        world: World,
        seed: int = 1,
        port: int = 0,
        faults: str = "calm",
        certificate: tuple[Path, Path] | None = None,
        clock: SandboxClock | None = None,
        bills: int = BILLS,
        orders: int = ORDERS,
        calls_per_window: int = 0,
        window_seconds: float = 1.0,
        **switches: Any,
    ) -> None:
        self.world = world
        self._counts = {"bills": bills, "orders": orders}
        self._initial = switches
        self.switches = Switches(**switches)
        self.clock = clock or SandboxClock(_first_day(world))
        self.faults = ProcurifyFaults(faults, seed=seed)
        self.journal = Journal()
        self.store = Store(world, seed=seed, clock=self.clock, switches=self.switches)
        self.tokens = TokenOffice(clock=self.clock, faults=self.faults, switches=self.switches)
        self.budget = RateLimit(self.clock, limit=calls_per_window, seconds=window_seconds)
        self.people = People(self.store, tokens=self.tokens)
        self._server = Server(self._app(), port=port, certificate=certificate)
        self._clear()

    def _app(self) -> Starlette:
        gate = Gate(self.store, tokens=self.tokens, faults=self.faults, budget=self.budget)
        kinds = (BillEndpoints, OrderEndpoints, ListEndpoints)
        return build_app(
            gate.routes([endpoint for kind in kinds for endpoint in kind(self.store).endpoints()]),
            faults=self.faults,
            journal=self.journal,
            clock=self.clock,
            state=self.state,
            people=self.people.actions(),
            reset=self._clear,
        )

    def start(self) -> None:
        """Return when calls are answered."""
        self._server.start()

    def stop(self) -> None:
        """Stop the server."""
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
        """Where it answers; paths begin with /api and /oauth."""
        return self._server.url

    @property
    def token_url(self) -> str:
        """Where tokens are issued."""
        return f"{self.url}/oauth/token"

    def reset(self) -> None:
        """Bring the first day back: records, tokens and switches as they were made, no faults."""
        self.journal.clear()
        self.faults.reset()
        self._clear()

    def _clear(self) -> None:
        with self.store.lock:
            vars(self.switches).update(vars(Switches(**self._initial)))
            self.store.clear()
            fill(self.store, **self._counts)
            self.tokens.clear()
            self.budget.clear()

    def state(self) -> dict[str, Any]:
        """Return a summary of what is there."""
        with self.store.lock:
            bills = self.bills.values()
            return {
                "bills": [
                    {"id": row.id, "status": row.status, "total": row.total, "peculiarity": row.peculiarity}
                    for row in bills
                ],
                "orders": [{"number": row.number, "state": row.state} for row in self.orders.values()],
                "vendors": [{"id": row.id, "name": row.name, "active": row.active} for row in self.vendors.values()],
                "account_codes": len(self.account_codes),
                "departments": len(self.departments),
                "payments": [{"id": row.id, "status": row.status} for row in self.payments.values()],
                "writes": [f"{write.method} {write.path}" for write in self.writes],
                "tokens": len(self.tokens.tokens),
                "switches": dataclasses.asdict(self.switches),
            }

    def peculiar(self, peculiarity: str) -> Bill:
        """Return the bill of the first day that is there for this reason; README.md names them."""
        with self.store.lock:
            return self.store.peculiar(peculiarity)

    @property
    def bills(self) -> dict[int, Bill]:
        """Bills by id, with exact totals."""
        return self.store.bills

    @property
    def orders(self) -> dict[int, Order]:
        """Purchase orders by procurify_PO."""
        return self.store.orders

    @property
    def vendors(self) -> dict[int, Vendor]:
        """Vendors by id, inactive ones too."""
        return self.store.vendors

    @property
    def payments(self) -> dict[int, Payment]:
        """Payments by id."""
        return self.store.payments

    @property
    def account_codes(self) -> dict[int, AccountCode]:
        """Account codes by id."""
        return self.store.account_codes

    @property
    def budgets(self) -> dict[int, Budget]:
        """Budgets by id; an account in a department may come twice."""
        return self.store.budgets

    @property
    def departments(self) -> dict[int, Department]:
        """Departments by id, with the location each belongs to."""
        return self.store.departments

    @property
    def locations(self) -> dict[int, Location]:
        """Locations by id, with the company each belongs to."""
        return self.store.locations

    @property
    def currencies(self) -> dict[int, Currency]:
        """Currencies by id."""
        return self.store.currencies

    @property
    def staff(self) -> dict[int, Person]:
        """The people by id, with the department that counts when they approve."""
        return self.store.people

    @property
    def writes(self) -> list[Write]:
        """Everything but reads and token requests, which should stay empty."""
        return self.store.writes


def _first_day(world: World) -> datetime | None:
    """Return when the clock begins: today, unless the world's documents are from later."""
    first = world.as_of + timedelta(hours=12)
    return first if datetime.now(UTC) < first else None
