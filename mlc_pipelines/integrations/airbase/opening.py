"""Opens a connection to Airbase and IFS: its clients, its flows, and the answers to questions about both sides."""

from collections.abc import Callable, Iterator, Sequence

from mlc_pipelines.errors import ConfigurationError, MlcError
from mlc_pipelines.flows.flow import Flow
from mlc_pipelines.integrations.airbase import papers
from mlc_pipelines.integrations.airbase.book import VendorBook
from mlc_pipelines.integrations.airbase.client import AirbaseClient, open_airbase
from mlc_pipelines.integrations.airbase.desk import Desk
from mlc_pipelines.integrations.airbase.errors import ForbiddenError
from mlc_pipelines.integrations.airbase.flows.payment_terms import PaymentTermsToIfs
from mlc_pipelines.integrations.airbase.flows.payment_vouchers import PaymentVouchersToIfs
from mlc_pipelines.integrations.airbase.flows.purchase_orders import OrdersToAirbase
from mlc_pipelines.integrations.airbase.flows.request_vouchers import RequestVouchersToIfs
from mlc_pipelines.integrations.airbase.flows.suppliers import SuppliersToIfs
from mlc_pipelines.integrations.airbase.flows.vendors import VendorsToAirbase
from mlc_pipelines.integrations.airbase.models import SYNC_READY
from mlc_pipelines.integrations.airbase.settings import AirbaseSettings, Scheme
from mlc_pipelines.integrations.erp.accounts import AccountSource
from mlc_pipelines.integrations.erp.opening import ask, check_erp, first, open_erp
from mlc_pipelines.integrations.integration import Finding, Gap, Session, Tenant

WINDOW = 10.0
"""Seconds over which the throttle is counted."""

Questions = Sequence[tuple[str, Callable[[], str]]]


def open_session(tenant: Tenant) -> Session:
    """Open both clients; nothing is called before a flow or a question asks."""
    connection = tenant.connection
    ifs, airbase = open_erp(tenant), open_client(tenant)
    desk = Desk(connection, tenant.books, ifs, airbase, VendorBook(airbase, tenant.clock))

    def close() -> None:
        ifs.close()
        airbase.close()

    return Session(
        flows=_flows(desk),
        check=lambda: _check(desk, tenant),
        source_documents=lambda period: papers.payments(desk, period),
        target_documents=lambda period: papers.vouchers(desk, period),
        gaps=lambda: _gaps(desk),
        close=close,
    )


def open_client(tenant: Tenant, *, scheme: Scheme | None = None) -> AirbaseClient:
    """Open Airbase within its throttle; `scheme` is another word before the token than the settings say."""
    settings = tenant.connection.section(AirbaseSettings)
    calls = settings.requests_per_second
    budget = tenant.budget(settings.credential, limit=calls * int(WINDOW), window_seconds=WINDOW, burst=1)
    return open_airbase(
        settings, vault_get=tenant.secret, budget=budget, guard=tenant.guard, clock=tenant.clock, scheme=scheme
    )


def _flows(desk: Desk) -> Sequence[Flow]:
    return (
        VendorsToAirbase(desk),
        SuppliersToIfs(desk),
        PaymentTermsToIfs(desk),
        OrdersToAirbase(desk),
        RequestVouchersToIfs(desk),
        PaymentVouchersToIfs(desk),
    )


def _check(desk: Desk, tenant: Tenant) -> Iterator[Finding]:
    """Ask IFS set by set, then Airbase list by list; what is not configured is said and no fault."""
    yield from check_erp(desk.ifs, desk.connection)
    airbase, settings = desk.airbase, desk.settings
    usual: Questions = (
        ("token", lambda: _token(desk, tenant)),
        ("subsidiaries", lambda: _subsidiaries(desk)),
        ("vendors", lambda: first(airbase.vendors())),
        (
            "accounts",
            lambda: first(airbase.accounts()) if settings.paths.accounts else "not read: paths.accounts is empty",
        ),
        ("ledger entries", lambda: first(airbase.ledger_entries(SYNC_READY))),
    )
    findings = list(ask("airbase", usual))
    yield from findings
    if not any(finding.unreachable for finding in findings):
        yield from ask("airbase", _gated(desk))
    modes = ", ".join(settings.verify.modes)
    yield Finding(
        "airbase: webhooks",
        ok=True,
        message=f"verified by {modes}" if modes else "none are taken in: set airbase.verify.modes",
    )


def _token(desk: Desk, tenant: Tenant) -> str:
    """Call with the token; when it is refused, try the other word once and tell which works. It is never switched."""
    settings = desk.settings
    try:
        next(desk.airbase.subsidiaries(), None)
    except ForbiddenError:
        raise
    except ConfigurationError as error:
        other: Scheme = "Token" if settings.auth_scheme == "Bearer" else "Bearer"
        if _opens(tenant, other):
            raise ConfigurationError(
                f"airbase: the token is refused after the word {settings.auth_scheme} and accepted after {other}; "
                f"set airbase.auth_scheme to {other}"
            ) from error
        raise ConfigurationError(f"{error}; the word {other} does not work either") from error
    return f"accepted after the word {settings.auth_scheme}"


def _opens(tenant: Tenant, scheme: Scheme) -> bool:
    with open_client(tenant, scheme=scheme) as airbase:
        try:
            next(airbase.subsidiaries(), None)
        except MlcError:
            return False
    return True


def _subsidiaries(desk: Desk) -> str:
    wanted = desk.wanted_subsidiaries()
    there = {row.erp_reference_id: row.name for row in desk.airbase.subsidiaries()}
    missing = [company for company, reference in wanted.items() if reference not in there]
    if missing:
        names = ", ".join(f"{reference} {name}" for reference, name in sorted(there.items(), key=str))
        raise ConfigurationError(
            f"company {', '.join(missing)} has no subsidiary in Airbase; name it under airbase.subsidiaries; "
            f"Airbase has: {names}"
        )
    return f"{len(wanted)} companies have their subsidiary"


def _gated(desk: Desk) -> Questions:
    """Ask for what each flow needs beyond the accounting API, or say what to set."""
    airbase, settings = desk.airbase, desk.settings
    requests = settings.requests
    return (
        _flow("payment_terms", "paths.vendor_terms", settings.paths.vendor_terms, airbase.vendor_terms),
        _flow("purchase_orders", "paths.purchase_orders", settings.paths.purchase_orders, airbase.all_orders),
        _flow("request_vouchers", "requests", requests, lambda: iter(()))
        if requests is None
        else _flow(
            "request_vouchers",
            "paths.purchase_requests",
            settings.paths.purchase_requests,
            lambda: airbase.requests(requests.filters),
        ),
        _flow("payment_vouchers", "payments", settings.payments, lambda: iter(()))
        if settings.payments is None or settings.payments_source == "ledger_entries"
        else _flow("payment_vouchers", "paths.payments", settings.paths.payments, airbase.payments),
    )


def _flow(
    name: str, setting: str, value: object, rows: Callable[[], Iterator[object]]
) -> tuple[str, Callable[[], str]]:
    if not value:
        return name, lambda: f"not configured: set airbase.{setting} to run this flow"
    return name, lambda: first(rows())


def _gaps(desk: Desk) -> Iterator[Gap]:
    """Compare accounts and subsidiaries, which are read and never written, and tell of other connectors."""
    yield from _account_gaps(desk)
    companies = desk.companies()
    there = {row.erp_reference_id or row.airbase_id or "": row.name for row in desk.airbase.subsidiaries()}
    for reference, name in sorted(there.items()):
        if reference not in companies and reference not in desk.settings.foreign_subsidiaries:
            yield Gap("subsidiary", reference, f"{name}: no company of this connection")
    for reference, company in sorted(companies.items()):
        if reference not in there:
            yield Gap("subsidiary", reference, f"company {company} has no subsidiary of this reference in Airbase")
    if others := papers.completed_elsewhere(desk):
        said = f"{len(others)} completed by somebody else, the last as {others[-1] or 'nothing'}"
        yield Gap("ledger_entry", "sync_complete", f"{said}: another connector is active")


def _account_gaps(desk: Desk) -> Iterator[Gap]:
    if not desk.settings.paths.accounts:
        return
    table = desk.table("accounts")
    there = {row.erp_reference_id or row.airbase_id or "": row for row in desk.airbase.accounts()}
    here: dict[str, set[str]] = {}
    for account in AccountSource(desk.ifs).all(desk.connection.companies).values():
        code = account.code if table is None else table.get(account.code)
        if code is not None:
            here.setdefault(code, set()).add(account.description)
    for code, offered in sorted(there.items()):
        if code not in here:
            yield Gap("gl_account", code, f"{offered.name}: only in Airbase")
        elif offered.name not in here[code]:
            yield Gap("gl_account", code, f"called {offered.name!r} in Airbase, {sorted(here[code])[0]!r} in IFS")
    for code, names in sorted(here.items()):
        if code not in there:
            yield Gap("gl_account", code, f"{sorted(names)[0]}: only in IFS; add it in Airbase, it is never created")
