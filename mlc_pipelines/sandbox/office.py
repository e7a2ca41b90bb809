"""All simulators of one made-up manufacturer, started together, and the people who work there."""

from collections import Counter
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines.sandbox.world import World

CALLS_A_MINUTE = 1000
MANY_CALLS = 100_000


class Office:
    """IFS Cloud and Ramp over one world."""

    def __init__(
        self,
        *,
        seed: int = 1,
        invoices: int = 120,
        faults: str = "calm",
        port_base: int = 0,
        calls_a_minute: int = MANY_CALLS,
    ) -> None:
        self.world = World.make(seed=seed, invoices=invoices)
        port = port_base or 0
        self.ifs = IfsSandbox(world=self.world, seed=seed, port=port, faults=faults, requests_per_minute=calls_a_minute)
        self.ramp = RampSandbox(
            world=self.world,
            seed=seed,
            port=port + 1 if port else 0,
            faults=faults,
            http_webhooks=True,
            calls_per_window=0,
        )

    def __enter__(self) -> Self:
        self.ifs.start()
        self.ramp.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ramp.stop()
        self.ifs.stop()

    def use_faults(self, profile: str) -> None:
        """Change the fault profile of both."""
        self.ifs.faults.profile = profile
        self.ramp.faults.profile = profile

    def approve_and_pay(self) -> tuple[int, int]:
        """Let approvers submit and approve every draft, and pay every approved bill; give both counts."""
        self.ramp.people.submit_drafts()
        return len(self.ramp.people.approve_bills()), len(self.ramp.people.pay_bills())

    def writes(self) -> int:
        """Count the requests that changed something, as the simulators saw them."""
        entries = [*self.ifs.journal.entries, *self.ramp.journal.entries]
        return sum(1 for entry in entries if entry.effect and not entry.path.startswith("/_sandbox"))

    def sent(self) -> dict[str, tuple[str, Decimal]]:
        """Give what Ramp holds by our reference: currency and amount of every draft and bill."""
        found: dict[str, tuple[str, Decimal]] = {}
        for bill in self._bills():
            found[bill.remote_id] = (bill.currency, bill.amount)
        return found

    def duplicates(self) -> list[str]:
        """Name every reference that stands on more than one document, by the simulators' own stores."""
        bills = Counter(bill.remote_id for bill in self._bills())
        vouchers: Counter[str] = Counter()
        for voucher in self.ifs.vouchers:
            vouchers.update({str(row.get("ReferenceNumber")) for row in voucher["VoucherRows"]})
        doubled = [f"bill {key} stands {count} times" for key, count in bills.items() if count > 1]
        return doubled + [f"voucher of {key} stands {count} times" for key, count in vouchers.items() if count > 1]

    def unguarded(self) -> list[str]:
        """Name every change to an IFS record that came without If-Match, by the simulator's own journal."""
        return [
            f"{entry.method} {entry.path}"
            for entry in self.ifs.journal.entries
            if entry.method in {"PATCH", "PUT", "DELETE"} and not _header(entry, "if-match")
        ]

    def _bills(self) -> list[Any]:
        rows = [*self.ramp.drafts.values(), *self.ramp.bills.values()]
        return [bill for bill in rows if bill.remote_id]


def _header(entry: Any, name: str) -> str | None:
    return next((value for key, value in entry.headers.items() if key.lower() == name), None)
