"""One connection of a small manufacturer to its Procurify, with both simulators behind it."""

import dataclasses
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mlc_pipelines.flows.road import Road
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.procurify import ProcurifySandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.roads.installation import (
    IFS_SECRETS,
    NAME,
    CommonClock,
    Installation,
    references,
    selling_section,
)

PROCURIFY_SECRETS = {
    "sandbox/procurify/client_id": ProcurifySandbox.client_id,
    "sandbox/procurify/client_secret": ProcurifySandbox.client_secret,
}
UNMAPPED = "6990"
NO_EXTERNAL_ID = "120"  # the cost center of company 20 whose department has none
WORLD = dataclasses.replace(World.make(seed=1, invoices=1), invoices=())


class Simulators:
    """IFS without invoices and a Procurify that has them, started once and brought back to their first day."""

    def __init__(self, *, bills: int = 0, orders: int = 6) -> None:
        self.world = WORLD
        self.ifs = IfsSandbox(world=WORLD, requests_per_minute=100_000, catalogue_size=10)
        self.procurify = ProcurifySandbox(world=WORLD, bills=bills, orders=orders)
        self.clock = CommonClock(self.ifs.clock, self.procurify.clock)

    def __enter__(self) -> Self:
        self.ifs.start()
        self.procurify.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.procurify.stop()
        self.ifs.stop()

    def reset(self) -> None:
        """Bring the first day back."""
        self.ifs.reset()
        self.procurify.reset()

    def use_faults(self, profile: str) -> None:
        """Let both misbehave by a profile."""
        for faults in (self.ifs.faults, self.procurify.faults):
            faults.reset(profile=profile)


class Tenancy(Installation):
    """An installation for Procurify."""

    calls_in_flight = 8

    def __init__(self, folder: Path, simulators: Simulators, *, copy_of: Path | None = None) -> None:
        self.simulators = simulators
        self.ifs = simulators.ifs
        self.procurify = simulators.procurify
        super().__init__(
            folder,
            sample_sections(simulators),
            secrets=IFS_SECRETS | PROCURIFY_SECRETS,
            clock=simulators.clock,
            copy_of=copy_of,
        )

    def road(self, flow: str) -> Road:
        """Give the road of a flow, with so many calls in flight as this tenancy makes."""
        return dataclasses.replace(super().road(flow), calls_in_flight=self.calls_in_flight)

    def later(self, minutes: int = 5) -> None:
        """Let time pass, so that what was just changed is old enough to be read."""
        self.simulators.clock.sleep(60 * minutes)

    def bill(self, **wish: Any) -> str:
        """Enter a bill in Procurify and let it be approved; give its key."""
        settled: dict[str, Any] = {
            "vendor": "S-1001",
            "currency": "EUR",
            "amount": "100.00",
            "tax": 19,
            "split": 1,
        } | wish
        key = str(self.procurify.people.new_bill(**settled))
        self.later()
        return key

    def settle(self, *flows: str) -> None:
        """Let time pass, then work some flows, or that of bills alone."""
        self.later()
        self.run(*(flows or ("bills",)))

    def invoice(self, key: str) -> dict[str, Any]:
        """Give the one invoice of a bill as IFS has it."""
        (found,) = self.invoices(key)
        return found

    def invoices(self, key: str) -> list[dict[str, Any]]:
        """Give the invoices whose text names a bill."""
        return [row for row in self.ifs.invoices.values() if str(row["VoucherText"]).startswith(f"PROCURIFY:{key}:")]

    def voucher(self, key: str) -> dict[str, Any]:
        """Give the one voucher whose rows carry a bill's id."""
        (found,) = [voucher for voucher in self.ifs.vouchers if references(voucher) == {key}]
        return found

    def rows(self, key: str) -> list[tuple[str, str | None, Decimal]]:
        """Give account, cost center and amount of each row of a bill's voucher, credits below zero."""
        return [
            (
                row["Account"],
                row["CodeB"],
                Decimal(row["CurrencyDebetAmount"] or 0) - Decimal(row["CurrencyCreditAmount"] or 0),
            )
            for row in self.voucher(key)["VoucherRows"]
        ]

    def problem(self, flow: str, key: str) -> str:
        """Give why a record is held."""
        return self.entry(flow, key).problem or ""


def sample_sections(simulators: Simulators) -> dict[str, Any]:
    """Give the connection file of the tests: a table of accounts that lacks one, cost centers of approvers."""
    world = simulators.world
    departments = simulators.procurify.departments.values()
    nameless = next(row for row in departments if row.external_id is None)
    return {
        "name": NAME,
        "integration": "procurify",
        "companies": ["10", "20"],
        "ifs": selling_section(simulators.ifs),
        "procurify": {
            "base_url": simulators.procurify.url,
            "credential": "sandbox/procurify",
            "time_zone": "Europe/Berlin",
            "first_day": "2026-08-01",
            "backfill_days": 366,
            "calls_per_second": 100,
            "read_seconds": 10.0,
            "ifs_settle_after_seconds": 0,
            "vouchers": {"voucher_type": "M", "user_group": "AC", "credit_account": {"*": "2400"}},
        },
        "mapping": {
            "companies": {"P1": "10", "P2": "10", "P3": "20"},
            "accounts": {account.code: account.code for account in world.accounts if account.code != UNMAPPED},
            "cost_centers": {str(nameless.id): NO_EXTERNAL_ID},
            "tax_accounts": {"*": "1400"},
            "shipping_accounts": {"*": "4200"},
            "payment_terms": {"Due on receipt": "0", "Net 14": "14", "Net 30": "30", "Net 45": "45"},
            "countries": {"Germany": "DE", "Österreich": "AT", "USA": "US", "The Netherlands": "NL"},
        },
    }
