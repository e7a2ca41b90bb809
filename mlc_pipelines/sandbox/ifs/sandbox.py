"""The IFS Cloud simulator: one tenant behind a real HTTP server."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mlc_pipelines.sandbox.ifs.front import Front
from mlc_pipelines.sandbox.ifs.people import People
from mlc_pipelines.sandbox.ifs.rules import VOUCHER_KEY
from mlc_pipelines.sandbox.ifs.switches import Switches
from mlc_pipelines.sandbox.ifs.tenant import Tenant
from mlc_pipelines.sandbox.ifs.tokens import CLIENT_ID, CLIENT_SECRET, REALM, TokenOffice
from mlc_pipelines.sandbox.kernel.app import build_app
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.faults import Faults
from mlc_pipelines.sandbox.kernel.journal import Journal
from mlc_pipelines.sandbox.kernel.rate import RateLimit
from mlc_pipelines.sandbox.kernel.server import Server
from mlc_pipelines.sandbox.world import World

Record = dict[str, Any]
RATE_SECONDS = 60.0


class IfsSandbox:
    """A tenant of IFS Cloud on loopback; `switches` are those of `Switches`."""

    realm = REALM
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
        **switches: Any,
    ) -> None:
        self._world = world
        self._initial = switches
        self.clock = SandboxClock(_first_day(world))
        self.faults = Faults(faults, seed=seed)
        self.journal = Journal()
        self.people = People(lambda: self._tenant)
        self.tokens = TokenOffice(self.clock, self.faults)
        self._rate = RateLimit(self.clock, limit=1, seconds=RATE_SECONDS)
        self._tenant = self._new_tenant()
        front = Front(lambda: self._tenant, tokens=self.tokens, rate=self._rate)
        app = build_app(
            front.routes(),
            faults=self.faults,
            journal=self.journal,
            clock=self.clock,
            state=self.state,
            people=self.people.actions(),
            reset=self.reset,
        )
        self._server = Server(app, port=port, certificate=certificate)

    @property
    def url(self) -> str:
        """The tenant's origin, known once the server runs."""
        return self._server.url

    @property
    def token_url(self) -> str:
        """The address of the token endpoint."""
        return f"{self.url}/auth/realms/{REALM}/protocol/openid-connect/token"

    @property
    def switches(self) -> Switches:
        """The tenant's switches; they take effect at once."""
        return self._tenant.switches

    @property
    def invoices(self) -> dict[tuple[str, int], Record]:
        """Copies of the posting proposals by company and invoice id, each with its lines."""
        with self._tenant.store.lock:
            heads = list(self._tenant.store.rows("PostingProposalHead"))
            return {
                (head.values["Company"], head.values["InvoiceId"]): head.values
                | {"PostingProposalLines": self._children("PostingProposalLine", head.values, ("Company", "InvoiceId"))}
                for head in heads
            }

    @property
    def vouchers(self) -> list[Record]:
        """Copies of the vouchers in the hold table, each with its rows."""
        with self._tenant.store.lock:
            heads = list(self._tenant.store.rows("Voucher"))
            return [
                head.values | {"VoucherRows": self._children("VoucherRow", head.values, VOUCHER_KEY)} for head in heads
            ]

    @property
    def voucher_rows(self) -> list[Record]:
        """Copies of all voucher rows, in the hold table or in the general ledger."""
        return self._records("VoucherRowAnalysis")

    @property
    def suppliers(self) -> dict[str, Record]:
        """Copies of the suppliers by id."""
        return {record["SupplierId"]: record for record in self._records("SupplierInfoGeneral")}

    @property
    def finally_posted(self) -> list[Record]:
        """The invoices that left the set of proposals by final posting."""
        return list(self.people.finally_posted)

    def state(self) -> Record:
        """Return the summary the control endpoint shows."""
        return {
            "now": self.clock.now(),
            "profile": self.faults.profile,
            "invoices": len(self.invoices),
            "finally_posted": len(self.finally_posted),
            "vouchers": len(self.vouchers),
            "voucher_rows": len(self.voucher_rows),
            "suppliers": len(self.suppliers),
            "tokens_issued": self.tokens.issued,
            "requests": len(self.journal.entries),
        }

    def start(self) -> None:
        """Serve; returns when connections are accepted."""
        self._server.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.stop()

    def reset(self) -> None:
        """Bring the first day back: data, switches, journal, faults and rate; tokens stay valid."""
        self._tenant = self._new_tenant()
        self.people.finally_posted.clear()
        self.journal.clear()
        self.faults.reset(profile=self.faults.profile)
        self._rate.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _new_tenant(self) -> Tenant:
        return Tenant(self._world, switches=Switches(**self._initial), clock=self.clock, faults=self.faults)

    def _records(self, table: str) -> list[Record]:
        with self._tenant.store.lock:
            return [dict(row.values) for row in self._tenant.store.rows(table)]

    def _children(self, table: str, parent: Record, on: tuple[str, ...]) -> list[Record]:
        wanted = {name: parent[name] for name in on}
        return [dict(row.values) for row in self._tenant.store.matching(table, wanted)]


def _first_day(world: World) -> datetime | None:
    """Return when the tenant's clock begins: today, unless the world's documents are from later."""
    first = world.as_of + timedelta(hours=12)
    return first if datetime.now(UTC) < first else None
