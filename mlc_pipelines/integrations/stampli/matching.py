"""Month-end: the invoices of our kept files on one side, what IFS has of them on the other."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

import msgspec

from mlc_pipelines.flows.reconciling import Document
from mlc_pipelines.ifs.posting_proposals import PostingProposals
from mlc_pipelines.ifs.vouchers import Vouchers
from mlc_pipelines.integrations.integration import Gap, Period
from mlc_pipelines.integrations.stampli.desk import Desk
from mlc_pipelines.integrations.stampli.flows.invoices import InvoicesToIfs
from mlc_pipelines.integrations.stampli.mapping import SERIE
from mlc_pipelines.integrations.stampli.models import reference_of
from mlc_pipelines.integrations.stampli.opening_words import open_vendors
from mlc_pipelines.integrations.stampli.vendors import VENDOR_TABLE
from mlc_pipelines.ledger.records import Entry

_MANY = 1_000_000
_EARLY = timedelta(days=31)  # an export may come before the date that its invoice bears


def source_documents(desk: Desk, flow: InvoicesToIfs, period: Period) -> Iterator[Document]:
    """Give the newest content of every invoice of a period, read anew from our copies of the files."""
    companies = desk.table("companies")
    for invoice in flow.exported(period.first - _EARLY).values():
        if period.first <= invoice.invoice_date <= period.last:
            yield Document(
                invoice.key,
                companies.get(invoice.company, invoice.company),
                invoice.number,
                invoice.vendor_name or invoice.vendor_id or "",
                invoice.currency,
                invoice.total,
                invoice.invoice_date,
            )


def target_documents(desk: Desk, period: Period) -> Iterator[Document]:
    """Give what IFS has of a period under our mark; what was finally posted is known by its voucher."""
    entries = _entries(desk, period)
    keys = {reference_of(key): key for key in entries}
    keys |= {reference_of(key): key for key in desk.books.dictionary.bound(InvoicesToIfs.kind)}
    proposals, seen = PostingProposals(desk.ifs), set()
    for company in desk.connection.companies:
        for invoice in proposals.in_period(company, first=period.first, last=period.last):
            serie, _, rest = (invoice.text or "").partition(":")
            reference = rest.partition(":")[0]
            if serie != SERIE or invoice.is_cancelled:
                continue
            key = keys.get(reference, f"{SERIE}:{reference}")
            seen.add(key)
            yield Document(
                key, company, invoice.number, invoice.supplier, invoice.currency, invoice.gross, invoice.invoice_date,
                f"{company}^{invoice.invoice_id}",
            )  # fmt: skip
    yield from _finally_posted(desk, {key: entry for key, entry in entries.items() if key not in seen})


def _entries(desk: Desk, period: Period) -> dict[str, Entry]:
    found = desk.books.reports.select(flow=InvoicesToIfs.name, dated=(period.first, period.last), limit=_MANY)
    return {entry.key: entry for entry in found}


def _finally_posted(desk: Desk, entries: Mapping[str, Entry]) -> Iterator[Document]:
    """Look for the vouchers of invoices that have left the proposals; their amounts are those of our ledger."""
    bound = desk.books.dictionary.bound(InvoicesToIfs.kind)
    vouchers = Vouchers(desk.ifs)
    for key, entry in entries.items():
        if key not in bound or entry.amount is None or entry.currency is None or entry.dated is None:
            continue
        company = bound[key].partition("^")[0]
        if desk.settings.vouchers and vouchers.find(company, SERIE, reference_of(key)) is not None:
            yield Document(
                key, company, entry.label, entry.partner, entry.currency, entry.amount, entry.dated, bound[key]
            )


def gaps(desk: Desk) -> Iterator[Gap]:
    """Compare the vendors that Stampli's list told of with the suppliers of IFS. IFS is never written."""
    told = desk.books.dictionary.known(VENDOR_TABLE)
    if not told:
        return
    vendors = open_vendors(desk)
    for vendor_id, details in sorted(told.items()):
        name: str | None = msgspec.json.decode(details).get("vendor_name")
        if vendors.find(vendor_id, name) is None:
            yield Gap("vendor", vendor_id, f"{name}: only in Stampli")
