"""What the two flows that make vouchers share: records of charges, and what may become of one that changed."""

from collections.abc import Mapping
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Sighting
from mlc_pipelines.integrations.airbase.charges import Charge
from mlc_pipelines.integrations.airbase.desk import Desk
from mlc_pipelines.ledger.bindings import Binding
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.records import SourceRecord, Translated

SERIE = "AIRBASE"
ISO_CODE = 3


def posted_record(desk: Desk, sighting: Sighting, raw: bytes, charge: Charge, *, matters: object) -> SourceRecord:
    """Write a charge down; its company is empty while its subsidiary has none."""
    return SourceRecord(
        key=sighting.key,
        company=desk.companies().get(charge.subsidiary, ""),
        content=raw,
        fingerprint=fingerprint(matters),
        tag=sighting.tag,
        label=charge.number,
        partner=charge.vendor_name,
        amount=charge.total,
        currency=charge.currency if len(charge.currency) == ISO_CODE else None,
        dated=charge.dated,
    )


def unread_record(sighting: Sighting, raw: bytes, error: RecordError) -> SourceRecord:
    """Keep a document that cannot be read; it is held as it came."""
    return SourceRecord(
        key=sighting.key,
        company="",
        content=raw,
        fingerprint=digest(raw),
        tag=sighting.tag,
        label=sighting.key,
        problem=str(error),
    )


def changed_since_posted(named: str, made: Binding | None) -> None:
    """Refuse to make a second voucher of a document that changed after the first."""
    if made is not None:
        raise RecordError(
            f"{named} changed in Airbase after voucher {made.external_id} was made of it; correct the voucher in IFS",
            cause=Cause.CHANGED_AFTER_DELIVERY,
        )


def posted(voucher: Mapping[str, Any]) -> Translated:
    """Make the payload of a voucher, known by its reference."""
    return Translated(encode(voucher), voucher["reference"])
