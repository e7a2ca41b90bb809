"""A source of documents and a target of bills, both with ETags, and a road between them that can fail at each call."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from mlc_pipelines.errors import (
    Cause,
    ConfigurationError,
    OutcomeUnknownError,
    RecordError,
    StaleRecordError,
    TransientError,
)
from mlc_pipelines_tests.flows.world import TestClock

SETTLE_SECONDS = 75.0
LATEST = SETTLE_SECONDS - 1
R = TypeVar("R")

SOURCE, TARGET = "source", "target"
FAULTS = ("refused", "rejected", "lost there", "late", "lost back", "meddled")
"""What can happen to a write; a read fails where a write would be refused or lost, and else goes well."""


@dataclass(frozen=True)
class Document:
    """An invoice in the source."""

    key: str
    amount: int
    account: str
    period: str
    void: bool = False
    etag: int = 1
    sent: str | None = None  # our mark: the id of the bill
    paid: str | None = None

    def content(self) -> tuple[int, str, str]:
        """Give what a bill is made of."""
        return self.amount, self.account, self.period


@dataclass(frozen=True)
class Bill:
    """A bill in the target; its reference is the key of the document."""

    id: str
    reference: str
    amount: int
    account: str
    period: str
    etag: int = 1
    paid: bool = False

    def content(self) -> tuple[int, str, str]:
        """Give what the document decides of it."""
        return self.amount, self.account, self.period


@dataclass
class Office:
    """Both sides by their own books, and what will go wrong with the next calls."""

    clock: TestClock
    documents: dict[str, Document] = field(default_factory=dict)
    bills: dict[str, Bill] = field(default_factory=dict)  # by id
    creates: Counter[str] = field(default_factory=Counter)  # by reference
    open_periods: set[str] = field(default_factory=lambda: {"P1", "P2"})
    expired: set[str] = field(default_factory=set)  # sides whose token is no longer taken
    weather: list[str] = field(default_factory=list)  # a fault, or nothing, for each of the next calls
    on_the_way: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)
    pause: Callable[[], None] = lambda: None  # where a worker may be left for ever

    # The network

    def ask(self, side: str, read: Callable[[], R]) -> R:
        """Answer a question."""
        if self._call(side) in {"refused", "lost there", "lost back"}:
            raise TransientError(f"{side}: no answer")
        return read()

    def tell(self, side: str, write: Callable[[], R], meddle: Callable[[], None]) -> R:
        """Perform a write, or not, and answer it, or not."""
        match self._call(side):
            case "refused":
                raise TransientError(f"{side}: not performed", refused=True)
            case "rejected":
                raise RecordError(f"{side}: no", cause=Cause.REJECTED_BY_TARGET)
            case "lost there":
                raise OutcomeUnknownError(f"{side}: lost on the way there")
            case "late":
                self.on_the_way.append((self.clock.at + timedelta(seconds=LATEST), write))
                raise OutcomeUnknownError(f"{side}: performed later")
            case "meddled":
                meddle()
                return write()
            case "lost back":
                write()
                raise OutcomeUnknownError(f"{side}: lost on the way back")
        return write()

    def _call(self, side: str) -> str:
        self.clock.sleep(0.5)
        self.arrive()
        self.pause()
        self.arrive()
        if side in self.expired:
            raise ConfigurationError(f"{side}: 401, the token has expired")
        return self.weather.pop(0) if self.weather else ""

    def arrive(self) -> None:
        """Perform the writes that have been on their way long enough; what is refused then, nobody hears."""
        for late in [late for late in self.on_the_way if late[0] <= self.clock.at]:
            self.on_the_way.remove(late)
            try:
                late[1]()
            except RecordError:
                continue

    # The source

    def document(self, key: str) -> Document:
        """Give a document as it is now."""
        return self.documents[key]

    def patch(self, key: str, etag: int, **values: Any) -> None:
        """Change a document that is still the one that was read."""
        if self.documents[key].etag != etag:
            raise StaleRecordError(f"{key}: 412")
        self.touch(key, **values)

    def touch(self, key: str, **values: Any) -> None:
        """Let somebody change a document, or export it anew as it is."""
        before = self.documents[key]
        self.documents[key] = replace(before, etag=before.etag + 1, **values)

    # The target

    def bill_of(self, reference: str) -> Bill | None:
        """Find the bill of a reference."""
        return next((bill for bill in self.bills.values() if bill.reference == reference), None)

    def create(self, payload: Mapping[str, Any]) -> Bill:
        """Make a bill; the target does not look whether there is one of the same reference."""
        self._check_period(payload["period"])
        bill = Bill(f"T{len(self.bills) + 1}", payload["reference"], *_content(payload))
        self.bills[bill.id] = bill
        self.creates[bill.reference] += 1
        return bill

    def amend(self, bill_id: str, etag: int, payload: Mapping[str, Any]) -> Bill:
        """Change a bill that is still the one that was read and not paid."""
        before = self.bills[bill_id]
        if before.etag != etag:
            raise StaleRecordError(f"{bill_id}: 412")
        if before.paid:
            raise RecordError(f"{bill_id} is paid", cause=Cause.CHANGED_AFTER_DELIVERY)
        self._check_period(payload["period"])
        amount, account, period = _content(payload)
        bill = replace(before, etag=etag + 1, amount=amount, account=account, period=period)
        self.bills[bill_id] = bill
        return bill

    def meddle(self, bill_id: str) -> None:
        """Let somebody touch a bill."""
        before = self.bills[bill_id]
        self.bills[bill_id] = replace(before, etag=before.etag + 1)

    def pay(self, bill_id: str) -> None:
        """Pay a bill."""
        before = self.bills[bill_id]
        self.bills[bill_id] = replace(before, etag=before.etag + 1, paid=True)

    def _check_period(self, period: str) -> None:
        if period not in self.open_periods:
            raise RecordError(f"period {period} is closed", cause=Cause.REJECTED_BY_TARGET)


def _content(payload: Mapping[str, Any]) -> tuple[int, str, str]:
    return payload["amount"], payload["account"], payload["period"]
