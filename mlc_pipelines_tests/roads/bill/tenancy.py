"""One connection of a small manufacturer to BILL, both sides simulated, and nobody waiting for anybody's clock."""

import copy
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mlc_pipelines.sandbox.bill import BillSandbox, Credentials
from mlc_pipelines.sandbox.bill.records import Bill, Vendor
from mlc_pipelines.sandbox.bill.switches import Switches
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.integrations.bill.organization import emptied
from mlc_pipelines_tests.roads.installation import IFS_SECRETS, NAME, CommonClock, Installation, ifs_section

BILL_SECRETS = {
    "sandbox/bill/username": Credentials.token_name,
    "sandbox/bill/password": Credentials.token_value,
    "sandbox/bill/developer_key": Credentials.dev_key,
}
UNMAPPED = "6990"
"""An account that the table of the connection lacks."""

REFERENCE_FLOWS = ("chart_of_accounts", "dimensions", "vendors")
NORDHAVN: dict[str, Any] = {
    "name": "Nordhavn Bearings ApS",
    "address": {"line1": "Orientkaj 14", "city": "København", "zipOrPostalCode": "2150", "country": "DK"},
    "billCurrency": "EUR",
}
"""A vendor that is our supplier S-1001, as somebody in BILL might have entered it."""


class Simulators:
    """IFS and BILL over one small world, started once and brought back to their first day for each test."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ifs = IfsSandbox(world=world, requests_per_minute=100_000, catalogue_size=10)
        self.bill = BillSandbox(world=World.make(seed=1, invoices=1), work_seconds=0)
        self.clock = CommonClock(self.ifs.clock, self.bill.clock)
        self._told: Any = None

    def __enter__(self) -> Self:
        self.ifs.start()
        self.bill.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bill.stop()
        self.ifs.stop()

    def reset(self) -> None:
        """Bring the first day back."""
        self.ifs.reset()
        emptied(self.bill)
        self.use_faults("calm")

    def remember(self) -> None:
        """Keep the vendors and classifications that BILL has now."""
        self._told = copy.deepcopy((self.bill.store.vendors, self.bill.store.classifications))

    def recall(self) -> None:
        """Bring back what was remembered: reference data is there, and no document on either side."""
        self.ifs.reset()
        self.bill.journal.clear()
        self.bill.session_office.clear()
        self.use_faults("calm")
        store = self.bill.store
        with store.lock:
            store.vendors, store.classifications = copy.deepcopy(self._told)
            for documents in (store.bills, store.payments, store.subscriptions, store.first_answers):
                documents.clear()
            store.notifications.clear()
            vars(self.bill.switches).update(vars(Switches(work_seconds=0)))

    def use_faults(self, profile: str) -> None:
        """Let both misbehave by a profile."""
        for faults in (self.ifs.faults, self.bill.faults):
            faults.reset(profile=profile)

    def writes(self) -> int:
        """Count the requests that changed something on either side."""
        return sum(1 for entry in (*self.ifs.journal.entries, *self.bill.journal.entries) if entry.effect)


class Tenancy(Installation):
    """An installation for BILL."""

    def __init__(self, folder: Path, simulators: Simulators, *, copy_of: Path | None = None) -> None:
        self.simulators = simulators
        self.ifs = simulators.ifs
        self.bill = simulators.bill
        super().__init__(
            folder,
            sample_sections(simulators),
            secrets=IFS_SECRETS | BILL_SECRETS,
            clock=simulators.clock,
            copy_of=copy_of,
        )

    # What people do in IFS

    def invoice(self, number: str, *, supplier: str = "S-1001", company: str = "10", **attributes: Any) -> str:
        """Enter an invoice; give our key of it."""
        return f"{company}^{self.ifs.people.add_invoice(company, supplier, number, **attributes)}"

    def edit(self, key: str, **attributes: Any) -> None:
        """Change an invoice."""
        company, _, invoice_id = key.partition("^")
        self.ifs.people.edit_invoice(company, int(invoice_id), **attributes)

    def proposal(self, key: str) -> dict[str, Any]:
        """Give an invoice as IFS has it."""
        company, _, invoice_id = key.partition("^")
        return self.ifs.invoices[company, int(invoice_id)]

    # What BILL has

    def bills_of(self, key: str) -> list[Bill]:
        """Give the bills that begin with a key of ours."""
        return [bill for bill in self.bill.bills.values() if key_of(bill) == key]

    def bill_of(self, key: str) -> Bill:
        """Give the one bill of a key."""
        (found,) = self.bills_of(key)
        return found

    def vendor_of(self, supplier: str) -> Vendor:
        """Give the one vendor of a supplier, by its short name."""
        (found,) = [vendor for vendor in self.bill.vendors.values() if vendor.short_name == f"IFS-{supplier}"]
        return found

    def sent(self, number: str = "INV-1", **attributes: Any) -> Bill:
        """Bring an invoice to BILL; give its bill."""
        key = self.invoice(number, **attributes)
        self.run("bills")
        return self.bill_of(key)

    def pay(self, bill: Bill, amount: str | None = None) -> str:
        """Pay a bill, or a part of it; give the id of the payment."""
        (payment,) = self.bill.people.pay_bills([bill.id], amount=amount)
        return payment

    def calls(self, method: str, path: str) -> int:
        """Count the calls to BILL whose path ends so."""
        return sum(1 for e in self.bill.journal.entries if (e.method, e.path.endswith(path)) == (method, True))


def key_of(bill: Bill) -> str:
    """Give the key of the invoice that a bill was made of."""
    return (bill.description or "").split(";")[0].removeprefix("IFS ")


def line(amount: str, account: str = "4010", cost_center: str = "210", **more: str) -> dict[str, str]:
    """A posting line."""
    return {"Account": account, "CodeB": cost_center, "CurrencyAmount": amount, **more}


def sample_sections(simulators: Simulators) -> dict[str, Any]:
    """Give the connection file of the tests: reference data may be made in BILL, a table of accounts lacks one."""
    return {
        "name": NAME,
        "integration": "bill",
        "companies": ["10", "20"],
        "ifs": ifs_section(simulators.ifs),
        "bill": {
            "base_url": simulators.bill.ap_url,
            "organization_id": simulators.bill.organization_id,
            "credential": "sandbox/bill",
            "read_seconds": 10.0,
            "write_seconds": 10.0,
            "settle_after_seconds": 0,
            "ifs_settle_after_seconds": 0,
            "create_accounts": True,
            "create_dimensions": True,
        },
        "mapping": {
            "accounts": {
                account.code: account.code for account in simulators.world.accounts if account.code != UNMAPPED
            },
            "dimensions": {"CodeB": "department", "CodeC": "location", "CodeD": "class"},
            "tax_accounts": {"*": "1400"},
        },
    }


FIRST, LAST = date(2026, 1, 1), date(2099, 12, 31)
