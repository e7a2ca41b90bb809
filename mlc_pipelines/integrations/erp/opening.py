"""Opens IFS for a connection, and asks both sides the questions of a connection check."""

from collections.abc import Callable, Iterator, Sequence

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.errors import Cause, MlcError, RecordError, TransientError
from mlc_pipelines.ifs.check import check as check_ifs
from mlc_pipelines.ifs.client import IfsClient, open_ifs
from mlc_pipelines.ifs.settings import IfsSettings
from mlc_pipelines.integrations.integration import Finding, Tenant
from mlc_pipelines.wire.rows import Unread

MINUTE = 60.0
BURST = 20


def open_erp(tenant: Tenant) -> IfsClient:
    """Open IFS with its share of the rate limit; nothing is called yet."""
    settings = tenant.connection.section(IfsSettings)
    calls = settings.requests_per_minute
    return open_ifs(
        settings,
        vault_get=tenant.secret,
        tokens=tenant.tokens,
        budget=tenant.budget(settings.credential, limit=calls, window_seconds=MINUTE, burst=min(BURST, calls)),
        guard=tenant.guard,
        clock=tenant.clock,
    )


def check_erp(ifs: IfsClient, connection: Connection) -> Iterator[Finding]:
    """Ask IFS set by set and company by company."""
    try:
        for line in check_ifs(ifs, connection.companies):
            yield Finding(f"ifs: {line.name}", line.ok, line.message, line.unreachable)
    except MlcError as error:
        yield failed("ifs", error)


def ask(system: str, questions: Sequence[tuple[str, Callable[[], str]]]) -> Iterator[Finding]:
    """Ask a spend system one question after the other; the first that nobody answers is the last."""
    for name, question in questions:
        try:
            yield Finding(f"{system}: {name}", ok=True, message=question())
        except MlcError as error:
            yield failed(f"{system}: {name}", error)
            if isinstance(error, TransientError):
                return


def failed(name: str, error: MlcError) -> Finding:
    """Make a line of a question that was not answered as it should be."""
    return Finding(name, ok=False, message=str(error), unreachable=isinstance(error, TransientError))


def first(rows: Iterator[object]) -> str:
    """Read one row of a list, to see that it can be read."""
    row = next(rows, None)
    if isinstance(row, Unread):
        raise RecordError(row.problem, cause=Cause.UNREADABLE)
    return "readable"
