"""IFS records at the door: loose rows for any set, and typed records where the subject knows its attributes."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar, cast

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.wire.bodies import BROKEN
from mlc_pipelines.wire.rows import Unread, loosely

logger = logging.getLogger(__name__)

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")

_LOOSE = msgspec.json.Decoder(float_hook=Decimal)
_PATH = re.compile(r"at `\$\.([^`]+)`")
_LACKS = re.compile(r"required field `([^`]+)`")
# A name no attribute has: where none is configured, the field keeps its default.
_NOWHERE = "not configured: "
_WIDEST = 30  # digits before or after the point of any figure: what is beyond it cannot be added up


@dataclass(frozen=True, slots=True)
class Row:
    """One record as IFS gave it.

    `keys` are by attribute name in the order of the metadata, `values` by logical name, `raw` is the JSON of the
    record, byte for byte. `problem` says why the record cannot be read; its values are then empty.
    """

    keys: Mapping[str, Any]
    etag: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    problem: str | None = None


class RowReader:
    """Reads any record of one set."""

    def __init__(self, keys: Mapping[str, str], names: Mapping[str, str]) -> None:
        self._keys = tuple(keys)
        self._logical = {attribute: logical for logical, attribute in names.items()}

    def read(self, raw: bytes) -> Row:
        """Read one record; never raises, because one bad record must not stop its page."""
        try:
            record: Any = _LOOSE.decode(raw)
        except BROKEN as exc:
            return Row(self._named(loosely(raw)), raw=raw, problem=f"not readable JSON: {exc}")
        if not isinstance(record, dict):
            return Row({}, raw=raw, problem="not a JSON object")
        members: dict[str, Any] = record
        odd = [name for name in self._keys if isinstance(members.get(name), list | dict)]
        if odd:
            return Row(self._named(members), raw=raw, problem=f"{odd[0]} is no key: {members[odd[0]]!r}")
        etag = members.get("@odata.etag")
        logical = self._logical
        return Row(
            keys=self._named(members),
            etag=etag if isinstance(etag, str) else None,
            values={logical.get(name, name): value for name, value in members.items() if name[:1] != "@"},
            raw=raw,
        )

    def _named(self, members: Any) -> dict[str, Any]:
        if not isinstance(members, dict):
            return {}
        return {name: members[name] for name in self._keys if isinstance(members.get(name), str | int | Decimal)}


class TypedReader(Generic[S]):
    """Reads the records of one set into `shape`, whose fields are the logical names.

    IFS mixes real and text booleans and may give numbers as text; both are read. Amounts become exact decimals.
    """

    def __init__(self, shape: type[S], names: Mapping[str, str], *, where: str) -> None:
        fields = msgspec.structs.fields(shape)
        rename = {item.name: _attribute(item, names) for item in fields}
        again = [(item.name, item.type) if item.required else (item.name, item.type, item.default) for item in fields]
        renamed = msgspec.defstruct(
            shape.__name__, cast(Any, again), bases=(shape,), rename=rename, frozen=True, kw_only=True
        )
        self._decoder = msgspec.json.Decoder(renamed, strict=False)
        self._decimals = tuple((item.name, rename[item.name]) for item in fields if "Decimal" in str(item.type))
        self._where = where

    def read(self, raw: bytes) -> S:
        """Read one record, or raise RecordError naming the attribute and its value."""
        try:
            raw.decode()  # of attributes that are not asked for the decoder reads no text
            record = self._decoder.decode(raw)
        except BROKEN as exc:
            raise self._unreadable(raw, str(exc)) from exc
        for name, attribute in self._decimals:
            amount = getattr(record, name)
            if amount is not None and (not amount.is_finite() or abs(amount.adjusted()) > _WIDEST):
                raise unreadable(self._where, attribute, amount, "not a figure that can be added up")
        return cast(S, record)

    def _unreadable(self, raw: bytes, said: str) -> RecordError:
        found = _PATH.search(said) or _LACKS.search(said)
        if found is None:
            return RecordError(f"{self._where}: cannot be read: {said}", cause=Cause.UNREADABLE)
        try:
            value = _LOOSE.decode(raw).get(found[1])
        except BROKEN:
            value = "unreadable"
        return unreadable(self._where, found[1], value, said.split(" - at", 1)[0])


def _attribute(item: msgspec.structs.FieldInfo, names: Mapping[str, str]) -> str:
    if item.encode_name.startswith("@"):
        return item.encode_name
    return names.get(item.name, f"{_NOWHERE}{item.name}")


def unreadable(where: str, attribute: str, value: Any, why: str) -> RecordError:
    """The error for a value that cannot be read."""
    shown = repr(value)[:80]
    message = f"{where}: {attribute} is {shown}: {why}; correct the record in IFS or the aliases in the settings"
    return RecordError(message, cause=Cause.UNREADABLE, key=f"attribute:{attribute}")


def readable(rows: Iterable[Row], read: Callable[[bytes], T]) -> Iterator[T]:
    """Read row after row of what is looked up; one that cannot be read is logged and left out, and the rest goes on."""
    for row in rows:
        try:
            yield read(row.raw)
        except RecordError as exc:
            logger.warning("record left out", extra={"keys": dict(row.keys), "problem": str(exc)})


def told_apart(rows: Iterable[Row], read: Callable[[bytes], T], *, key: str) -> Iterator[T | Unread]:
    """Read row after row of what is carried; one that cannot be read is given as such, named by the attribute `key`."""
    for row in rows:
        try:
            yield read(row.raw)
        except RecordError as exc:
            named = row.keys.get(key)
            yield Unread(row.raw, str(exc), None if named is None else str(named))
