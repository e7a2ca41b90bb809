"""What the tenant holds, the lock around it, and how its records are found and numbered."""

import random
import threading
import uuid
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.procurify.bill_records import Bill
from mlc_pipelines.sandbox.procurify.records import (
    AccountCode,
    Budget,
    Currency,
    CustomField,
    Department,
    Location,
    Order,
    Payment,
    Person,
    Vendor,
    Write,
)
from mlc_pipelines.sandbox.procurify.switches import Switches
from mlc_pipelines.sandbox.world import World

FIRST = {"bill": 4701, "vendor": 81, "line": 90001, "order": 1041, "payment": 301, "group": 71}
YEAR = (date(2026, 1, 1), date(2026, 12, 31))


Found = TypeVar("Found")


class Store:
    """The records by id; every access happens under `lock`."""

    def __init__(self, world: World, *, seed: int, clock: SandboxClock, switches: Switches) -> None:
        self.lock = threading.RLock()
        self.world = world
        self.seed = seed
        self.switches = switches
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Forget everything and number from the start again."""
        self._next: dict[str, int] = {}
        self.locations: dict[int, Location] = {}
        self.departments: dict[int, Department] = {}
        self.account_codes: dict[int, AccountCode] = {}
        self.budgets: dict[int, Budget] = {}
        self.currencies: dict[int, Currency] = {}
        self.people: dict[int, Person] = {}
        self.vendors: dict[int, Vendor] = {}
        self.bills: dict[int, Bill] = {}
        self.orders: dict[int, Order] = {}
        self.payments: dict[int, Payment] = {}
        self.custom_fields: dict[int, CustomField] = {}
        self.writes: list[Write] = []
        self.visible_location: int | None = None

    def now(self) -> datetime:
        """Return the sandbox's time."""
        return self._clock.now()

    @property
    def zone(self) -> ZoneInfo:
        """Where the account's day begins."""
        return ZoneInfo(self.switches.zone)

    def day(self, moment: datetime | None) -> date | None:
        """Return the account's day of a moment."""
        return moment.astimezone(self.zone).date() if moment else None

    def new_id(self, kind: str) -> int:
        """Return the next number of a kind of record."""
        number = self._next.get(kind, FIRST.get(kind, 1))
        self._next[kind] = number + 1
        return number

    def new_uuid(self, kind: str, number: int) -> str:
        """Return the unguessable name of a record; the same seed and number give the same."""
        dice = random.Random(f"{kind} {self.seed} {number}")
        return str(uuid.UUID(int=dice.getrandbits(128), version=4))

    def touch(self, row: Bill | Order) -> None:
        """Let a record be modified now, later than before."""
        row.last_modified = max(self.now(), row.last_modified + timedelta(milliseconds=1))

    def visible_bills(self) -> list[Bill]:
        """Return the bills the service user may see."""
        where = self.visible_location
        return [bill for bill in self.bills.values() if where is None or where in locations_of(bill)]

    def budget(self, code: AccountCode, department: Department) -> Budget:
        """Find this year's budget of an account in a department, or make it."""
        for row in self.budgets.values():
            if row.account_code is code and row.department is department and row.start_date == YEAR[0]:
                return row
        made = Budget(self.new_id("budget"), code, department, *YEAR)
        self.budgets[made.id] = made
        return made

    def account(self, code: str) -> AccountCode:
        """Find an account code."""
        return _the((row for row in self.account_codes.values() if row.code == code), code)

    def department(self, code: str, *, company: str) -> Department:
        """Find a department of a company by its cost center."""
        rows = (row for row in self.departments.values() if row.branch.company == company)
        return _the((row for row in rows if row.code == code), f"{company} {code}")

    def currency(self, name: str) -> Currency:
        """Find a currency."""
        return _the((row for row in self.currencies.values() if row.name == name), name)

    def person(self, key: str) -> Person:
        """Find a person by name, e-mail address or the ERP's user."""
        return _the((row for row in self.people.values() if key in (row.key, row.name, row.email)), key)

    def vendor(self, key: int | str) -> Vendor:
        """Find a vendor by id, by the ERP's number or by name."""
        rows = self.vendors.values()
        return _the((row for row in rows if str(key) in (str(row.id), row.supplier, row.name)), key)

    def bill(self, key: int | str) -> Bill:
        """Find a bill by id or uuid."""
        return _the((row for row in self.bills.values() if str(key) in (str(row.id), row.uuid)), key)

    def order(self, key: int | str) -> Order:
        """Find a purchase order by number or uuid."""
        return _the((row for row in self.orders.values() if str(key) in (str(row.id), row.uuid)), key)

    def peculiar(self, peculiarity: str) -> Bill:
        """Find the bill of the first day that is here for this reason."""
        return _the((row for row in self.bills.values() if row.peculiarity == peculiarity), peculiarity)


def _the(rows: Iterable[Found], key: object) -> Found:
    found = next(iter(rows), None)
    if found is None:
        raise KeyError(key)
    return found


def locations_of(bill: Bill) -> set[int]:
    """Return the ids of the locations charged."""
    return {row.budget.department.branch.id for row in bill.allocations}
