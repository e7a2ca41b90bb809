"""Holds the ledger against the simulators' own books: what is lost, doubled, or told differently."""

from collections.abc import Iterator
from decimal import Decimal

from mlc_pipelines.errors import Cause
from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.sandbox.office import Office, Paper

_MANY = 1_000_000
_CHANGED_LATER = {Cause.CHANGED_AFTER_DELIVERY, Cause.CANCELLED_AFTER_DELIVERY}  # an earlier version is there
_SETTLED = {"delivered", "held", "ignored"}


def verify(house: House, office: Office) -> list[str]:
    """Give everything that is wrong, as sentences; nothing when every record is accounted for, to the cent."""
    books = house.ledger.books(office.name)
    papers = office.papers()
    return [
        *office.duplicates(),
        *(f"without If-Match: {call}" for call in office.unguarded()),
        *(problem for paper in papers for problem in _documents(books, paper)),
        *(problem for paper in papers for problem in _sums(books, paper)),
        *_under_way(books),
        *(f"{flow}: {count} writes without a known outcome" for flow, count in books.intents.count_open().items()),
        *(f"{finding.where}: {finding.what}" for finding in house.ledger.audit.verify()),
    ]


def _documents(books: Books, paper: Paper) -> Iterator[str]:
    """Look for every document of the source in the target, else among those that are held or ignored."""
    entries = {entry.key: entry for entry in books.reports.select(flow=paper.flow, limit=_MANY)}
    for key in paper.source:
        what = _document(paper, key, entries.get(key))
        if what is not None:
            yield f"{paper.what} {paper.names.get(key, key)}: {what}"
    for key in paper.target:
        if key not in paper.source:
            yield f"{paper.what} {key} is in {paper.place}, and no document of the source belongs to it"


def _document(paper: Paper, key: str, entry: Entry | None) -> str | None:
    amount, there = paper.source[key], key in paper.target
    if entry is None:
        return "lost: the ledger does not know it"
    delivered = entry.stage in {Stage.CONFIRM, Stage.DONE}
    if delivered and not there:
        return f"lost: delivered by the ledger, and {paper.place} does not have it"
    if there and not delivered and entry.cause not in _CHANGED_LATER:
        return f"in {paper.place}, and {entry.state.value} by the ledger"
    if not there and entry.state not in {State.HELD, State.IGNORED}:
        return f"neither in {paper.place} nor held: {entry.state.value}"
    for place, told in ((paper.place, paper.target.get(key)), ("the ledger", (entry.currency, entry.amount))):
        if told is not None and told != amount:
            return f"{amount[1]} {amount[0]} in the source, {told[1]} {told[0]} in {place}"
    return None


def _sums(books: Books, paper: Paper) -> Iterator[str]:
    """Add up: source = delivered + held + ignored, by currency."""
    rest: dict[str, Decimal] = {}
    for currency, amount in paper.source.values():
        rest[currency] = rest.get(currency, Decimal(0)) + amount
    for line in books.reports.sums(flow=paper.flow):
        if line.place in _SETTLED and line.currency:
            rest[line.currency] = rest.get(line.currency, Decimal(0)) - line.amount
    for currency, amount in rest.items():
        if amount:
            yield f"{paper.flow}: {amount} {currency} of the source are nowhere"


def _under_way(books: Books) -> Iterator[str]:
    """Nothing of any flow may be under way."""
    for line in books.reports.sums():
        if line.place not in _SETTLED:
            yield f"{line.flow} of company {line.company}: {line.count} records are {line.place} ({line.state.value})"
