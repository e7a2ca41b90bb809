"""Is this connection to IFS usable: token, projections, sets and attributes, and each company's data."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from mlc_pipelines.errors import MlcError, TransientError
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.companies import Companies
from mlc_pipelines.ifs.metadata import EntityType
from mlc_pipelines.ifs.odata import Query, compare
from mlc_pipelines.ifs.periods import SET as PERIODS
from mlc_pipelines.ifs.settings import IfsSettings, SetSettings
from mlc_pipelines.wire.bodies import BROKEN

CATALOGUE = "/main/ifsapplications/projection/v1/AllProjections.svc/Projections"

# What the subjects cannot do without; the rest of the names may be missing.
REQUIRED = {
    "posting_proposal": ("company", "invoice_id", "supplier", "number", "invoice_date", "currency", "net"),
    "posting_proposal.lines": ("account", "amount"),
    "supplier_invoice": ("company", "invoice_id", "supplier", "number", "state"),
    "voucher": ("company", "voucher_type", "year", "number", "date"),
    "voucher.rows": ("account", "debit", "credit", "reference_serie", "reference_number"),
    "voucher_row": ("company", "voucher_type", "year", "number", "reference_serie", "reference_number"),
    "supplier": ("id", "name"),
    "purchase_order": ("order_no", "supplier"),
    "account": ("code", "description"),
    "company": ("code",),
    "payment_term": ("id",),
    "accounting_period": ("company", "year", "number", "first", "last", "status"),
}


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One thing checked; `message` says what was found, or what to do. `unreachable`: IFS itself did not answer."""

    name: str
    ok: bool
    message: str
    unreachable: bool = False


class _Projection(msgspec.Struct):
    projection: str | None = msgspec.field(name="ProjectionName", default=None)
    name: str | None = msgspec.field(name="Name", default=None)
    deprecated: str | bool | None = msgspec.field(name="Deprecated", default=None)


class _Catalogue(msgspec.Struct):
    value: list[_Projection]


def check(client: IfsClient, companies: Sequence[str]) -> Iterator[CheckLine]:
    """Ask IFS everything a run depends on. A fault of one line does not stop the next, unless nothing answers."""
    first = _guarded("connection", partial(_connected, client))
    yield first
    if not first.ok:
        return
    unused = set() if client.settings.open_periods else {PERIODS}
    used = {name: item for name, item in client.settings.sets.items() if name not in unused}
    services = {item.root: item for item in used.values()}
    for settings in services.values():
        if settings.kind == "projection":
            yield _guarded(f"projection {settings.service}", partial(_catalogued, client, settings))
    for set_name in used:
        yield _guarded(f"set {set_name}", partial(_set, client, set_name))
    for company in companies:
        yield _guarded(f"company {company}", partial(_company, client, company))


def _guarded(name: str, ask: Callable[[], CheckLine | str]) -> CheckLine:
    try:
        said = ask()
    except MlcError as exc:
        return CheckLine(name, ok=False, message=str(exc), unreachable=isinstance(exc, TransientError))
    return CheckLine(name, ok=True, message=said) if isinstance(said, str) else said


def _connected(client: IfsClient) -> str:
    client.ask(Query(top=1).address(CATALOGUE))
    return f"{client.settings.base_url} answers and accepts the token"


def _catalogued(client: IfsClient, settings: SetSettings) -> CheckLine | str:
    name = f"projection {settings.service}"
    # Clients in the field saw the service name under either attribute.
    for attribute in ("ProjectionName", "Name"):
        answer = client.ask(Query(filter=compare(attribute, "eq", settings.service)).address(CATALOGUE))
        found = _projections(answer.body)
        if found:
            old = found[0].deprecated
            return f"in the catalogue, but deprecated ({old})" if old else "in the catalogue"
    return CheckLine(name, ok=False, message="not in the catalogue AllProjections; find the right service and set it")


def _projections(body: bytes) -> list[_Projection]:
    try:
        return msgspec.json.decode(body, type=_Catalogue).value
    except BROKEN as exc:
        raise TransientError(f"ifs: AllProjections: the answer is not an OData page ({exc})") from exc


def _set(client: IfsClient, set_name: str) -> CheckLine | str:
    settings = client.settings.sets[set_name]
    metadata = client.metadata(set_name)
    entity = metadata.set_type(settings.set)
    if settings.child is not None:
        entity = metadata.child_type(entity, settings.child.format(letter="B"))
    problems = list(_missing(client.settings, set_name, entity=entity))
    for child, navigation in settings.children.items():
        problems += _missing(
            client.settings,
            set_name,
            entity=metadata.child_type(metadata.set_type(settings.set), navigation),
            child=child,
        )
    if settings.modified_attribute and entity.type_of(settings.modified_attribute) is None:
        times = ", ".join(entity.times()) or "none"
        problems.append(f"no {settings.modified_attribute} (modified_attribute); attributes with a time: {times}")
    if problems:
        said = f"{settings.service}: {'; '.join(problems)}; write the names of this IFS into the connection file"
        return CheckLine(f"set {set_name}", ok=False, message=said)
    if settings.child is None:
        client.ask(Query(top=1, orderby=tuple(entity.keys)).address(f"{settings.root}{settings.set}"))
    return f"{settings.service}.{settings.set}: key {', '.join(entity.keys)}; {len(entity.attributes)} attributes"


def _missing(settings: IfsSettings, set_name: str, *, entity: EntityType, child: str | None = None) -> Iterator[str]:
    """Names that must be there and are not: what the subjects need, and what the tenant named itself."""
    place = f"{set_name}.{child}" if child else set_name
    own = {
        alias.rpartition(".")[2]
        for alias in settings.sets[set_name].aliases
        if alias.rpartition(".")[0] == (child or "")
    }
    marks = set(settings.marks.names()) if place == "posting_proposal" else set()
    names = settings.names(set_name, child)
    for logical in sorted({*REQUIRED.get(place, ()), *own, *marks}):
        if entity.type_of(names[logical]) is None:
            yield f"{entity.name} has no {names[logical]} ({'marks' if logical in marks else 'aliases'}: {logical})"


def _company(client: IfsClient, company: str) -> CheckLine | str:
    found = Companies(client).find(company)
    if found is None:
        return CheckLine(
            f"company {company}",
            ok=False,
            message="does not exist, or the service user is not allowed: IFS would answer every question about it "
            "with an empty list; grant it there, or correct companies in the connection file",
        )
    return found.name
