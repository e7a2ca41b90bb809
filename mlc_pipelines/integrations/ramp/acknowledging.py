"""Tells Ramp what has been booked, in one sync call that may be repeated."""

import hashlib
from collections.abc import Mapping
from uuid import UUID

from mlc_pipelines.errors import Cause, NotYetError, RecordError
from mlc_pipelines.integrations.ramp.client import RampClient
from mlc_pipelines.ledger.records import Landed

NOT_SYNCED = "NOT_SYNCED"
PAID = "BILL_AND_PAYMENT_SYNCED"


def acknowledge(
    ramp: RampClient, sync_type: str, booked: Mapping[str, str], *, told_before: bool = True
) -> list[Landed]:
    """Send one sync for bill ids and their numbers in IFS; the key makes the same call twice one sync.

    A sync is refused whole. One bill that Ramp refuses because it has it as booked already is as wanted, if we may have
    told it so before, and for a person if not: Ramp does not say who booked it.
    """
    key = idempotency_key(sync_type, booked)
    try:
        ramp.sync(sync_type, key, successful=booked)
    except RecordError:
        if len(booked) > 1:
            raise
        (told,) = booked.items()
        return [_looked_at(ramp, sync_type, *told, told_before=told_before)]
    return [Landed(key) for _ in booked]


def _looked_at(ramp: RampClient, sync_type: str, bill_id: str, number: str, *, told_before: bool) -> Landed:
    """Decide on a bill whose sync was refused: booked already is as wanted, and a payment waits for its bill."""
    status = ramp.bill(bill_id).sync_status
    if status == PAID or (status == "BILL_SYNCED" and sync_type == "BILL_SYNC"):
        if told_before:
            return Landed("known to Ramp already")
        raise RecordError(
            f"ramp: bill {bill_id} was booked as {number} in IFS, but is {status} already, by somebody else; "
            "find out whether it is booked twice, reverse one of the two in IFS, then replay",
            cause=Cause.DUPLICATE_SUSPECTED,
        )
    if status == NOT_SYNCED and sync_type == "BILL_PAYMENT_SYNC":
        raise NotYetError(f"bill {bill_id} is paid, but not booked yet; its payment is booked after it")
    raise RecordError(
        f"ramp: bill {bill_id} is {status}, and its {sync_type} is refused; look at it in Ramp",
        cause=Cause.REJECTED_BY_TARGET,
    )


def idempotency_key(sync_type: str, booked: Mapping[str, str]) -> str:
    """Derive a UUID from type and sorted ids, so that a crash repeats the same request."""
    text = "\n".join([sync_type, *(f"{id_}={number}" for id_, number in sorted(booked.items()))])
    return str(UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))
