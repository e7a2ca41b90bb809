"""What people do in Stampli and on its server: receive, approve, pay, edit, cancel, export, and drop files by hand."""

import base64 as coding
import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, ParamSpec, TypeVar

from mlc_pipelines.sandbox.stampli.drop import INVOICES, Drop
from mlc_pipelines.sandbox.stampli.exporting import Exporter
from mlc_pipelines.sandbox.stampli.records import (
    APPROVED,
    CANCELLED,
    CREDIT,
    INVOICE,
    PAID,
    PENDING,
    REJECTED,
    Invoice,
    Line,
)
from mlc_pipelines.sandbox.stampli.seed import COMPANY
from mlc_pipelines.sandbox.world import World

PER_FILE = 10
DUE_DAYS = 30
DATES = frozenset({"invoice_date", "due_date", "gl_date"})
AMOUNTS = frozenset({"tax", "freight"})
TEXTS = frozenset({"company", "number", "vendor_id", "vendor_name", "currency", "po_number", "payment_terms"})
LINE_CHANGES = frozenset({"amount", "account", "cost_center", "description"})
P = ParamSpec("P")
R = TypeVar("R")


def _act(method: Callable[P, R]) -> Callable[P, R]:
    """Do it under the drop folder's lock."""

    @functools.wraps(method)
    def act(*args: P.args, **given: P.kwargs) -> R:
        people: Any = args[0]
        with people.drop.lock:
            return method(*args, **given)

    return act


class People:
    """Every method is one thing a person does; an invoice is named by its Stampli id, or its number if that is one."""

    def __init__(
        self,
        world: World,
        drop: Drop,
        *,
        invoices: dict[str, Invoice],
        exporter: Exporter,
        server: Mapping[str, Callable[..., Any]],
    ) -> None:
        self.world = world
        self.drop = drop
        self.invoices = invoices
        self._exporter = exporter
        self._server = server

    def actions(self) -> Mapping[str, Callable[..., Any]]:
        """Return the actions by name, for the control endpoint."""
        names = [name for name in vars(People) if not name.startswith("_") and name != "actions"]
        return {name: getattr(self, name) for name in names} | dict(self._server)

    # In Stampli

    @_act
    def receive_invoice(
        self,
        vendor_id: str = "S-1001",
        *,
        amount: str = "100.00",
        number: str | None = None,
        currency: str | None = None,
        vendor_name: str | None = None,
        company: str | None = None,
        account: str = "4400",
        cost_center: str = "230",
        status: str = PENDING,
    ) -> str:
        """Let an invoice of one line come in; a negative amount is a credit note. Returns the Stampli id."""
        known = next((supplier for supplier in self.world.suppliers if supplier.id == vendor_id), None)
        currency = currency or (known.currency if known else "EUR")
        owed = _amount(amount)
        today = self.drop.clock.now().date()
        position = len(self.invoices)
        made = Invoice(
            id=f"ST{800100 + position}",
            company=company or COMPANY.get(currency, "10"),
            number=number or f"H-{position:05}",
            type=CREDIT if owed < 0 else INVOICE,
            vendor_id=vendor_id,
            vendor_name=vendor_name or (known.name if known else "Unheard-of Works"),
            invoice_date=today,
            due_date=today + timedelta(days=DUE_DAYS),
            gl_date=None,
            currency=currency,
            tax=Decimal(0),
            freight=Decimal(0),
            lines=[Line(1, account, cost_center, owed, "Entered by hand")],
            status=PENDING,
        )
        self.invoices[made.id] = made
        self._advance(made, to=status)
        return made.id

    @_act
    def approve(self, ids: Iterable[str] | str = "all") -> list[str]:
        """Approve all that wait for it, or these; return the Stampli ids."""
        return self._all_to(APPROVED, ids=ids, waiting=PENDING)

    @_act
    def pay(self, ids: Iterable[str] | str = "all") -> list[str]:
        """Pay all that are approved, or these; return the Stampli ids."""
        return self._all_to(PAID, ids=ids, waiting=APPROVED)

    @_act
    def reject(self, invoice: str) -> str:
        """Reject an invoice that waits for approval."""
        found = self._invoice(invoice)
        if found.status != PENDING:
            raise ValueError(f"{found.number} is {found.status}: only pending ones are rejected")
        found.status = REJECTED
        return found.id

    @_act
    def cancel(self, invoice: str) -> str:
        """Cancel an invoice that is not paid, posted or not."""
        found = self._invoice(invoice)
        if found.status in (PAID, CANCELLED):
            raise ValueError(f"{found.number} is {found.status}")
        found.status = CANCELLED
        return found.id

    @_act
    def wipe(self, invoice: str) -> str:
        """Cancel with the reason Test: it is gone from every list and never exported again."""
        return self.invoices.pop(self._invoice(invoice).id).id

    @_act
    def edit(self, invoice: str, line: int = 1, **changes: str) -> str:
        """Change header fields, or amount, account, cost_center, description of one line; posted or not."""
        found = self._invoice(invoice)
        unknown = set(changes) - DATES - AMOUNTS - TEXTS - LINE_CHANGES
        if unknown:
            raise ValueError(f"an invoice has no {', '.join(sorted(unknown))}")
        lines = [part for part in found.lines if part.no == line]
        if not lines:
            raise ValueError(f"{found.number} has no line {line}")
        for name, value in changes.items():
            if name in DATES:
                setattr(found, name, date.fromisoformat(value))
            elif name in AMOUNTS:
                setattr(found, name, _amount(value))
            elif name == "amount":
                lines[0].amount = _amount(value)
            else:
                setattr(lines[0] if name in LINE_CHANGES else found, name, str(value))
        return found.id

    # Exports

    @_act
    def export_invoices(
        self,
        layout: str = "csv",
        *,
        which: Iterable[str] | str = "changed",
        per_file: int = PER_FILE,
        name: str | None = None,
    ) -> list[str]:
        """Export what is new or changed since the last export, `all`, or these; return the paths of the files."""
        if which == "changed":
            chosen = [invoice for invoice in self.invoices.values() if invoice.exported != invoice.standing()]
        elif which == "all":
            chosen = list(self.invoices.values())
        else:
            chosen = [self._invoice(key) for key in _several(which)]
        return self._exporter.invoices(chosen, layout=layout, per_file=per_file, name=name)

    @_act
    def export_vendors(self) -> str:
        """Export the vendor list; return the path."""
        return self._exporter.vendors()

    @_act
    def export_purchase_orders(self) -> str:
        """Export the purchase orders; return the path."""
        return self._exporter.purchase_orders()

    # Files dropped by hand

    @_act
    def upload_file(
        self,
        name: str,
        content: bytes | str = b"",
        *,
        mtime: int | str | None = None,
        slowly: bool = False,
        folder: str = INVOICES,
        base64: str | None = None,
    ) -> str:
        """Put a file there, over one of that name; `slowly` leaves half of it as `.filepart` until finish_upload.

        `mtime` is in seconds since 1970 or ISO 8601. Returns the final path.
        """
        path = f"{folder}/{_file_name(name)}"
        whole = _bytes(content, base64)
        if not slowly:
            return self.drop.write(path, whole, mtime=_seconds(mtime))
        self.drop.begin(path, whole)
        return path

    @_act
    def finish_upload(self, name: str, *, folder: str = INVOICES) -> str:
        """Write the other half of a slow upload, and rename it."""
        return self.drop.finish(f"{folder}/{name}")

    @_act
    def grow_file(self, name: str, more: bytes | str, *, folder: str = INVOICES, base64: str | None = None) -> str:
        """Append to a file under its own name."""
        path = f"{folder}/{name}"
        self.drop.append(path, _bytes(more, base64))
        return path

    @_act
    def replace_file(
        self,
        name: str,
        content: bytes | str,
        *,
        same_second: bool = True,
        folder: str = INVOICES,
        base64: str | None = None,
    ) -> str:
        """Put other content under a name, by default without a change of the time."""
        path = f"{folder}/{name}"
        self.drop.replace(path, _bytes(content, base64), same_second=same_second)
        return path

    @_act
    def remove_file(self, name: str, *, folder: str = INVOICES) -> str:
        """Remove a file, as somebody who cleans up does."""
        path = f"{folder}/{name}"
        self.drop.on_disk(path).unlink()
        return path

    @_act
    def link_file(self, name: str, target: str, *, folder: str = INVOICES) -> str:
        """Put a symbolic link there."""
        path = f"{folder}/{_file_name(name)}"
        self.drop.on_disk(path).symlink_to(target)
        return path

    def _all_to(self, status: str, *, ids: Iterable[str] | str, waiting: str) -> list[str]:
        if ids == "all":
            chosen = [invoice for invoice in self.invoices.values() if invoice.status == waiting]
        else:
            chosen = [self._invoice(key) for key in _several(ids)]
        for invoice in chosen:
            if invoice.status != waiting:
                raise ValueError(f"{invoice.number} is {invoice.status}, not {waiting}")
        for invoice in chosen:
            self._advance(invoice, to=status)
        return [invoice.id for invoice in chosen]

    def _advance(self, invoice: Invoice, *, to: str) -> None:
        if to not in (PENDING, APPROVED, PAID):
            raise ValueError(f"unknown status {to!r}")
        invoice.status = to
        if to == APPROVED or (to == PAID and invoice.approved_at is None):
            invoice.approved_by = self.world.users[0].email
            invoice.approved_at = self.drop.clock.now().replace(microsecond=0)

    def _invoice(self, key: str) -> Invoice:
        if key in self.invoices:
            return self.invoices[key]
        found = [invoice for invoice in self.invoices.values() if invoice.number == key]
        if len(found) != 1:
            raise ValueError(f"{len(found)} invoices are called {key!r}")
        return found[0]


def _several(ids: Iterable[str] | str) -> list[str]:
    return [ids] if isinstance(ids, str) else list(ids)


def _amount(text: str) -> Decimal:
    try:
        return Decimal(str(text))
    except InvalidOperation as exc:
        raise ValueError(f"{text!r} is no amount") from exc


def _file_name(name: str) -> str:
    if not name or "/" in name or "\0" in name or name in (".", ".."):
        raise ValueError(f"{name!r} cannot be the name of a file; such names are only shown, by show_names")
    return name


def _bytes(content: bytes | str, base64: str | None) -> bytes:
    if base64 is not None:
        return coding.b64decode(base64, validate=True)
    return content.encode() if isinstance(content, str) else content


def _seconds(mtime: int | str | None) -> int | None:
    if mtime is None or isinstance(mtime, int):
        return mtime
    at = datetime.fromisoformat(mtime)
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
