"""Suppliers: whom we owe. A supplier is global; its terms are per company, its address in a collection below it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from mlc_pipelines.errors import Cause
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.errors import AbsentError
from mlc_pipelines.ifs.records import Row, TypedReader, readable, told_apart, unreadable
from mlc_pipelines.wire.moments import instant
from mlc_pipelines.wire.rows import Unread

SET = "supplier"


@dataclass(frozen=True, slots=True)
class Supplier:
    """One supplier; what IFS does not tell is None. `state` is that of the address, `objstate` that of the record."""

    id: str
    name: str
    country: str | None = None
    currency: str | None = None
    language: str | None = None
    tax_id: str | None = None
    pay_term: str | None = None
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    objstate: str | None = None
    modified: datetime | None = None
    etag: str | None = None
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class NewSupplier:
    """A supplier to be made in IFS; without an id IFS gives it one."""

    name: str
    id: str | None = None
    country: str | None = None
    currency: str | None = None
    language: str | None = None
    tax_id: str | None = None
    pay_term: str | None = None
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None


class _Supplier(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str | None = None
    country: str | None = None
    currency: str | None = None
    language: str | None = None
    tax_id: str | None = None
    pay_term: str | None = None
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    objstate: str | None = None
    modified: str | None = None
    etag: str | None = msgspec.field(name="@odata.etag", default=None)


class Suppliers:
    """The suppliers of one tenant."""

    def __init__(self, client: IfsClient) -> None:
        self._client = client
        self._names = client.settings.names(SET)
        self._reader = TypedReader(_Supplier, self._names, where="supplier")

    def changed_since(self, since: datetime | None) -> Iterator[Supplier | Unread]:
        """Suppliers changed since then; all of them where the tenant has no modified attribute for suppliers."""
        return told_apart(self._changed(since), self.parse, key=self._names["id"])

    def all(self) -> Iterator[Supplier]:
        """Every supplier, to look something up; one that cannot be read is logged and left out."""
        return readable(self._changed(None), self.parse)

    def _changed(self, since: datetime | None) -> Iterator[Row]:
        if self._client.settings.sets[SET].modified_attribute is None:
            return self._client.rows(SET)
        return self._client.changed_rows(SET, since=since)

    def parse(self, raw: bytes) -> Supplier:
        """Read a supplier from its JSON; asks IFS nothing."""
        found = msgspec.structs.asdict(self._reader.read(raw))
        found["name"] = found["name"] or found["id"]
        found["modified"] = self._instant(found["modified"])
        return Supplier(**found, raw=raw)

    def read(self, supplier_id: str) -> Supplier:
        """One supplier by its id."""
        try:
            return self.parse(self._client.one(SET, {self._names["id"]: supplier_id}).raw)
        except AbsentError as exc:
            raise AbsentError(
                f"{exc}; IFS has no supplier {supplier_id}",
                cause=Cause.SUPPLIER_UNKNOWN,
                key=f"supplier:{supplier_id}",
            ) from exc

    def find_by_name(self, name: str) -> list[Supplier]:
        """Suppliers of exactly this name; RecordError when one of them cannot be read, for it may be the one."""
        return [self.parse(row.raw) for row in self._client.rows(SET, where=[("name", "eq", name)])]

    def with_address(self, supplier: Supplier) -> Supplier:
        """The supplier with the first of its addresses, for tenants that do not repeat it on the supplier."""
        rows = self._client.children(SET, {self._names["id"]: supplier.id}, "addresses")
        if not rows:
            return supplier
        found: dict[str, Any] = {name: rows[0].values.get(name) for name in ("address", "city", "state", "zip_code")}
        return replace(supplier, **found, country=supplier.country or rows[0].values.get("country"))

    def create(self, supplier: NewSupplier) -> Supplier:
        """Make a supplier; what is None is left out."""
        given = {name: value for name, value in asdict(supplier).items() if value is not None}
        return self.parse(self._client.create(SET, given).raw)

    def _instant(self, text: str | None) -> datetime | None:
        try:
            return None if text is None else instant(text)
        except ValueError as exc:
            raise unreadable("supplier", self._names["modified"], text, "not a timestamp") from exc
