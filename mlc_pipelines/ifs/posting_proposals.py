"""Posting proposals: the supplier invoices that are coded but not yet finally posted."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from mlc_pipelines.errors import Cause, ConfigurationError, OutcomeUnknownError, RecordError
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.errors import AbsentError
from mlc_pipelines.ifs.names import LETTERS
from mlc_pipelines.ifs.records import Row, TypedReader, readable, unreadable
from mlc_pipelines.wire.moments import instant

SET = "posting_proposal"
LINES = "lines"
CANCELLED = "Cancelled"
CREDIT_TYPE = "SUPPCREDIT"
_IS_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class PostingLine:
    """One line of the coding: where an amount lands. `parts` holds the code parts B to J that are set, by letter."""

    account: str
    amount: Decimal
    parts: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    line_no: int | None = None


@dataclass(frozen=True, slots=True)
class SupplierInvoice:
    """A supplier invoice with its posting proposal. `lines` is empty where only the head was read."""

    company: str
    invoice_id: int
    supplier: str
    number: str
    invoice_date: date
    currency: str
    net: Decimal
    vat: Decimal = Decimal(0)
    series: str | None = None
    invoice_type: str | None = None
    due_date: date | None = None
    pay_term: str | None = None
    state: str | None = None
    po_reference: str | None = None
    text: str | None = None
    modified: datetime | None = None
    etag: str | None = None
    sent_mark: str | None = None
    paid_status: str | None = None
    paid_date: date | None = None
    payment_reference: str | None = None
    lines: tuple[PostingLine, ...] = ()

    @property
    def gross(self) -> Decimal:
        """What we owe: net and VAT."""
        return self.net + self.vat

    @property
    def is_credit(self) -> bool:
        """Whether the supplier owes us: a credit note, or an invoice below zero."""
        return self.invoice_type == CREDIT_TYPE or self.net < 0

    @property
    def is_cancelled(self) -> bool:
        """Whether the invoice was cancelled in IFS."""
        return self.state == CANCELLED


@dataclass(frozen=True, slots=True)
class ProposalHead:
    """One posting proposal as the feed gave it, its lines not yet read.

    `problem` says why the head cannot be read as an invoice. `invoice_id` is 0 where even the key is missing.
    """

    company: str
    invoice_id: int
    etag: str | None
    modified: datetime | None
    raw: bytes
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class NewProposal:
    """A supplier invoice to be made in IFS with its coding."""

    company: str
    supplier: str
    series: str
    number: str
    invoice_type: str
    invoice_date: date
    due_date: date
    currency: str
    net: Decimal
    vat: Decimal
    lines: Sequence[PostingLine]
    pay_term: str | None = None
    po_reference: str | None = None
    text: str | None = None


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    company: str
    invoice_id: int
    supplier: str
    number: str
    invoice_date: date
    currency: str
    net: Decimal
    vat: Decimal | None = None
    series: str | None = None
    invoice_type: str | None = None
    due_date: date | None = None
    pay_term: str | None = None
    state: str | None = None
    po_reference: str | None = None
    text: str | None = None
    modified: str | None = None
    sent: str | None = None
    paid_status: str | None = None
    paid_date: date | None = None
    payment_reference: str | None = None
    etag: str | None = msgspec.field(name="@odata.etag", default=None)


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    amount: Decimal
    text: str | None = None
    line_no: int | None = None
    code_b: str | None = None
    code_c: str | None = None
    code_d: str | None = None
    code_e: str | None = None
    code_f: str | None = None
    code_g: str | None = None
    code_h: str | None = None
    code_i: str | None = None
    code_j: str | None = None


_PART_FIELDS = tuple((letter, f"code_{letter.lower()}") for letter in LETTERS)


class PostingProposals:
    """The posting proposals of one tenant."""

    def __init__(self, client: IfsClient) -> None:
        self._client = client
        names = client.settings.names(SET)
        self._id_name = names["invoice_id"]
        self._modified_name = names.get("modified", "modified")
        self._heads = TypedReader(_Head, names, where="posting proposal")
        self._lines = TypedReader(_Line, client.settings.names(SET, LINES), where="posting line")

    # Reading

    def changed_since(self, company: str, since: datetime | None) -> Iterator[ProposalHead]:
        """Heads changed since then, oldest change first, with an overlap: some were seen before."""
        for raw in self._client.changed(SET, since=since, where=[("company", "eq", company)]):
            yield self._head(raw, company)

    def lines(self, head: ProposalHead) -> list[bytes]:
        """The posting lines of a proposal as JSON, in the order of their keys."""
        return self._raw_lines(head.company, head.invoice_id)

    def read(self, company: str, invoice_id: int) -> SupplierInvoice:
        """One invoice with its lines, fresh, under the ETag it has now; AbsentError when it left the proposals."""
        try:
            row = self._client.one(SET, self._keys(company, invoice_id))
            lines = self._raw_lines(company, invoice_id)
        except AbsentError as exc:
            raise AbsentError(
                f"{exc}; invoice {company}^{invoice_id} is no longer among the posting proposals: it was finally "
                "posted or removed",
                cause=Cause.INVOICE_UNKNOWN,
                key=f"invoice:{company}^{invoice_id}",
            ) from exc
        return self.invoice(row.raw, lines)

    def whole(self, head: ProposalHead, lines: Sequence[bytes]) -> SupplierInvoice:
        """Read an invoice of the feed with its lines; RecordError where its head could not be read."""
        if head.problem:
            raise RecordError(head.problem, cause=Cause.UNREADABLE)
        return self.invoice(head.raw, lines)

    def invoice(self, head_raw: bytes, lines_raw: Sequence[bytes] = ()) -> SupplierInvoice:
        """Read an invoice from the JSON of its head and lines; asks IFS nothing."""
        head = self._heads.read(head_raw)
        lines = [self._line(raw) for raw in lines_raw]
        lines.sort(key=lambda line: line.line_no or 0)
        return SupplierInvoice(
            company=head.company,
            invoice_id=head.invoice_id,
            supplier=head.supplier,
            number=head.number,
            invoice_date=head.invoice_date,
            currency=head.currency,
            net=head.net,
            vat=Decimal(0) if head.vat is None else head.vat,
            series=head.series,
            invoice_type=head.invoice_type,
            due_date=head.due_date,
            pay_term=head.pay_term,
            state=head.state,
            po_reference=head.po_reference,
            text=head.text,
            modified=self._instant(head.modified),
            etag=head.etag,
            sent_mark=head.sent,
            paid_status=head.paid_status,
            paid_date=head.paid_date,
            payment_reference=head.payment_reference,
            lines=tuple(lines),
        )

    def in_period(self, company: str, first: date, last: date) -> Iterator[SupplierInvoice]:
        """Heads of the invoices dated from first to last; one that cannot be read is logged and left out."""
        period = [("invoice_date", "ge", first), ("invoice_date", "le", last)]
        return readable(self._client.rows(SET, company=company, where=period), self.invoice)

    def find(self, company: str, supplier: str, number: str) -> SupplierInvoice | None:
        """The invoice with this number of this supplier, head only; cancelled ones do not count."""
        alive = [each for each in self.numbered(company, supplier, number) if not each.is_cancelled]
        only(alive, company, supplier=supplier, number=number)
        return alive[0] if alive else None

    def numbered(self, company: str, supplier: str, number: str) -> list[SupplierInvoice]:
        """All invoices with this number of this supplier, heads only."""
        where = [("supplier", "eq", supplier), ("number", "eq", number)]
        return [self.invoice(row.raw) for row in self._client.rows(SET, company=company, where=where)]

    # Writing

    def mark(self, invoice: SupplierInvoice, values: Mapping[str, Any]) -> str | None:
        """Write marks (sent, paid_status, paid_date, payment_reference) under the invoice's ETag; gives the new ETag.

        A mark the tenant has no attribute for is left out; when none remains nothing is sent.
        """
        unknown = set(values) - {"sent", "paid_status", "paid_date", "payment_reference"}
        if unknown:
            raise ConfigurationError(f"ifs: {', '.join(sorted(unknown))} is not a mark")
        known = self._client.settings.marks.names()
        wanted = {name: value for name, value in values.items() if name in known}
        if not wanted:
            return invoice.etag
        keys = self._keys(invoice.company, invoice.invoice_id)
        return self._client.patch(SET, Row(keys, invoice.etag), wanted).etag

    def create(self, proposal: NewProposal) -> SupplierInvoice:
        """Make an invoice with its lines; gives the head as IFS made it."""
        coded = sum((line.amount for line in proposal.lines), Decimal(0))
        if coded != proposal.net:
            raise RecordError(
                f"invoice {proposal.number}: lines add up to {coded}, net is {proposal.net}",
                cause=Cause.AMOUNT_MISMATCH,
            )
        header = {
            "company": proposal.company,
            "supplier": proposal.supplier,
            "party_type": "Supplier",
            "series": proposal.series,
            "number": proposal.number,
            "invoice_type": proposal.invoice_type,
            "invoice_date": proposal.invoice_date,
            "due_date": proposal.due_date,
            "currency": proposal.currency,
            "net": proposal.net,
            "vat": proposal.vat,
        } | _given(pay_term=proposal.pay_term, po_reference=proposal.po_reference, text=proposal.text)
        rows = [_line_values(proposal.company, line) for line in proposal.lines]
        made = self._client.create_with_rows(SET, header, child=LINES, rows=rows)
        try:
            return self.invoice(made.raw)
        except RecordError as exc:
            raise OutcomeUnknownError(f"{exc}; IFS accepted the invoice: look for it before sending it again") from exc

    # Inside

    def _head(self, raw: bytes, company: str) -> ProposalHead:
        try:
            head = self._heads.read(raw)
            modified = self._instant(head.modified)
            if head.company == company:
                return ProposalHead(company, head.invoice_id, head.etag, modified, raw)
            problem = f"posting proposal: it is of company {head.company}, asked for was {company}"
        except RecordError as exc:
            problem = str(exc)
        row = self._client.reader(SET).read(raw)
        number = row.values.get("invoice_id", row.keys.get(self._id_name))
        return ProposalHead(
            company=company,
            invoice_id=int(number) if _IS_NUMBER.fullmatch(str(number)) else 0,
            etag=row.etag,
            modified=self._instant_or_none(row.values.get("modified")),
            raw=raw,
            problem=row.problem or problem,
        )

    def _line(self, raw: bytes) -> PostingLine:
        line = self._lines.read(raw)
        parts = {letter: value for letter, name in _PART_FIELDS if (value := getattr(line, name))}
        return PostingLine(line.account, line.amount, parts, line.text, line.line_no)

    def _raw_lines(self, company: str, invoice_id: int) -> list[bytes]:
        return [row.raw for row in self._client.children(SET, self._keys(company, invoice_id), LINES)]

    def _keys(self, company: str, invoice_id: int) -> dict[str, Any]:
        names = self._client.settings.names(SET)
        return {names["company"]: company, names["invoice_id"]: invoice_id}

    def _instant(self, text: str | None) -> datetime | None:
        try:
            return None if text is None else instant(text)
        except ValueError as exc:
            raise unreadable("posting proposal", self._modified_name, text, "not a timestamp") from exc

    def _instant_or_none(self, value: Any) -> datetime | None:
        try:
            return self._instant(value) if isinstance(value, str) else None
        except RecordError:
            return None


def only(alive: Sequence[Any], company: str, *, supplier: str, number: str) -> None:
    """Refuse to choose among several invoices of one number."""
    if len(alive) > 1:
        raise RecordError(
            f"company {company}: {len(alive)} invoices {number} of supplier {supplier}; cancel the wrong one in IFS",
            cause=Cause.DUPLICATE_SUSPECTED,
            key=f"supplier:{supplier}",
        )


def _line_values(company: str, line: PostingLine) -> dict[str, Any]:
    parts = {f"code_{letter.lower()}": value for letter, value in line.parts.items()}
    return {"company": company, "account": line.account, "amount": line.amount} | parts | _given(text=line.text)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
