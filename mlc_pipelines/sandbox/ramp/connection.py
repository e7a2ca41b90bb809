"""The accounting connection: one active at a time, everything uploaded belongs to it."""

from typing import Any

from mlc_pipelines.sandbox.ramp.answers import Answer, RefusalError, not_found, stamp, stamp_with_offset
from mlc_pipelines.sandbox.ramp.gate import Call, Endpoint
from mlc_pipelines.sandbox.ramp.records import Connection
from mlc_pipelines.sandbox.ramp.store import Books, Store
from mlc_pipelines.sandbox.ramp.validation import ProblemError, read_body, text

READ, WRITE = "accounting:read", "accounting:write"


def require_connection(store: Store) -> Connection:
    """Return the active connection, or refuse: 400 DEVELOPER_7089."""
    found = store.active_connection()
    if found is None:
        raise RefusalError(400, "DEVELOPER_7089", "No active accounting connection")
    return found


class ConnectionEndpoints:
    """What /accounting/connection and /accounting/all-connections answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of this room."""
        return [
            Endpoint("GET", "/accounting/all-connections", READ, self._list),
            Endpoint("GET", "/accounting/connection", READ, self._active),
            Endpoint("POST", "/accounting/connection", WRITE, self._create),
            Endpoint("DELETE", "/accounting/connection", WRITE, self._delete),
            Endpoint("GET", "/accounting/connection/{id}", READ, lambda call: Answer(200, as_row(self._find(call)))),
            Endpoint("PATCH", "/accounting/connection/{id}", WRITE, self._change),
            Endpoint("POST", "/accounting/connection/{id}/reactivate", WRITE, self._reactivate),
        ]

    def _list(self, call: Call) -> Answer:
        return Answer(200, {"connections": [as_row(found) for found in self._store.connections.values()]})

    def _active(self, call: Call) -> Answer:
        found = self._store.active_connection()
        if found is None:
            raise not_found("accounting connection", "(active)")
        return Answer(200, as_row(found))

    def _create(self, call: Call) -> Answer:
        fields = {"remote_provider_name": text(least=1), "settings": _settings}
        body = read_body(call.json(), fields, required=["remote_provider_name"])
        self._refuse_second()
        made = self._store.connect(body["remote_provider_name"])
        made.settings = body.get("settings")
        call.note(f"created connection {made.id}")
        return Answer(201, as_row(made))

    def _delete(self, call: Call) -> Answer:
        found = require_connection(self._store)
        found.status = "unlinked"
        self._store.shelf[found.id] = self._store.books
        self._store.books = Books()
        call.note(f"deleted connection {found.id}")
        return Answer(204)

    def _change(self, call: Call) -> Answer:
        found = self._find(call)
        found.settings = read_body(call.json(), {"settings": _settings}, required=["settings"])["settings"]
        call.note(f"changed connection {found.id}")
        return Answer(200, as_row(found))

    def _reactivate(self, call: Call) -> Answer:
        found = self._find(call)
        if not found.is_active:
            self._refuse_second()
            found.status = "linked"
            found.last_linked_at = self._store.now()
            self._store.books = self._store.shelf.pop(found.id)
            call.note(f"reactivated connection {found.id}")
        return Answer(200, as_row(found))

    def _find(self, call: Call) -> Connection:
        found = self._store.connections.get(call.key())
        if found is None:
            raise not_found("accounting connection", call.key())
        return found

    def _refuse_second(self) -> None:
        if self._store.active_connection() is not None:
            raise RefusalError(400, "DEVELOPER_7001", "An accounting connection is active already")


def _settings(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProblemError("Invalid input type.")
    return value


def as_row(connection: Connection) -> dict[str, Any]:
    """Return the connection as an AccountingProvider."""
    return {
        "id": connection.id,
        "remote_provider_name": connection.provider,
        "status": connection.status,
        "is_active": connection.is_active,
        "created_at": stamp(connection.created_at),
        "last_linked_at": stamp_with_offset(connection.last_linked_at),
        "settings": connection.settings or {},
    }
