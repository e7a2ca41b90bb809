"""Opens a connection to Stampli's drop server and IFS: clients, flows, and the answers to questions about both."""

from collections.abc import Callable, Iterator, Sequence

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.integrations.erp.opening import ask, check_erp, open_erp
from mlc_pipelines.integrations.integration import Finding, Session, Standing, Tenant, Waiting
from mlc_pipelines.integrations.stampli.desk import Desk
from mlc_pipelines.integrations.stampli.feeds import Feed
from mlc_pipelines.integrations.stampli.flows.invoices import InvoicesToIfs
from mlc_pipelines.integrations.stampli.flows.purchase_orders import PurchaseOrders
from mlc_pipelines.integrations.stampli.flows.vendors import VendorsToIfs
from mlc_pipelines.integrations.stampli.health import (
    feeds_of,
    old_parts,
    rejected,
    waiting_files,
    working_hours_without_a_file,
)
from mlc_pipelines.integrations.stampli.matching import gaps, source_documents, target_documents
from mlc_pipelines.integrations.stampli.periods import read_periods
from mlc_pipelines.integrations.stampli.remote import Remote
from mlc_pipelines.wire.sftp import AbsentFileError
from mlc_pipelines.wire.sftp_keys import trusted_keys

PROBE = ".mlc-probe"
"""A name that is not there: asked to move or delete it, the server says whether it takes such requests at all."""


def open_desk(tenant: Tenant) -> tuple[Desk, Remote]:
    """Open what the flows are handed; nothing is called yet."""
    remote = Remote(tenant)
    return Desk(tenant.connection, tenant.books, open_erp(tenant), remote, tenant.clock), remote


def open_session(tenant: Tenant) -> Session:
    """Open both clients; nothing is called before a flow or a question asks."""
    desk, remote = open_desk(tenant)
    invoices = InvoicesToIfs(desk)

    def close() -> None:
        desk.ifs.close()
        remote.close()

    return Session(
        flows=(VendorsToIfs(desk), PurchaseOrders(desk), invoices),
        check=lambda: _check(desk, remote),
        source_documents=lambda period: source_documents(desk, invoices, period),
        target_documents=lambda period: target_documents(desk, period),
        gaps=lambda: gaps(desk),
        close=close,
        waiting=lambda: [Waiting(each.feed, f"{each.name}:{each.size}") for each in waiting_files(desk)],
        standing=lambda: _standing(desk),
    )


def _standing(desk: Desk) -> Standing:
    """Tell how the folder of invoices is: when something came last, what was given up or could not be read."""
    files, now = desk.books.files, desk.clock.now()
    problems = []
    for name, _ in feeds_of(desk):
        problems += [f"{part.path} is an upload given up since {part.first_seen:%Y-%m-%d %H:%M} UTC; ask Stampli"
                     for part in old_parts(files, name, now=now)]  # fmt: skip
        problems += [f"{record.path} cannot be read: {record.problem}" for record in rejected(files, name)]
    hours = working_hours_without_a_file(files, "invoices", now=now, zone=desk.settings.zone)
    return Standing(hours, problems)


def _check(desk: Desk, remote: Remote) -> Iterator[Finding]:
    """Ask IFS set by set and company by company, then the drop server folder by folder."""
    yield from check_erp(desk.ifs, desk.connection)
    if desk.ifs.settings.open_periods:
        yield from ask("ifs", [("accounting periods", lambda: _periods(desk))])
    questions: list[tuple[str, Callable[[], str]]] = [
        ("server key", lambda: _server_key(desk, remote)),
        ("login", lambda: _login(remote)),
    ]
    for name, feed in feeds_of(desk):
        questions += _folder(desk, name, feed)
    yield from ask("stampli", questions)


def _periods(desk: Desk) -> str:
    """See that open periods can be read; a company without one could not book anything."""
    found = read_periods(desk.ifs, desk.connection.companies).open
    shut = [company for company, periods in found.items() if not periods]
    if shut:
        raise ConfigurationError(f"company {', '.join(shut)} has no open accounting period; see ifs.open_periods")
    return f"{sum(len(periods) for periods in found.values())} open in {len(found)} companies"


def _server_key(desk: Desk, remote: Remote) -> str:
    """Compare the keys that the server offers with those that we trust; show what is offered if none fits."""
    settings = desk.settings
    trusted = trusted_keys("stampli", settings.host_keys, host=settings.host, port=settings.port)
    offered = remote.keys()
    fitting = [key for key in offered if key in trusted]
    if fitting:
        return f"{fitting[0].fingerprint} is trusted"
    told = "; ".join(f"{key.fingerprint} ({key.line})" for key in offered)
    raise ConfigurationError(
        f"{settings.host}:{settings.port} offers {told}, and host_keys trusts none of them; compare the fingerprint "
        "with the operator of the server by another channel, then set host_keys. Nothing was stored"
    )


def _login(remote: Remote) -> str:
    remote()
    return "logged in"


def _folder(desk: Desk, name: str, feed: Feed) -> Sequence[tuple[str, Callable[[], str]]]:
    questions = [(f"folder {name}", lambda: _listable(desk, name, feed))]
    if feed.after.remote != "none":
        questions.append((f"putting away {name}", lambda: _probe(desk, feed)))
    return questions


def _listable(desk: Desk, name: str, feed: Feed) -> str:
    listed, _ = desk.drop(name, feed).listed()
    parts = old_parts(desk.books.files, name, now=desk.clock.now())
    notes = [f"{sum(1 for file in listed if not file.part)} files in {feed.directory}"]
    if parts:
        notes.append(f"{len(parts)} uploads given up: {', '.join(part.path for part in parts[:5])}")
    refused = rejected(desk.books.files, name)
    if refused:
        notes.append(f"{len(refused)} rejected: {', '.join(record.path for record in refused[:5])}")
    return "; ".join(notes)


def _probe(desk: Desk, feed: Feed) -> str:
    """See that files may be moved or deleted, by asking it of one that is not there."""
    path, to = f"{feed.directory.rstrip('/')}/{PROBE}", feed.after.to
    if to is not None:
        desk.remote().listing(to)
    try:
        if to is None:
            desk.remote().remove(path)
        else:
            desk.remote().move(path, f"{to.rstrip('/')}/{PROBE}")
    except AbsentFileError:
        return f"the server takes requests to {'delete files' if to is None else f'move files to {to}'}"
    raise ConfigurationError(f"{path} was there; nobody but this check uses the name")
