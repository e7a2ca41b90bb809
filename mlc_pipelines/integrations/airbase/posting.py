"""What the two flows that make vouchers share: records of charges, and what may become of one that changed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Sighting
from mlc_pipelines.integrations.airbase.charges import Charge, charge_id, read_charge
from mlc_pipelines.integrations.airbase.desk import Desk
from mlc_pipelines.integrations.airbase.settings import ChargePointers
from mlc_pipelines.ledger.bindings import Binding
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.records import Entry, Ignored, SourceRecord, Translated
from mlc_pipelines.ledger.states import Stage, State

SERIE = "AIRBASE"
ISO_CODE = 3
GONE = b"null"
UNLISTED = "unlisted"
"""The tag of what its list leaves out: it is read by itself, once."""


def sightings(desk: Desk, flow: str, rows: Iterable[bytes], fields: ChargePointers) -> Iterator[Sighting]:
    """Give what a list has, then what is held and left out of it: to be read by itself, it may be taken back."""
    waiting = set(_held(desk, flow))
    for raw in rows:
        key = charge_id(raw, fields)
        waiting.discard(key)
        yield Sighting(key, tag=digest(raw), carry=raw)
    yield from (Sighting(key, tag=UNLISTED) for key in sorted(waiting))


def _held(desk: Desk, flow: str) -> Iterator[str]:
    """Name what is held before anything was posted; what could not be read may have a key of our own making."""
    after = 0
    while page := desk.books.reports.select(flow=flow, states=(State.HELD,), after=after):
        after = page[-1].id
        for entry in page:
            waits = entry.stage is Stage.TRANSLATE and entry.cause is not Cause.UNREADABLE
            if waits or entry.cause is Cause.NOT_READY:
                yield entry.key


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


def gone_record(sighting: Sighting) -> SourceRecord:
    """Keep that a document is not there any more."""
    return SourceRecord(sighting.key, "", GONE, digest(GONE), tag=sighting.tag, label=sighting.key)


def withdrawn(named: str, said: str, made: Binding | None) -> Ignored:
    """Drop a document that was taken back, with a note; after its voucher it needs a person."""
    if made is None:
        return Ignored(Cause.CANCELLED, f"{named} is {said}: no voucher is made")
    raise RecordError(
        f"{named} is {said}, but voucher {made.external_id} was made of it; reverse the voucher in IFS",
        cause=Cause.CANCELLED_AFTER_DELIVERY,
    )


def check_unchanged(entry: Entry, raw: bytes | None, fields: ChargePointers, is_due: Callable[[Charge], bool]) -> None:
    """Refuse to post a document that is not any more what was taken in; `raw` is what Airbase says of it now."""
    now = read_charge(raw, fields) if raw is not None else None
    if now is None or not is_due(now):
        said = "is no longer in Airbase" if now is None else f"is {now.status or 'without a status'} in Airbase now"
    elif now.what_matters() != read_charge(entry.source, fields).what_matters():
        said = "reads otherwise in Airbase now"
    else:
        return
    raise RecordError(
        f"{entry.label} {said}: no voucher was made; the next run takes in what became of it", cause=Cause.NOT_READY
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
