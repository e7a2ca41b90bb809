"""The OData client of one IFS tenant: reads collections, reads and changes single records, makes documents."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from types import TracebackType
from typing import Any, Self

from pydantic import SecretStr

from mlc_pipelines.errors import Cause, ConfigurationError, RecordError, TransientError
from mlc_pipelines.ifs.documents import Documents, Rows
from mlc_pipelines.ifs.errors import AbsentError, judge
from mlc_pipelines.ifs.metadata import Metadata, parse
from mlc_pipelines.ifs.odata import Query, both, key_predicate
from mlc_pipelines.ifs.reading import Place, Reading
from mlc_pipelines.ifs.records import Row, RowReader
from mlc_pipelines.ifs.settings import IfsSettings, SetSettings
from mlc_pipelines.wire.answers import Answer
from mlc_pipelines.wire.auth import ClientCredentials, ifs_refresh
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.http import HttpClient, Limits
from mlc_pipelines.wire.memory import Budget, Guard, TokenStore
from mlc_pipelines.wire.rows import one

Condition = tuple[str, str, Any]


class IfsClient:
    """One tenant. Sets are named as in the settings, attributes by their logical names."""

    def __init__(self, settings: IfsSettings, http: HttpClient) -> None:
        self.settings = settings
        self._http = http
        self._metadata: dict[str, Metadata] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to IFS."""
        self._http.close()

    # Where things are

    def metadata(self, set_name: str) -> Metadata:
        """`$metadata` of the service of a set, asked for once."""
        settings = self.settings.sets[set_name]
        with self._lock:
            if settings.root not in self._metadata:
                answer = self._service(settings, f"{settings.root}$metadata", accept="application/xml")
                self._metadata[settings.root] = parse(answer.body, where=f"ifs: {settings.service}")
            return self._metadata[settings.root]

    def place(self, set_name: str, *, company: str | None = None, letter: str = "") -> Place:
        """The collection of a set: the set itself, or the nested collection of one company where there is one."""
        settings = self.settings.sets[set_name]
        metadata, names = self.metadata(set_name), self.settings.names(set_name)
        entity = metadata.set_type(settings.set)
        if settings.child is None or company is None:
            return Place(settings.root, f"{settings.root}{settings.set}", entity, names)
        child = settings.child.format(letter=letter)
        names = names | {"code_part": f"Code{letter}"} if letter else names
        key = key_predicate({"Company": company}, entity.keys)
        return Place(
            settings.root, f"{settings.root}{settings.set}{key}/{child}", metadata.child_type(entity, child), names
        )

    def record(self, set_name: str, keys: Mapping[str, Any]) -> Place:
        """One record of a set; `keys` are by attribute name."""
        place = self.place(set_name)
        return Place(place.root, place.path + key_predicate(keys, place.type.keys), place.type, place.names)

    def below(self, set_name: str, record: Place, child: str) -> Place:
        """A collection below one record; `child` is its name in the settings."""
        settings = self.settings.sets[set_name]
        navigation = settings.children.get(child)
        if navigation is None:
            raise ConfigurationError(f"ifs: sets.{set_name}.children has no {child}")
        entity = self.metadata(set_name).child_type(record.type, navigation)
        return Place(record.root, f"{record.path}/{navigation}", entity, self.settings.names(set_name, child))

    # Reading

    def rows(
        self,
        set_name: str,
        *,
        company: str | None = None,
        letter: str = "",
        where: Sequence[Condition] = (),
        orderby: Sequence[str] = (),
    ) -> Iterator[Row]:
        """Every record of a set that fits; with `company`, those of that company only."""
        settings = self.settings.sets[set_name]
        place = self.place(set_name, company=company, letter=letter)
        conditions = [*([("company", "eq", company)] if company is not None and settings.child is None else []), *where]
        query = self._query(place, conditions, [place.names.get(name, name) for name in orderby], settings=settings)
        return Reading(lambda path: self._service(settings, path), place, base_url=self.settings.base_url).all(query)

    def changed_rows(self, set_name: str, *, since: datetime | None, where: Sequence[Condition] = ()) -> Iterator[Row]:
        """Records changed since then; see `changed`."""
        return map(self.reader(set_name).read, self.changed(set_name, since=since, where=where))

    def reader(self, set_name: str) -> RowReader:
        """Give what reads any record of a set."""
        place = self.place(set_name)
        return RowReader(place.type.keys, place.names)

    def changed(self, set_name: str, *, since: datetime | None, where: Sequence[Condition] = ()) -> Iterator[bytes]:
        """The JSON of records changed since then, oldest change first, starting `overlap_minutes` early.

        The overlap catches changes that were committed late; the caller knows what it has seen by key and ETag.
        """
        settings = self.settings.sets[set_name]
        if settings.modified_attribute is None:
            raise ConfigurationError(f"ifs: sets.{set_name}.modified_attribute is not set; changes cannot be asked for")
        place = self.place(set_name)
        if place.type.type_of(settings.modified_attribute) is None:
            times = ", ".join(place.type.times()) or "none"
            raise ConfigurationError(
                f"ifs: {settings.set} has no {settings.modified_attribute}; attributes with a time: {times}; "
                f"set sets.{set_name}.modified_attribute"
            )
        query = self._query(place, where, [settings.modified_attribute], settings=settings)
        early = None if since is None else since - timedelta(minutes=self.settings.overlap_minutes)
        reading = Reading(lambda path: self._service(settings, path), place, base_url=self.settings.base_url)
        return reading.changed(query, since=early)

    def one(self, set_name: str, keys: Mapping[str, Any]) -> Row:
        """One record by its key; AbsentError when there is none."""
        place = self.record(set_name, keys)
        body = one(self._http.send("GET", place.path).body, f"ifs: {place.path}")
        row = RowReader(place.type.keys, place.names).read(body)
        if row.problem and row.keys:
            raise RecordError(f"ifs: {place.path}: the record cannot be read: {row.problem}", cause=Cause.UNREADABLE)
        if row.problem:
            raise TransientError(f"ifs: {place.path}: the answer is no record: {row.problem}")
        return row

    def children(self, set_name: str, keys: Mapping[str, Any], child: str) -> list[Row]:
        """The records of a collection below one record, in the order of their keys.

        AbsentError when the record above them is gone.
        """
        place = self.below(set_name, self.record(set_name, keys), child)
        query = Query(orderby=tuple(place.type.keys), top=self.settings.page_size)
        reading = Reading(lambda path: self._http.send("GET", path), place, base_url=self.settings.base_url)
        return list(reading.all(query))

    # Writing

    def create(self, set_name: str, values: Mapping[str, Any]) -> Row:
        """Make one record; `values` by logical name."""
        return self._documents(set_name).create(self.place(set_name), values)

    def create_with_rows(
        self, set_name: str, header: Mapping[str, Any], *, child: str, rows: Sequence[Mapping[str, Any]]
    ) -> Row:
        """Make a header with its rows, all or nothing; the header comes back."""
        settings = self.settings.sets[set_name]
        place = self.place(set_name)
        navigation = settings.children[child]
        entity = self.metadata(set_name).child_type(place.type, navigation)
        given = Rows(navigation, entity, self.settings.names(set_name, child), rows)
        documents = self._documents(set_name)
        if self.settings.batch:
            return documents.in_one_change_set(place, header, rows=given)
        return documents.header_then_rows(place, header, rows=given)

    def patch(self, set_name: str, row: Row, values: Mapping[str, Any]) -> Row:
        """Change attributes of a record just read; StaleRecordError when somebody changed it meanwhile."""
        return self._documents(set_name).patch(self.record(set_name, row.keys), row, values)

    def action(self, set_name: str, row: Row, name: str, values: Mapping[str, Any] | None = None) -> Any:
        """Run a bound action on a record just read; gives its result, if any. `values` go as they are."""
        return self._documents(set_name).action(self.record(set_name, row.keys), row, name, values or {})

    # Inside

    def ask(self, path: str) -> Answer:
        """Read a path below the base address, for the check."""
        return self._http.send("GET", path)

    def _documents(self, set_name: str) -> Documents:
        return Documents(self._http, where=f"ifs {set_name}")

    def _query(
        self, place: Place, conditions: Sequence[Condition], orderby: Sequence[str], *, settings: SetSettings
    ) -> Query:
        known = [attribute for attribute in place.names.values() if attribute in place.type.attributes]
        return Query(
            filter=both(*(place.compare(*condition) for condition in conditions)),
            orderby=tuple(dict.fromkeys([*orderby, *place.type.keys])),
            top=self.settings.page_size,
            select=tuple(dict.fromkeys([*place.type.keys, *known])) if settings.select else (),
        )

    def _service(self, settings: SetSettings, path: str, *, accept: str = "application/json") -> Answer:
        try:
            return self._http.send("GET", path, headers={"Accept": accept})
        except AbsentError as exc:
            other = "int" if settings.channel == "main" else "main"
            raise ConfigurationError(
                f"{exc}; {settings.service} is not active on the channel {settings.channel}: try channel {other}, "
                "or activate it in the API Explorer"
            ) from exc


def open_ifs(
    settings: IfsSettings,
    *,
    vault_get: Callable[[str], SecretStr],
    tokens: TokenStore,
    budget: Budget,
    guard: Guard,
    clock: Clock,
) -> IfsClient:
    """Assemble the client of one tenant: its IAM client, its share of the rate limit, its time limits."""
    auth = ClientCredentials(
        credential=settings.credential,
        token_url=settings.token_url,
        client_id=vault_get(f"{settings.credential}/client_id"),
        client_secret=vault_get(f"{settings.credential}/client_secret"),
        scope=settings.scope,
        style="body",
        store=tokens,
        clock=clock,
        refresh=ifs_refresh(settings.token_refresh_seconds),
    )
    headers = {"Accept": "application/json", "Accept-Language": "en-US"}
    if settings.timezone_aware_header:
        headers["X-Ifs-Time-Zone-Aware-Request"] = "true"
    http = HttpClient(
        "ifs",
        settings.base_url,
        judge=judge,
        auth=auth,
        budget=budget,
        guard=guard,
        limits=Limits(read_seconds=settings.read_seconds, write_seconds=settings.write_seconds),
        clock=clock,
        headers=headers,
    )
    return IfsClient(settings, http)
