"""Opens a connection to BILL and IFS: its clients, its flows, and the answers to questions about both sides."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.flows.flow import Flow
from mlc_pipelines.flows.reconciling import Document
from mlc_pipelines.ifs.accounts import Account
from mlc_pipelines.integrations.bill.client import HOUR, Means, open_bill, open_events
from mlc_pipelines.integrations.bill.desk import Desk
from mlc_pipelines.integrations.bill.flows.accounts import AccountsToBill
from mlc_pipelines.integrations.bill.flows.bills import BillsToBill
from mlc_pipelines.integrations.bill.flows.dimensions import DimensionsToBill
from mlc_pipelines.integrations.bill.flows.payments import PaymentsToIfs
from mlc_pipelines.integrations.bill.flows.suppliers import SuppliersToIfs
from mlc_pipelines.integrations.bill.flows.vendors import VendorsToBill
from mlc_pipelines.integrations.bill.mapping import marked
from mlc_pipelines.integrations.bill.matching import account_number
from mlc_pipelines.integrations.bill.models import CHART
from mlc_pipelines.integrations.bill.settings import BillSettings, SpendSettings
from mlc_pipelines.integrations.bill.spend_client import open_spend
from mlc_pipelines.integrations.erp.accounts import AccountSource
from mlc_pipelines.integrations.erp.invoices import InvoiceSource
from mlc_pipelines.integrations.erp.opening import ask, check_erp, first, open_erp
from mlc_pipelines.integrations.integration import Finding, Gap, Period, Session, Tenant
from mlc_pipelines.wire.rows import Unread

BURST = 500
"""Calls that may be made at once after a quiet time: BILL counts by the full hour, ours is the stricter rolling one."""

SPEND_WINDOW, SPEND_BURST = 60.0, 2
CONNECTING = 30.0


def open_session(tenant: Tenant) -> Session:
    """Open both clients; nothing is called before a flow or a question asks."""
    connection, means = tenant.connection, means_of(tenant)
    settings = connection.section(BillSettings)
    ifs, bill = open_erp(tenant), open_bill(settings, means)
    desk = Desk(connection, tenant.books, ifs, bill, tenant.clock)

    def close() -> None:
        ifs.close()
        bill.close()

    return Session(
        flows=_flows(desk),
        check=lambda: _check(desk, tenant, means),
        source_documents=lambda period: InvoiceSource(ifs).documents(connection.companies, period),
        target_documents=lambda period: _bills(desk, period),
        gaps=lambda: _gaps(desk),
        close=close,
    )


def means_of(tenant: Tenant) -> Means:
    """Give what BILL's clients need: the quota is the developer key's, the calls at once its own in an organization."""
    settings = tenant.connection.section(BillSettings)
    key, calls = settings.developer_key_name, settings.calls_per_hour
    longest = max(settings.read_seconds, settings.write_seconds) + CONNECTING
    return Means(
        vault_get=tenant.secret,
        tokens=tenant.tokens,
        budget=tenant.budget(key, limit=calls, window_seconds=float(HOUR), burst=min(BURST, calls // 10)),
        slots=tenant.slots(f"{key} {settings.organization_id}", number=settings.calls_at_once, longest_seconds=longest),
        guard=tenant.guard,
        clock=tenant.clock,
    )


def _flows(desk: Desk) -> Sequence[Flow]:
    return (
        AccountsToBill(desk),
        DimensionsToBill(desk),
        VendorsToBill(desk),
        SuppliersToIfs(desk),
        BillsToBill(desk),
        PaymentsToIfs(desk),
    )


def _check(desk: Desk, tenant: Tenant, means: Means) -> Iterator[Finding]:
    """Ask IFS set by set and company by company, then BILL right by right."""
    yield from check_erp(desk.ifs, desk.connection)
    settings = desk.settings
    questions: list[tuple[str, Callable[[], str]]] = [
        ("login", lambda: f"a session for user {desk.bill.session().user_id or 'unnamed'}"),
        ("organization", lambda: _organization(desk)),
        ("vendors", lambda: first(desk.bill.vendor_rows())),
        ("bills", lambda: first(desk.bill.bills(archived=False))),
        ("chart of accounts", lambda: f"{sum(1 for _ in desk.bill.classifications(CHART))} accounts"),
        ("currencies", lambda: _currencies(desk)),
        ("payments", lambda: first(desk.bill.payment_rows(moment=None, by="nothing"))),
        ("webhooks", lambda: _webhooks(settings, means)),
    ]
    if settings.spend is not None:
        spend = settings.spend
        questions.append(("spend and expense", lambda: _spend(settings, spend, tenant)))
    yield from ask("bill", questions)


def _organization(desk: Desk) -> str:
    found, wanted = desk.bill.session().organization_id, desk.settings.organization_id
    if found not in (None, wanted):
        raise ConfigurationError(f"the login belongs to organization {found}, bill.organization_id is {wanted}")
    return wanted


def _currencies(desk: Desk) -> str:
    """Say in which currencies vendors are billed: an invoice in another one than its vendor's is held."""
    rows = (row for row in desk.bill.vendor_rows() if not isinstance(row, Unread))
    found = {row.bill_currency or desk.settings.home_currency for row in rows}
    return f"vendors are billed in {', '.join(sorted(found))}" if found else "no vendors yet"


def _webhooks(settings: BillSettings, means: Means) -> str:
    with open_events(settings, means) as events_api:
        return f"{len(events_api.subscriptions())} subscriptions"


def _spend(settings: BillSettings, spend: SpendSettings, tenant: Tenant) -> str:
    budget = tenant.budget(
        spend.credential, limit=spend.calls_per_minute, window_seconds=SPEND_WINDOW,
        burst=SPEND_BURST,
    )  # fmt: skip
    with open_spend(settings, spend, vault_get=tenant.secret, budget=budget, clock=tenant.clock) as client:
        client.transactions()
    return "readable"


def _bills(desk: Desk, period: Period) -> Iterator[Document]:
    """Give the bills of a period that carry a key of ours, archived ones left out."""
    # No bill is made long before the date of its invoice, which is not to be filtered by.
    earliest = period.first - timedelta(days=desk.settings.look_back_days)
    currencies = desk.dictionary.known("vendor_currency")
    for bill in desk.bill.bills(archived=False, created_since=datetime.combine(earliest, time(), tzinfo=UTC)):
        key, dated = marked(bill.description), bill.invoice_date
        if key is None or dated is None or not period.first <= dated <= period.last or bill.amount is None:
            continue
        yield Document(
            key,
            key.partition("^")[0],
            bill.invoice.invoice_number or bill.id,
            bill.vendor_name or "",
            currencies.get(bill.vendor_id or "", desk.settings.home_currency),
            bill.amount,
            dated,
            bill.id,
        )


def _gaps(desk: Desk) -> Iterator[Gap]:
    """Compare charts of accounts by number: what only one side has, and what differs. Nothing is written."""
    table = desk.table("accounts")
    there = {row.account.number: row for row in desk.bill.classifications(CHART) if not row.archived}
    here: dict[str, Account] = {}
    for account in AccountSource(desk.ifs).all(desk.connection.companies).values():
        number = account_number(account.code, table)
        if number is not None and account.is_valid_on(desk.clock.now().date()):
            here.setdefault(number, account)
    for number, row in sorted(there.items(), key=lambda pair: str(pair[0])):
        if number is None or number not in here:
            yield Gap("account", number or row.id, f"{row.name}: only in BILL")
        elif row.name != here[number].description:
            yield Gap("account", number, f"called {row.name!r} in BILL, {here[number].description!r} in IFS")
    for number, account in sorted(here.items()):
        if number not in there:
            yield Gap("account", number, f"{account.description}: only in IFS")
