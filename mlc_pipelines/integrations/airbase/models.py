"""Airbase's records in Airbase's words, as answers carry them; unknown keys pass, ids are text."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self, TypeVar

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.wire.bodies import BROKEN

T = TypeVar("T")
SYNC_READY = "sync_ready"
SYNC_COMPLETE = "sync_complete"


class Reference(msgspec.Struct, frozen=True):
    """A record of the other side as it is named: by Airbase's id, by the ERP's reference, or both."""

    airbase_id: str | None = None
    erp_reference_id: str | None = None


class _VendorRow(msgspec.Struct):
    airbase_id: str | None = None
    id: str | None = None
    erp_reference_id: str | None = None
    name: str | None = None
    is_active: bool | None = True
    email: str | None = None
    subsidiary_reference_ids: list[Reference] | None = None


@dataclass(frozen=True, slots=True)
class Vendor:
    """Whom is paid. `reference` is the IFS supplier, empty while nobody has linked them; `raw` is the row as sent."""

    id: str
    name: str
    reference: str
    is_active: bool
    email: str | None
    subsidiaries: tuple[Reference, ...]
    raw: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a vendor row."""
        row = _read(raw, _VENDOR, "vendor")
        vendor_id = row.airbase_id or row.id
        if not vendor_id:
            raise RecordError("airbase: a vendor has no id", cause=Cause.UNREADABLE)
        return cls(
            id=vendor_id,
            name=row.name or vendor_id,
            reference=(row.erp_reference_id or "").strip(),
            is_active=bool(row.is_active),
            email=row.email or None,
            subsidiaries=tuple(row.subsidiary_reference_ids or ()),
            raw=raw,
        )


class Subsidiary(msgspec.Struct, frozen=True):
    """A legal entity; `iso_code` is its country (seen in public code)."""

    airbase_id: str | None = None
    erp_reference_id: str | None = None
    name: str | None = None


class Account(msgspec.Struct, frozen=True):
    """A GL account as Airbase has it."""

    airbase_id: str | None = None
    erp_reference_id: str | None = None
    name: str | None = None
    account_number: str | None = None


class Currency(msgspec.Struct, frozen=True):
    """A currency row: an ISO code stands twice when a transaction brought it before the ERP did."""

    iso_code: str | None = None
    erp_reference_id: str | None = None


class LedgerEntry(msgspec.Struct, frozen=True):
    """What the acknowledgement of a ledger entry looks at."""

    status: str | None = None
    erp_reference_id: str | None = None


class Upserted(msgspec.Struct, frozen=True):
    """The answer to a bulk call."""

    created: list[msgspec.Raw] = []
    updated: list[msgspec.Raw] = []


_VENDOR = msgspec.json.Decoder(_VendorRow)
_ENTRY = msgspec.json.Decoder(LedgerEntry)
_OBJECT = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def reader(kind: type[T], what: str) -> Callable[[bytes], T]:
    """Make a function that reads one row."""
    decoder = msgspec.json.Decoder(kind)
    return lambda raw: _read(raw, decoder, what)


def read_object(raw: bytes, what: str) -> Mapping[str, Any]:
    """Read an object of which only pointers know the form."""
    return _read(raw, _OBJECT, what)


def _read(raw: bytes, decoder: msgspec.json.Decoder[T], what: str) -> T:
    try:
        return decoder.decode(raw)
    except BROKEN as error:
        raise RecordError(f"airbase: a {what} cannot be read: {error}", cause=Cause.UNREADABLE) from error


def read_entry(raw: bytes) -> LedgerEntry:
    """Read what the acknowledgement looks at."""
    return _read(raw, _ENTRY, "ledger entry")


def currencies_with_reference(rows: Iterable[Currency]) -> dict[str, str]:
    """Give the ERP's code of each ISO code, from the rows that have one; an ISO code without is left out."""
    return {row.iso_code: row.erp_reference_id for row in rows if row.iso_code and row.erp_reference_id}
