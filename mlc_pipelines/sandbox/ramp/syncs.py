"""Syncs: the ERP reports what it booked and what it could not book, once per idempotency key."""

import re
from typing import Any

from mlc_pipelines.sandbox.ramp.answers import Answer, invalid
from mlc_pipelines.sandbox.ramp.bill_life import bill_is_ready, payment_is_ready
from mlc_pipelines.sandbox.ramp.connection import WRITE, require_connection
from mlc_pipelines.sandbox.ramp.gate import Call, Endpoint
from mlc_pipelines.sandbox.ramp.records import Sync
from mlc_pipelines.sandbox.ramp.store import Store
from mlc_pipelines.sandbox.ramp.validation import choice, identifier, matching, read_body, rows, shape, text

RECORDS_MOST = 5000
TYPES = ("BILL_SYNC", "BILL_PAYMENT_SYNC")
BOTH_SYNCED = "BILL_AND_PAYMENT_SYNCED"
DONE = {"BILL_SYNC": ("BILL_SYNCED", BOTH_SYNCED), "BILL_PAYMENT_SYNC": (BOTH_SYNCED,)}
url = matching(re.compile(r"https?://\S+"), message="Not a valid URL.")
success = shape(
    {"id": identifier, "reference_id": text(least=1), "deep_link_url": url}, required=["id", "reference_id"]
)
failure = shape(
    {"id": identifier, "error": shape({"message": text(least=1)}, required=["message"])}, required=["id", "error"]
)
FIELDS = {
    "idempotency_key": text(least=1),
    "sync_type": choice(*TYPES),
    "successful_syncs": rows(success, least=1, most=RECORDS_MOST),
    "failed_syncs": rows(failure, least=1, most=RECORDS_MOST),
}


class SyncEndpoints:
    """What /accounting/syncs answers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoint of this room."""
        return [Endpoint("POST", "/accounting/syncs", WRITE, self._create)]

    def _create(self, call: Call) -> Answer:
        store = self._store
        require_connection(store)
        body = read_body(call.json(), FIELDS, required=["idempotency_key", "sync_type"])
        known = store.syncs.get(body["idempotency_key"])
        if known is not None:
            if known.body != body:
                raise invalid({"idempotency_key": ["The key was used with another body."]})
            return Answer(201, {"sync_id": known.id})
        successes, failures = body.get("successful_syncs") or [], body.get("failed_syncs") or []
        if not successes and not failures:
            raise invalid({"successful_syncs": ["Give successful or failed syncs."]})
        self._check(body["sync_type"], successes=successes, failures=failures)
        self._book(body["sync_type"], successes=successes, failures=failures)
        made = Sync(store.new_id(), store.next_number(), body["idempotency_key"], body["sync_type"], body, store.now())
        store.syncs[made.idempotency_key] = made
        call.note(f"{made.sync_type}: {len(successes)} booked, {len(failures)} failed")
        return Answer(201, {"sync_id": made.id})

    def _check(self, sync_type: str, *, successes: list[dict[str, Any]], failures: list[dict[str, Any]]) -> None:
        problems: dict[str, list[str]] = {}
        seen: set[str] = set()
        for where, given in (("successful_syncs", successes), ("failed_syncs", failures)):
            for place, row in enumerate(given):
                message = self._problem(row["id"], sync_type=sync_type)
                if row["id"] in seen:
                    message = f"{row['id']} is given twice"
                seen.add(row["id"])
                if message:
                    problems[f"{where}.{place}.id"] = [message]
        if problems:
            raise invalid(problems)

    def _problem(self, bill_id: str, *, sync_type: str) -> str | None:
        bill = self._store.bills.get(bill_id)
        if bill is None:
            return f"{bill_id} not found"
        if bill.sync_status in DONE[sync_type]:
            return f"{bill_id} is already synced"
        ready = bill_is_ready(self._store, bill) if sync_type == "BILL_SYNC" else payment_is_ready(bill)
        return None if ready else f"{bill_id} is not ready to sync"

    def _book(self, sync_type: str, *, successes: list[dict[str, Any]], failures: list[dict[str, Any]]) -> None:
        for row in successes:
            bill = self._store.bills[row["id"]]
            bill.sync_error = None
            if sync_type == "BILL_SYNC":
                bill.sync_status, bill.bill_reference = "BILL_SYNCED", row["reference_id"]
            else:
                bill.sync_status, bill.payment_reference = BOTH_SYNCED, row["reference_id"]
        for row in failures:
            self._store.bills[row["id"]].sync_error = row["error"]["message"]
