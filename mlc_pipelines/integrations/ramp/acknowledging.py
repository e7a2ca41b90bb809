"""Tells Ramp what has been booked, in one sync call that may be repeated."""

import hashlib
from collections.abc import Mapping
from uuid import UUID

from mlc_pipelines.errors import RecordError
from mlc_pipelines.integrations.ramp.client import RampClient
from mlc_pipelines.ledger.records import Landed

PAID = "BILL_AND_PAYMENT_SYNCED"


def acknowledge(ramp: RampClient, sync_type: str, booked: Mapping[str, str]) -> list[Landed]:
    """Send one sync for bill ids and their numbers in IFS; the key makes the same call twice one sync.

    A sync is refused whole. One bill that Ramp refuses because it has it as booked already is as wanted.
    """
    key = idempotency_key(sync_type, booked)
    try:
        ramp.sync(sync_type, key, successful=booked)
    except RecordError:
        done = {PAID, "BILL_SYNCED"} if sync_type == "BILL_SYNC" else {PAID}
        if len(booked) > 1 or any(ramp.bill(id_).sync_status not in done for id_ in booked):
            raise
        return [Landed("known to Ramp already")]
    return [Landed(key) for _ in booked]


def idempotency_key(sync_type: str, booked: Mapping[str, str]) -> str:
    """Derive a UUID from type and sorted ids, so that a crash repeats the same request."""
    text = "\n".join([sync_type, *(f"{id_}={number}" for id_, number in sorted(booked.items()))])
    return str(UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))
