"""The oracle: what has to be in the target for each document, or why it is held, from what people did alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines_tests.machine.flows import Papers, Payments, read
from mlc_pipelines_tests.machine.office import Bill, Document, Office

Content = tuple[int, str, str]
Verdict = tuple[State, Cause | None]
SETTLED = {"delivered", "held", "ignored"}
SENT: Verdict = (State.CONFIRMED, None)


@dataclass
class Oracle:
    """Follows what people do. Documents have few ways to stand in the end, most have one: see `verdicts`.

    There is a choice where a table or a period changed after a document was written: whether a pass came in between
    is the ledger's word, and both are right as long as target and ledger agree.
    """

    office: Office
    accounts: dict[str, str]
    chances: dict[str, set[Content]] = field(default_factory=dict)  # bills that each could have been made into
    closed: set[str] = field(default_factory=set)  # to which the closed period was once all that stood in the way
    forgotten: set[str] = field(default_factory=set)  # sent when a backup was restored, perhaps since it was made
    unmarked: set[str] = field(default_factory=set)  # of these, those whose document did not say so
    by_hand: set[tuple[str, bool, Content]] = field(default_factory=set)  # what was closed, in which content

    def written(self, key: str) -> None:
        """A document has new content."""
        self.chances[key] = set()
        self.closed.discard(key)
        self.noticed()

    def noticed(self) -> None:
        """Note what each document could be made into now; called whenever something changes."""
        for key, document in self.office.documents.items():
            could = self._now(document)
            if could is not None:
                self.chances[key].add(could)
            elif document.account in self.accounts:
                self.closed.add(key)

    def _now(self, document: Document) -> Content | None:
        account = self.accounts.get(document.account)
        if account is None or document.period not in self.office.open_periods:
            return None
        return document.amount, account, document.period

    def restored(self) -> None:
        """The ledger forgets: what it sent since, and of what was not marked then only the target tells."""
        for bill in self.office.bills.values():
            self.forgotten.add(bill.reference)
            if self.office.documents[bill.reference].sent is None:
                self.unmarked.add(bill.reference)

    def settled(self, entries: Sequence[Entry]) -> None:
        """A person has settled these as they are, and closed them."""
        for document in (read(entry.source) for entry in entries):
            self.by_hand.add((document.key, document.void, document.content()))

    def verdicts(self, document: Document, bill: Bill | None) -> set[Verdict]:
        """Give the ways in which a document may stand once everything has come to rest; a closing may be forgotten."""
        closed = (document.key, document.void, document.content()) in self.by_hand
        return self._unclosed(document, bill) | ({(State.IGNORED, Cause.CLOSED_BY_HAND)} if closed else set())

    def _unclosed(self, document: Document, bill: Bill | None) -> set[Verdict]:
        if document.void:
            found = {(State.HELD, Cause.CANCELLED_AFTER_DELIVERY)} if bill else {(State.IGNORED, Cause.CANCELLED)}
            return found | ({(State.IGNORED, Cause.CANCELLED)} if document.key in self.unmarked else set())
        could = self.chances[document.key]
        earlier: set[Verdict] = set()
        if bill is not None and bill.content() in could:
            earlier.add(SENT)  # made while it could be
        if bill is not None and bill.paid and could - {bill.content()}:
            earlier.add((State.HELD, Cause.CHANGED_AFTER_DELIVERY))
        if self._now(document) is not None:
            return earlier or {SENT}
        if document.account in self.accounts:
            return earlier | {(State.HELD, Cause.PERIOD_CLOSED)}
        if document.key in self.closed and document.period not in self.office.open_periods:
            earlier.add((State.HELD, Cause.PERIOD_CLOSED))  # it is looked at again when the period opens
        return earlier | {(State.HELD, Cause.ACCOUNT_UNMAPPED)}

    # The account

    def wrong(self, ledger: Ledger) -> Iterator[str]:
        """Give everything that is not as it has to be, as sentences."""
        books = ledger.books("acme")
        papers = {entry.key: entry for entry in books.reports.select(flow=Papers.name, limit=1000)}
        for key, document in self.office.documents.items():
            yield from self._document(document, self.office.bill_of(key), papers.get(key))
        payments = {entry.key: entry for entry in books.reports.select(flow=Payments.name, limit=1000)}
        for bill in self.office.bills.values():
            yield from self._payment(bill, payments.get(bill.id), papers.get(bill.reference))
        yield from (f"{key} was made {count} times" for key, count in self.office.creates.items() if count != 1)
        yield from (f"{flow}: {count} writes of unknown outcome" for flow, count in books.intents.count_open().items())
        yield from (f"{finding.where}: {finding.what}" for finding in ledger.audit.verify())
        held = sum(group.count for group in books.reports.held())
        newest = sum(entry.state is State.HELD for entry in (*papers.values(), *payments.values()))
        if held != newest:
            yield f"{held} are shown as held, {newest} are"
        source = sum(document.amount for document in self.office.documents.values())
        lines = books.reports.sums(flow=Papers.name)
        if {line.place for line in lines} - SETTLED or sum(line.amount for line in lines) != source:
            yield f"the source has {source}, the ledger {[(line.place, line.amount) for line in lines]}"

    def _document(self, document: Document, bill: Bill | None, entry: Entry | None) -> Iterator[str]:
        key = document.key
        if entry is None:
            yield f"{key} is lost"
            return
        stands, allowed = (entry.state, entry.cause), self.verdicts(document, bill)
        if stands not in allowed:
            yield f"{key} is {stands} ({entry.problem}); it should be {allowed}; {document}, {bill}"
        if entry.state is not State.CONFIRMED:
            return
        if bill is None or bill.id != entry.external_id or bill.content() not in self.chances[key]:
            yield f"{key} is sent as {entry.external_id}; there is {bill} for {document}"
        elif document.sent != bill.id:
            yield f"{key} is marked as {document.sent}, its bill is {bill.id}"

    def _payment(self, bill: Bill, entry: Entry | None, paper: Entry | None) -> Iterator[str]:
        mark = self.office.documents[bill.reference].paid
        if self._is_unlinked(bill, entry, paper):
            return
        if mark != (bill.id if bill.paid else None):
            yield f"{bill} and the mark {mark}"
        if bill.paid and (entry is None or entry.stage is not Stage.DONE):
            yield f"{bill} is paid, and its payment is {entry.state if entry else 'lost'}"

    def _is_unlinked(self, bill: Bill, entry: Entry | None, paper: Entry | None) -> bool:
        """Tell whether a payment waits for a document that is held before it could be found in the target again."""
        waits = entry is not None and (entry.state, entry.cause_key) == (State.HELD, f"paper:{bill.reference}")
        held = paper is not None and paper.stage is Stage.TRANSLATE
        return waits and held and bill.reference in self.forgotten
