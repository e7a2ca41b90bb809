"""Ledger entries: what is to be posted, and the acknowledgement that it was."""

from typing import Any

from mlc_pipelines.sandbox.airbase.answers import Answer, invalid, not_found, refused
from mlc_pipelines.sandbox.airbase.gate import Call, Endpoint
from mlc_pipelines.sandbox.airbase.records import LedgerEntry
from mlc_pipelines.sandbox.airbase.rows import Rows
from mlc_pipelines.sandbox.airbase.store import Store
from mlc_pipelines.sandbox.airbase.validation import Field, one_of, read_body, text

PATH = "/v1/accounting/ledger_entries/"
STATUSES = ("sync_ready", "sync_complete", "sync_failed")
FIELDS = {
    "status": Field(one_of(*STATUSES)),
    "erp_reference_id": Field(text),
    "erp_url": Field(text),
    "error_message": Field(text),
}


class EntryEndpoints:
    """The ledger entries of the accounting API."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows = Rows(store)

    def endpoints(self) -> list[Endpoint]:
        """Return what is offered; entries are made by the service, never by POST."""
        return [
            Endpoint("GET", PATH, self._list),
            Endpoint("GET", f"{PATH}{{id}}/", self._get),
            Endpoint("PATCH", f"{PATH}{{id}}/", self._change),
        ]

    def _list(self, call: Call) -> Answer:
        status = call.filters("status").get("status", "sync_ready")
        if status not in STATUSES:
            raise invalid({"status": [f'Select a valid choice. "{status}" is not one of the available choices.']})
        rows = [entry for entry in self._store.entries.values() if entry.status == status]
        return call.page(sorted(rows, key=lambda entry: entry.airbase_id), render=self._rows.entry)

    def _get(self, call: Call) -> Answer:
        return Answer(200, self._rows.entry(self._find(call)))

    def _change(self, call: Call) -> Answer:
        entry = self._find(call)
        body = read_body(call.json(), FIELDS)
        if not body:
            raise invalid({"non_field_errors": ["Nothing to change."]})
        if call.someone_edits():
            entry.notes = "Looked at by accounts payable"
        if entry.status == "sync_complete":
            _check_repetition(entry, body)
        elif body.get("status") == "sync_complete" and not body.get("erp_reference_id"):
            raise invalid({"erp_reference_id": ["Required to complete a ledger entry."]})
        before = entry.status
        for name, value in body.items():
            setattr(entry, name, value)
        call.note(f"ledger entry {entry.airbase_id}: {before} -> {entry.status} {entry.erp_reference_id}")
        return Answer(200, self._rows.entry(entry))

    def _find(self, call: Call) -> LedgerEntry:
        found = self._store.entries.get(call.key())
        if found is None:
            raise not_found()
        return found


def _check_repetition(entry: LedgerEntry, body: dict[str, Any]) -> None:
    """A completed entry takes the same acknowledgement again, and nothing else."""
    if any(getattr(entry, name) != value for name, value in body.items()):
        raise refused(409, "Ledger entry is already sync_complete.")
