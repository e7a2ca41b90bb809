"""Chart of accounts, classes, departments, locations and the like: all the same, only accounts have a number."""

from collections.abc import Mapping
from typing import Any

from mlc_pipelines.sandbox.bill.answers import Answer, Problem, invalid, not_found
from mlc_pipelines.sandbox.bill.filters import PLAIN_RULES, Filterable, Rules
from mlc_pipelines.sandbox.bill.gate import AP, Call, Endpoint
from mlc_pipelines.sandbox.bill.lists import PARAMETERS
from mlc_pipelines.sandbox.bill.records import Classification
from mlc_pipelines.sandbox.bill.rows import Rows
from mlc_pipelines.sandbox.bill.store import KINDS, Store
from mlc_pipelines.sandbox.bill.validation import (
    Field,
    ProblemError,
    matching,
    nested,
    read_fields,
    rows_of,
    settled,
    text,
    word,
)

ACCOUNTS = "chart-of-accounts"
FIELDS: Mapping[str, Field] = {"name": Field(word, required=True), "description": Field(text), "parentId": Field(word)}
ACCOUNT: Mapping[str, Field] = {
    "type": Field(matching("[A-Z_]+", "A type in capital letters is required.")),
    "number": Field(word),
}
RULES: Rules = {**PLAIN_RULES, "name": Filterable(lambda row: row.name, ("eq", "sw"))}


class ClassificationEndpoints:
    """One kind of classification."""

    def __init__(self, store: Store, *, kind: str) -> None:
        self._store = store
        self._rows = Rows(store)
        self._kind = kind
        self._fields = {**FIELDS, **({"account": Field(nested(ACCOUNT))} if kind == ACCOUNTS else {})}

    def endpoints(self) -> list[Endpoint]:
        """Return what is answered."""
        path = f"{AP}/v3/classifications/{self._kind}"
        return [
            Endpoint("GET", path, self._list, parameters=PARAMETERS),
            Endpoint("POST", path, self._create, has_body=True),
            Endpoint("POST", f"{path}/bulk", self._create_many, has_body=True),
            Endpoint("PATCH", f"{path}/bulk", self._change_many, has_body=True),
            Endpoint("POST", f"{path}/bulk/archive", self._archive_many, parameters=("ids",)),
            Endpoint("POST", f"{path}/bulk/restore", self._restore_many, parameters=("ids",)),
            Endpoint("GET", f"{path}/{{id}}", self._show),
            Endpoint("PATCH", f"{path}/{{id}}", self._change, has_body=True),
            Endpoint("POST", f"{path}/{{id}}/archive", self._archive),
            Endpoint("POST", f"{path}/{{id}}/restore", self._restore),
        ]

    @property
    def _here(self) -> dict[str, Classification]:
        return self._store.classifications[self._kind]

    def _list(self, call: Call) -> Answer:
        return call.page(self._here.values(), rules=RULES, render=self._rows.classification)

    def _show(self, call: Call) -> Answer:
        return Answer(200, self._rows.classification(self._found(call.key())))

    def _create(self, call: Call) -> Answer:
        body = call.json()
        return Answer(201, self._add(call, settled(lambda: self._read(body))))

    def _create_many(self, call: Call) -> Answer:
        bodies = call.json()
        read = settled(lambda: rows_of(self._read, most=self._store.switches.bulk_classifications)(bodies))
        return Answer(201, [self._add(call, values) for values in read])

    def _change(self, call: Call) -> Answer:
        row, body = self._found(call.key()), call.json()
        return Answer(200, self._put(call, row, settled(lambda: self._read_changes(body, own=row.id))))

    def _change_many(self, call: Call) -> Answer:
        bodies = call.json()
        read = settled(lambda: rows_of(self._read_row, most=self._store.switches.bulk_classifications)(bodies))
        return Answer(200, [self._put(call, row, values) for row, values in read])

    def _archive(self, call: Call) -> Answer:
        return Answer(200, self._set_archived(call, [call.key()], archived=True)[0])

    def _restore(self, call: Call) -> Answer:
        return Answer(200, self._set_archived(call, [call.key()], archived=False)[0])

    def _archive_many(self, call: Call) -> Answer:
        return Answer(200, self._set_archived(call, _ids(call), archived=True))

    def _restore_many(self, call: Call) -> Answer:
        return Answer(200, self._set_archived(call, _ids(call), archived=False))

    def _set_archived(self, call: Call, ids: list[str], *, archived: bool) -> list[dict[str, Any]]:
        rows = [self._found(key) for key in ids]
        for row in rows:
            changed = set_archived(self._store, row, archived=archived)
            for other in changed:
                call.note(f"{'archived' if archived else 'restored'} {self._kind} {other.id}")
        return [self._rows.classification(row) for row in rows]

    def _found(self, key: str) -> Classification:
        found = self._here.get(key)
        if found is None:
            raise not_found("Classification", key)
        return found

    def _read(self, body: Any) -> dict[str, Any]:
        values = read_fields(body, self._fields)
        self._check_parent(values, own=None)
        return values

    def _read_changes(self, body: Any, *, own: str) -> dict[str, Any]:
        values = read_fields(body, self._fields, partial=True)
        self._check_parent(values, own=own)
        return values

    def _read_row(self, body: Any) -> tuple[Classification, dict[str, Any]]:
        values = read_fields(body, self._fields | {"id": Field(word, required=True)}, partial=True)
        row = self._here.get(values.pop("id", ""))
        if row is None:
            raise ProblemError(Problem("There is no such row.", "id"))
        self._check_parent(values, own=row.id)
        return row, values

    def _check_parent(self, values: Mapping[str, Any], *, own: str | None) -> None:
        parent = values.get("parentId")
        if parent is not None and (parent not in self._here or parent == own):
            raise ProblemError(Problem("There is no such parent.", "parentId"))

    def _add(self, call: Call, values: Mapping[str, Any]) -> dict[str, Any]:
        row = add_classification(self._store, self._kind, values)
        call.note(f"created {self._kind} {row.id}")
        return self._rows.classification(row)

    def _put(self, call: Call, row: Classification, values: Mapping[str, Any]) -> dict[str, Any]:
        if call.someone_edits():
            row.description = f"{row.description or ''} (checked)".strip()
        row.name = values.get("name", row.name)
        row.description = values.get("description", row.description)
        row.parent_id = values.get("parentId", row.parent_id)
        if "account" in values:
            row.account = (row.account or {}) | values["account"]
        self._store.touch(row)
        call.note(f"changed {self._kind} {row.id}")
        return self._rows.classification(row)


def add_classification(store: Store, kind: str, values: Mapping[str, Any]) -> Classification:
    """Make a row of the API's fields."""
    row = Classification(
        **store.stamps(KINDS[kind]),
        kind=kind,
        name=values["name"],
        description=values.get("description"),
        parent_id=values.get("parentId"),
        account=values.get("account"),
    )
    store.classifications[kind][row.id] = row
    return row


def set_archived(store: Store, row: Classification, *, archived: bool) -> list[Classification]:
    """Archive a row with all below it, or restore it alone; return what changed."""
    if row.archived == archived:
        return []
    changed = [row]
    row.archived = archived
    store.touch(row)
    if archived:
        below = [other for other in store.classifications[row.kind].values() if other.parent_id == row.id]
        changed += [deep for other in below for deep in set_archived(store, other, archived=True)]
    return changed


def _ids(call: Call) -> list[str]:
    ids = [key for key in call.request.query_params.get("ids", "").split(",") if key]
    if not ids:
        raise invalid("Ids separated by commas are required.", where="ids")
    return ids
