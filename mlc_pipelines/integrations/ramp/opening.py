"""Opens a connection to Ramp and IFS: its clients, its flows, and the answers to questions about both sides."""

from collections.abc import Callable, Iterator, Sequence

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.flows.flow import Flow
from mlc_pipelines.flows.reconciling import Document
from mlc_pipelines.integrations.erp.accounts import AccountSource
from mlc_pipelines.integrations.erp.invoices import InvoiceSource
from mlc_pipelines.integrations.erp.opening import ask, check_erp, first, open_erp
from mlc_pipelines.integrations.integration import Finding, Gap, Period, Session, Tenant
from mlc_pipelines.integrations.ramp.client import RampClient, open_ramp
from mlc_pipelines.integrations.ramp.desk import Desk
from mlc_pipelines.integrations.ramp.flows.bills import BillsToRamp
from mlc_pipelines.integrations.ramp.flows.dimensions import DimensionsToRamp
from mlc_pipelines.integrations.ramp.flows.gl_accounts import AccountsToRamp
from mlc_pipelines.integrations.ramp.flows.payments import PaymentsToIfs
from mlc_pipelines.integrations.ramp.flows.suppliers import SuppliersToIfs
from mlc_pipelines.integrations.ramp.flows.vendors import AccountingVendorsToRamp, VendorsToRamp
from mlc_pipelines.integrations.ramp.flows.vouchers import VouchersToIfs
from mlc_pipelines.integrations.ramp.settings import RampSettings

RAMP_BURST = 3
RAMP_WINDOW = 10.0


def open_session(tenant: Tenant) -> Session:
    """Open both clients; nothing is called before a flow or a question asks."""
    connection = tenant.connection
    ifs, ramp = open_erp(tenant), open_client(tenant)
    desk = Desk(connection, tenant.books, ifs, ramp)

    def close() -> None:
        ifs.close()
        ramp.close()

    return Session(
        flows=_flows(desk),
        check=lambda: _check(desk),
        source_documents=lambda period: InvoiceSource(ifs).documents(connection.companies, period),
        target_documents=lambda period: _bills(desk, period),
        gaps=lambda: _gaps(desk),
        close=close,
    )


def open_client(tenant: Tenant) -> RampClient:
    """Open Ramp with its share of the rate limit."""
    settings = tenant.connection.section(RampSettings)
    calls = settings.requests_per_10_seconds
    budget = tenant.budget(settings.credential, limit=calls, window_seconds=RAMP_WINDOW, burst=min(RAMP_BURST, calls))
    return open_ramp(
        settings,
        vault_get=tenant.secret,
        tokens=tenant.tokens,
        budget=budget,
        guard=tenant.guard,
        clock=tenant.clock,
    )


def _flows(desk: Desk) -> Sequence[Flow]:
    return (
        AccountsToRamp(desk),
        DimensionsToRamp(desk),
        AccountingVendorsToRamp(desk),
        VendorsToRamp(desk),
        SuppliersToIfs(desk),
        BillsToRamp(desk),
        VouchersToIfs(desk),
        PaymentsToIfs(desk),
    )


def _check(desk: Desk) -> Iterator[Finding]:
    """Ask IFS set by set and company by company, then Ramp scope by scope."""
    yield from check_erp(desk.ifs, desk.connection)
    questions: Sequence[tuple[str, Callable[[], str]]] = (
        ("business", lambda: desk.ramp.business().business_name_legal or "reached"),
        ("entities", lambda: _entities(desk)),
        ("bills", lambda: first(desk.ramp.bills())),
        ("vendors", lambda: first(desk.ramp.vendors())),
        ("accounting", lambda: first(desk.ramp.accounts())),
    )
    yield from ask("ramp", questions)


def _entities(desk: Desk) -> str:
    found = desk.entities()
    missing = [company for company in desk.connection.companies if company not in found]
    if missing:
        there = ", ".join(sorted(entity.entity_name for entity in desk.ramp.entities()))
        raise ConfigurationError(
            f"company {', '.join(missing)} has no entity in Ramp; name it under ramp.entities; Ramp has: {there}"
        )
    return f"{len(found)} of {len(desk.connection.companies)} companies have their entity"


def _bills(desk: Desk, period: Period) -> Iterator[Document]:
    """Give the drafts and bills of a period that carry a reference of ours, archived ones left out."""
    drafts = desk.ramp.drafts(from_issued_date=period.first, to_issued_date=period.last)
    bills = desk.ramp.bills(from_issued_date=period.first, to_issued_date=period.last)
    for rows in (drafts, bills):
        for bill in rows:
            dated = bill.issued_at
            if (
                not bill.remote_id
                or bill.archived_at is not None
                or dated is None
                or not period.first <= dated <= period.last
            ):
                continue
            company = bill.remote_id.partition("^")[0]
            yield Document(
                bill.remote_id, company, bill.invoice_number or bill.id, bill.vendor_name or "", bill.amount.currency,
                bill.amount.amount, dated, bill.id,
            )  # fmt: skip


def _gaps(desk: Desk) -> Iterator[Gap]:
    """Compare charts of accounts: what only Ramp has, and what differs. IFS is never written."""
    there = {account.id: account for account in desk.ramp.accounts() if account.is_active}
    here = AccountSource(desk.ifs).all(desk.connection.companies)
    for id_, offered in sorted(there.items(), key=lambda pair: str(pair[0])):
        if id_ is None or id_ not in here:
            yield Gap("gl_account", offered.code or offered.ramp_id, f"{offered.name}: only in Ramp")
        elif offered.name != here[id_].description:
            yield Gap("gl_account", id_, f"called {offered.name!r} in Ramp, {here[id_].description!r} in IFS")
