"""Holds the ledger against the simulators' own books: what is lost, doubled, or told differently."""

from collections.abc import Iterator
from decimal import Decimal

from mlc_pipelines.errors import Cause
from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.sandbox.office import Office
from mlc_pipelines.sandbox.samples import NAME
from mlc_pipelines.sandbox.world import Invoice

_MANY = 1_000_000
_CHANGED_LATER = {Cause.CHANGED_AFTER_DELIVERY, Cause.CANCELLED_AFTER_DELIVERY}  # an earlier version is in Ramp
_SETTLED = {"delivered", "held", "ignored"}


def verify(house: House, office: Office) -> list[str]:
    """Give everything that is wrong, as sentences; nothing when every record is accounted for, to the cent."""
    books = house.ledger.books(NAME)
    return [
        *office.duplicates(),
        *(f"without If-Match: {call}" for call in office.unguarded()),
        *_invoices(books, office),
        *_sums(books, office),
        *_payments(books, office),
        *(f"{flow}: {count} writes without a known outcome" for flow, count in books.intents.count_open().items()),
        *(f"{finding.where}: {finding.what}" for finding in house.ledger.audit.verify()),
    ]


def _invoices(books: Books, office: Office) -> Iterator[str]:
    """Look for every invoice of the source in Ramp, else among those that are held or ignored."""
    sent = office.sent()
    entries = {entry.key: entry for entry in books.reports.select(flow="bills", limit=_MANY)}
    for invoice in office.world.invoices:
        key = f"{invoice.company}^{invoice.id}"
        what = _invoice(invoice, entries.get(key), sent.pop(key, None))
        if what is not None:
            yield f"invoice {invoice.number} of {invoice.supplier}: {what}"
    yield from (f"bill {key} is in Ramp, and no invoice of the source belongs to it" for key in sent)


def _invoice(invoice: Invoice, entry: Entry | None, bill: tuple[str, Decimal] | None) -> str | None:
    gross = (invoice.currency, invoice.net + invoice.vat)
    if entry is None:
        return "lost: the ledger does not know it"
    delivered = entry.stage in {Stage.CONFIRM, Stage.DONE}
    if bill is None and delivered:
        return "lost: delivered by the ledger, and Ramp does not have it"
    if bill is not None and not delivered and entry.cause not in _CHANGED_LATER:
        return f"in Ramp, and {entry.state.value} by the ledger"
    if bill is None and entry.state not in {State.HELD, State.IGNORED}:
        return f"neither in Ramp nor held: {entry.state.value}"
    for place, told in (("Ramp", bill), ("the ledger", (entry.currency, entry.amount))):
        if told is not None and told != gross:
            return f"{gross[1]} {gross[0]} in IFS, {told[1]} {told[0]} in {place}"
    return None


def _sums(books: Books, office: Office) -> Iterator[str]:
    """Add up: source = delivered + held + ignored, by currency; nothing of any flow may be under way."""
    rest: dict[str, Decimal] = {}
    for invoice in office.world.invoices:
        rest[invoice.currency] = rest.get(invoice.currency, Decimal(0)) + invoice.net + invoice.vat
    for line in books.reports.sums():
        if line.flow == "bills" and line.place in _SETTLED and line.currency:
            rest[line.currency] = rest.get(line.currency, Decimal(0)) - line.amount
        if line.place not in _SETTLED:
            yield f"{line.flow} of company {line.company}: {line.count} records are {line.place} ({line.state.value})"
    yield from (f"{amount} {currency} of the source are nowhere" for currency, amount in rest.items() if amount)


def _payments(books: Books, office: Office) -> Iterator[str]:
    """Look for the mark of every paid bill on its invoice in IFS, unless the payment is held."""
    held = {entry.key for entry in books.reports.select(flow="payments", states=(State.HELD,), limit=_MANY)}
    marks = {f"{key[0]}^{key[1]}": values.get("Cf_Payment_Reference") for key, values in office.ifs.invoices.items()}
    for bill in office.ramp.bills.values():
        wanted = f"ramp:{bill.id}"
        if bill.remote_id and bill.status == "PAID" and bill.id not in held and marks.get(bill.remote_id) != wanted:
            yield f"bill {bill.remote_id} is paid, and its invoice in IFS says {marks.get(bill.remote_id) or 'nothing'}"
