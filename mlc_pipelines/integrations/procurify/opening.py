"""Opens a connection to Procurify and IFS: its clients, its flows, and the answers to questions about both sides."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import islice

from mlc_pipelines.errors import ConfigurationError, RecordError
from mlc_pipelines.flows.collecting import in_parts
from mlc_pipelines.flows.flow import Flow
from mlc_pipelines.flows.reconciling import Document
from mlc_pipelines.ifs.posting_proposals import PostingProposals
from mlc_pipelines.integrations.erp.opening import ask, check_erp, first, open_erp
from mlc_pipelines.integrations.integration import Finding, Period, Session, Tenant
from mlc_pipelines.integrations.procurify.client import Listed, ProcurifyClient, open_procurify
from mlc_pipelines.integrations.procurify.desk import Desk
from mlc_pipelines.integrations.procurify.errors import SIGN_IN_ADVICE
from mlc_pipelines.integrations.procurify.flows.bills import BillsToIfs
from mlc_pipelines.integrations.procurify.flows.purchase_orders import OrdersForReference
from mlc_pipelines.integrations.procurify.flows.suppliers import SuppliersToIfs
from mlc_pipelines.integrations.procurify.gaps import gaps
from mlc_pipelines.integrations.procurify.mapping import bill_of, shown_total
from mlc_pipelines.integrations.procurify.models import Bill, Order
from mlc_pipelines.integrations.procurify.settings import ProcurifySettings

WINDOW = 1.0
CONNECTING = 10.0
LOOKED_AT = 50
ONE_DAY = timedelta(days=1)


def open_session(tenant: Tenant) -> Session:
    """Open both clients; nothing is called before a flow or a question asks."""
    ifs, procurify = open_erp(tenant), open_client(tenant)
    desk = Desk.of(tenant.connection, tenant.books, ifs, procurify, tenant.clock)

    def close() -> None:
        ifs.close()
        procurify.close()

    return Session(
        flows=_flows(desk),
        check=lambda: _check(desk),
        source_documents=lambda period: _bills(desk, period),
        target_documents=lambda period: _invoices(desk, period),
        gaps=lambda: gaps(desk),
        close=close,
    )


def open_client(tenant: Tenant) -> ProcurifyClient:
    """Open Procurify with its share of calls a second, and of calls at once."""
    settings = tenant.connection.section(ProcurifySettings)
    longest = settings.read_seconds + CONNECTING
    return open_procurify(
        settings,
        vault_get=tenant.secret,
        tokens=tenant.tokens,
        budget=tenant.budget(settings.credential, limit=settings.calls_per_second, window_seconds=WINDOW, burst=1),
        slots=tenant.slots(settings.credential, number=settings.calls_at_once, longest_seconds=2 * longest),
        clock=tenant.clock,
    )


def _flows(desk: Desk) -> Sequence[Flow]:
    return (SuppliersToIfs(desk), OrdersForReference(desk), BillsToIfs(desk))


def _check(desk: Desk) -> Iterator[Finding]:
    """Ask IFS set by set and company by company, then Procurify for a token and feed by feed."""
    yield from check_erp(desk.ifs, desk.connection)
    procurify = desk.procurify
    questions: list[tuple[str, Callable[[], str]]] = [
        ("token", lambda: _token(procurify)),
        ("bills", lambda: _bill_list(procurify)),
        ("vendors", lambda: first(procurify.vendors())),
        ("purchase orders", lambda: first(procurify.orders())),
        ("account codes", lambda: first(procurify.account_codes())),
        ("departments", lambda: first(procurify.departments())),
        ("locations", lambda: _locations(desk)),
    ]
    if (bill := desk.settings.canary_bill) is not None:
        questions.append((f"bill {bill}", lambda: _canary_bill(desk, bill)))
    if (order := desk.settings.canary_order) is not None:
        questions.append((f"order {order}", lambda: _canary_order(desk, order)))
    yield from ask("procurify", questions)


def _token(procurify: ProcurifyClient) -> str:
    try:
        procurify.authenticate()
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; {SIGN_IN_ADVICE}") from error
    return "granted"


def _bill_list(procurify: ProcurifyClient) -> str:
    """Read a page of bills, and one in full; say so when somebody else exports them."""
    rows = list(islice(procurify.bills(), LOOKED_AT))
    if rows:
        procurify.bill(rows[0].key)
    exported = sum(row.exported for row in rows)
    if exported:
        return f"readable; {exported} of {len(rows)} were exported: see that nobody else posts them into a ledger"
    return "readable"


def _locations(desk: Desk) -> str:
    table = desk.places.table
    there = list(desk.procurify.locations())
    unmapped = [str(row.external_id or row.id) for row in there
                if not ({str(row.external_id), str(row.id)} & set(table))]  # fmt: skip
    if unmapped and desk.places.default is None:
        raise ConfigurationError(
            f"location {', '.join(unmapped)} is no company; add it to mapping.companies or set default_company"
        )
    return f"{len(there)} readable"


def _canary_bill(desk: Desk, bill: str) -> str:
    return f"readable, of {Bill.parse(desk.procurify.bill(bill), desk.settings.zone).vendor_name}"


def _canary_order(desk: Desk, order: str) -> str:
    return f"readable, of {Order.parse(desk.procurify.order(order), desk.settings.zone).vendor_name}"


def _bills(desk: Desk, period: Period) -> Iterator[Document]:
    """Give the bills of a period, all statuses; those that the ledger has unchanged are not read once more."""
    rows = desk.procurify.bills_dated(period.first - ONE_DAY, period.last + ONE_DAY)
    for part in in_parts(rows, LOOKED_AT):
        keys = [row.key for row in part]
        tags = desk.books.entries.tags(BillsToIfs.name, keys)
        known = {entry.key: entry for entry in desk.books.reports.select(flow=BillsToIfs.name, keys=keys)}
        for row in part:
            entry = known.get(row.key)
            fresh = entry is not None and tags.get(row.key) == row.tag
            document = _document(desk, row, entry.source if entry is not None and fresh else None)
            if document is not None and period.first <= document.dated <= period.last:
                yield document


def _document(desk: Desk, row: Listed, copy: bytes | None) -> Document | None:
    """Make a document of a bill; None for one that cannot be read, which the ledger holds."""
    if row.problem:
        return None
    try:
        bill = Bill.parse(copy or desk.procurify.bill(row.key), desk.settings.zone)
    except RecordError:
        return None
    total = shown_total(bill)
    if total is None or bill.invoice_date is None:
        return None
    try:
        company = desk.places.company_of(bill)
    except RecordError:
        company = ""
    return Document(bill.id, company, bill.label, bill.vendor_name, bill.currency, total.amount, bill.invoice_date)


def _invoices(desk: Desk, period: Period) -> Iterator[Document]:
    """Give the invoices of a period that this integration made, cancelled ones left out."""
    proposals = PostingProposals(desk.ifs)
    for company in desk.connection.companies:
        for invoice in proposals.in_period(company, first=period.first, last=period.last):
            bill_id = bill_of(invoice.text)
            if bill_id is None or invoice.is_cancelled:
                continue
            yield Document(
                bill_id, company, invoice.number, invoice.supplier, invoice.currency, invoice.gross,
                invoice.invoice_date, f"{company}^{invoice.invoice_id}",
            )  # fmt: skip
