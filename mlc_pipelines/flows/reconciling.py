"""Month-end match: source = target + held + ignored + under way, by company and currency, to the cent."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.states import Stage, State


@dataclass(frozen=True, slots=True)
class Document:
    """A document as one side has it. `key` is the source's key on both sides (our reference in the target)."""

    key: str
    company: str
    label: str
    partner: str
    currency: str
    amount: Decimal
    dated: date
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One document on which the two sides and the ledger do not agree, and how."""

    company: str
    currency: str
    key: str
    label: str
    partner: str
    source: Decimal | None
    target: Decimal | None
    what: str


@dataclass
class Match:
    """One company and currency: counts and sums of every place a document can be."""

    company: str
    currency: str
    counts: dict[str, int] = field(default_factory=dict)
    sums: dict[str, Decimal] = field(default_factory=dict)

    def add(self, place: str, amount: Decimal) -> None:
        """Count a document at a place: source, target, held, ignored, under_way."""
        self.counts[place] = self.counts.get(place, 0) + 1
        self.sums[place] = self.sums.get(place, Decimal(0)) + amount

    @property
    def difference(self) -> Decimal:
        """What is left of the source after target, held, ignored and under way."""
        return self.sums.get("source", Decimal(0)) - sum(
            (self.sums.get(place, Decimal(0)) for place in PLACES), Decimal(0)
        )


ONLY_THERE = "only in the target: the source has no such document in this period"
PLACES = ("target", "held", "ignored", "under_way")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The match of one connection and period."""

    connection: str
    first: date
    last: date
    matches: tuple[Match, ...]
    differences: tuple[Difference, ...]

    @property
    def matched(self) -> bool:
        """True when nothing differs, neither in sum nor in any document."""
        return not self.differences and all(match.difference == 0 for match in self.matches)


def reconcile(
    connection: str,
    period: tuple[date, date],
    source: Iterable[Document],
    target: Iterable[Document],
    entries: Iterable[Entry],
) -> Reconciliation:
    """Match document by document. `entries` are the newest versions of the documents' flow in the ledger."""
    ledger = {entry.key: entry for entry in entries}
    there: dict[str, list[Document]] = {}
    for document in target:
        there.setdefault(document.key, []).append(document)
    matches: dict[tuple[str, str], Match] = {}
    differences: list[Difference] = []
    for document in _with_those_that_left(source, ledger):
        match = matches.setdefault((document.company, document.currency), Match(document.company, document.currency))
        match.add("source", document.amount)
        found = there.pop(document.key, [])
        place = _place(ledger.get(document.key), found)
        what = _difference(document, found, ledger.get(document.key))
        for each in found:
            there_too = (each.company, each.currency)
            matches.setdefault(there_too, Match(*there_too)).add("target", each.amount)
        if not found and place in PLACES:
            match.add(place, document.amount)
        if what:
            differences.append(_differ(document, found, what))
    for extra in (document for documents in there.values() for document in documents):
        matches.setdefault((extra.company, extra.currency), Match(extra.company, extra.currency)).add(
            "target", extra.amount
        )
        differences.append(_differ(extra, [extra], ONLY_THERE, source=False))
    ordered = tuple(matches[key] for key in sorted(matches))
    return Reconciliation(
        connection,
        *period,
        ordered,
        tuple(sorted(differences, key=lambda each: (each.company, each.currency, each.key))),
    )


def _with_those_that_left(source: Iterable[Document], ledger: Mapping[str, Entry]) -> Iterator[Document]:
    """Give the source's documents, then those that the source no longer lists (finally posted) from our own copy."""
    listed = set()
    for document in source:
        listed.add(document.key)
        yield document
    for key, entry in ledger.items():
        if key not in listed and entry.amount is not None and entry.currency is not None and entry.dated is not None:
            yield Document(key, entry.company, entry.label, entry.partner, entry.currency, entry.amount, entry.dated)


def _place(entry: Entry | None, found: Sequence[Document]) -> str:
    if found:
        return "target"
    if entry is None or entry.stage in {Stage.CONFIRM, Stage.DONE}:
        return "missing"
    return {State.HELD: "held", State.IGNORED: "ignored"}.get(entry.state, "under_way")


def _difference(document: Document, found: Sequence[Document], entry: Entry | None) -> str | None:
    if len(found) > 1:
        return f"{len(found)} documents in the target for one in the source"
    if found and (found[0].company, found[0].currency) != (document.company, document.currency):
        return f"in the target it is {found[0].amount} {found[0].currency} of company {found[0].company}"
    if found and found[0].amount != document.amount:
        held = f"; the change is {entry.state.value} ({entry.problem})" if entry is not None and entry.problem else ""
        return f"amounts differ by {document.amount - found[0].amount}{held}"
    if found and entry is not None and (entry.state, entry.cause) == (State.IGNORED, Cause.CANCELLED):
        return f"the target has it, and {entry.problem}"
    if found:
        return None
    if entry is None:
        return "not in the ledger: the next run collects it"
    if entry.stage in {Stage.CONFIRM, Stage.DONE} and entry.state is not State.IGNORED:
        return f"delivered as {entry.external_id}, but the target no longer has it"
    if entry.amount != document.amount:
        return f"changed since it was read: the ledger has {entry.amount}"
    return None


def _differ(document: Document, found: Sequence[Document], what: str, *, source: bool = True) -> Difference:
    target = sum((each.amount for each in found), Decimal(0)) if found else None
    amount = document.amount if source else None
    return Difference(
        document.company, document.currency, document.key, document.label, document.partner, amount, target, what
    )
