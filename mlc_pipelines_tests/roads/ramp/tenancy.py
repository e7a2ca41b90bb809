"""One connection of a small manufacturer, with both simulators behind it and nobody waiting for anybody's clock."""

import copy
import dataclasses
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines.sandbox.ramp.switches import Switches
from mlc_pipelines.sandbox.world import Invoice, World
from mlc_pipelines_tests.roads.installation import IFS_SECRETS, NAME, CommonClock, Installation, ifs_section, references

RAMP_SECRETS = {
    "sandbox/ramp/client_id": RampSandbox.client_id,
    "sandbox/ramp/client_secret": RampSandbox.client_secret,
}
REFERENCE_FLOWS = ("gl_accounts", "dimensions", "accounting_vendors", "vendors")
ACCOUNTS = ("1400", "2400", "4000", "4010", "4020", "4600", "4950", "6990")
SELLERS = ("S-1001", "S-1002", "S-2001", "S-3001")  # euro twice, dollar, yen; all complete
UNMAPPED = "6990"
OPEN_SINCE = date(2026, 10, 1)


def small_world(*, suppliers: Iterable[str] = SELLERS, invoices: int = 0) -> World:
    """Make the manufacturer with a few accounts, cost centers and suppliers, so that its reference data is quick."""
    sellers = frozenset(suppliers)
    count = 1
    world = World.make(seed=1, invoices=count)
    while len(found := _bookable(world, sellers)) < invoices:
        count *= 2
        world = World.make(seed=1, invoices=count)
    wanted = tuple(found[:invoices])
    accounts = {*ACCOUNTS, *(line.account for invoice in wanted for line in invoice.lines)}
    coded = {line.cost_center for invoice in wanted for line in invoice.lines} | {"210", "220"}
    return dataclasses.replace(
        world,
        accounts=tuple(account for account in world.accounts if account.code in accounts),
        code_parts=tuple(value for value in world.code_parts if value.part != "B" or value.code in coded),
        suppliers=tuple(supplier for supplier in world.suppliers if supplier.id in sellers),
        invoices=wanted,
        orders=(),
    )


def _bookable(world: World, sellers: frozenset[str]) -> list[Invoice]:
    """Give the invoices of some suppliers whose accounting period is open on the first day."""
    return [invoice for invoice in world.invoices if invoice.supplier in sellers and invoice.invoice_date >= OPEN_SINCE]


class Simulators:
    """IFS and Ramp over one small world, started once and brought back to their first day for each test."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ifs = IfsSandbox(world=world, requests_per_minute=100_000, catalogue_size=10)
        self.ramp = RampSandbox(world=world, calls_per_window=0)
        self.clock = CommonClock(self.ifs.clock, self.ramp.clock)
        self._told: Any = None

    def __enter__(self) -> Self:
        self.ifs.start()
        self.ramp.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ramp.stop()
        self.ifs.stop()

    def reset(self) -> None:
        """Bring the first day back."""
        self.ifs.reset()
        self.ramp.reset()
        self.use_faults("calm")

    def remember(self) -> None:
        """Keep what Ramp has been told of accounts, dimensions and vendors."""
        store = self.ramp.store
        self._told = copy.deepcopy((store.connections, store.books, store.vendors))

    def recall(self) -> None:
        """Bring back what was remembered: reference data is there, and no document on either side."""
        self.ifs.reset()
        self.ramp.journal.clear()
        self.use_faults("calm")
        store = self.ramp.store
        with store.lock:
            store.connections, store.books, store.vendors = copy.deepcopy(self._told)
            for documents in (store.drafts, store.bills, store.syncs):
                documents.clear()
            vars(self.ramp.switches).update(vars(Switches()))

    def use_faults(self, profile: str) -> None:
        """Let both misbehave by a profile."""
        for faults in (self.ifs.faults, self.ramp.faults):
            faults.reset(profile=profile)

    def writes(self) -> int:
        """Count the requests that changed something on either side."""
        return sum(1 for entry in (*self.ifs.journal.entries, *self.ramp.journal.entries) if entry.effect)


class Tenancy(Installation):
    """An installation for Ramp."""

    def __init__(
        self, folder: Path, simulators: Simulators, *, copy_of: Path | None = None, database: str | None = None
    ) -> None:
        self.simulators = simulators
        self.ifs = simulators.ifs
        self.ramp = simulators.ramp
        super().__init__(
            folder,
            sample_sections(simulators),
            secrets=IFS_SECRETS | RAMP_SECRETS,
            clock=simulators.clock,
            copy_of=copy_of,
            database=database,
        )

    def reference(self) -> None:
        """Send accounts, dimensions and suppliers, so that bills can be coded."""
        self.run(*REFERENCE_FLOWS)

    # What people do

    def invoice(self, number: str, *, supplier: str = "S-1001", company: str = "10", **attributes: Any) -> str:
        """Enter an invoice in IFS; give our reference of it."""
        return f"{company}^{self.ifs.people.add_invoice(company, supplier, number, **attributes)}"

    def edit(self, reference: str, **attributes: Any) -> None:
        """Let somebody change an invoice in IFS."""
        company, _, invoice_id = reference.partition("^")
        self.ifs.people.edit_invoice(company, int(invoice_id), **attributes)

    def proposal(self, reference: str) -> dict[str, Any]:
        """Give an invoice as IFS has it."""
        company, _, invoice_id = reference.partition("^")
        return self.ifs.invoices[company, int(invoice_id)]

    def approve(self) -> None:
        """Let people submit and approve everything that waits in Ramp."""
        self.ramp.people.submit_drafts()
        self.ramp.people.approve_bills()

    def bills(self, reference: str) -> list[Any]:
        """Give drafts and bills of Ramp that carry a reference."""
        return [bill for bill in all_bills(self.ramp) if bill.remote_id == reference]

    def bill(self, reference: str) -> Any:
        """Give the one bill or draft of a reference."""
        (found,) = self.bills(reference)
        return found

    def voucher(self, bill_id: str) -> dict[str, Any]:
        """Give the one voucher whose rows carry a bill's id."""
        (found,) = [voucher for voucher in self.ifs.vouchers if bill_id in references(voucher)]
        return found


def all_bills(ramp: RampSandbox) -> list[Any]:
    """Give every draft and bill of Ramp."""
    return [*ramp.drafts.values(), *ramp.bills.values()]


def sample_sections(simulators: Simulators) -> dict[str, Any]:
    """Give the connection file of the tests: drafts, vouchers for all bills, a table of accounts that lacks one."""
    world = simulators.world
    return {
        "name": NAME,
        "integration": "ramp",
        "companies": ["10", "20"],
        "ifs": ifs_section(simulators.ifs),
        "ramp": {
            "base_url": simulators.ramp.url,
            "credential": "sandbox/ramp",
            "read_seconds": 10.0,
            "write_seconds": 10.0,
            "settle_after_seconds": 0,
            "ifs_settle_after_seconds": 0,
            "entities": {company.code: company.name for company in world.companies},
            "vouchers": {"bills": "all", "voucher_type": "M", "user_group": "AC", "credit_account": {"*": "2400"}},
        },
        "mapping": {
            "accounts": {account.code: account.code for account in world.accounts if account.code != UNMAPPED},
            "dimensions": {"CodeB": "Cost center", "CodeC": "Plant", "CodeD": "Project"},
            "tax_accounts": {"*": "1400"},
        },
    }
