"""What is common to GL accounts, field options and accounting vendors: batches all or nothing, changes, retirement."""

from collections.abc import Callable
from typing import Any

from mlc_pipelines.sandbox.ramp.answers import Answer, invalid, not_found, stamp
from mlc_pipelines.sandbox.ramp.connection import require_connection
from mlc_pipelines.sandbox.ramp.gate import Call
from mlc_pipelines.sandbox.ramp.records import LedgerRow
from mlc_pipelines.sandbox.ramp.store import Store
from mlc_pipelines.sandbox.ramp.validation import Check, boolean, read_body

BATCH_MOST = 500


def upload(
    call: Call,
    store: Store,
    *,
    rows: dict[str, LedgerRow],
    wanted: list[dict[str, Any]],
    where: str,
    named: str,
    field_id: str | None = None,
) -> list[LedgerRow]:
    """Add a batch; an id that exists, or comes twice, fails all of it and nothing is added."""
    existing = {row.id for row in rows.values() if row.field_id == field_id}
    problems: dict[str, list[str]] = {}
    seen: set[str] = set()
    for place, row in enumerate(wanted):
        if row["id"] in existing or row["id"] in seen:
            problems[f"{where}.{place}.id"] = [f"{row['id']} already exists"]
        seen.add(row["id"])
    if problems:
        raise invalid(problems)
    added = []
    for row in wanted:
        made = store.add_row(rows, external_id=row["id"], name=row[named])
        made.code = row.get("code")
        made.classification = row.get("classification")
        made.field_id = field_id
        added.append(made)
    call.note(f"uploaded {len(added)} {where}")
    return added


def uploaded(added: list[LedgerRow], *, where: str, render: Callable[[LedgerRow], dict[str, Any]]) -> Answer:
    """Answer a batch with the new ids and rows."""
    return Answer(201, {"uploaded": [row.ramp_id for row in added], where: [render(row) for row in added]})


def change(call: Call, store: Store, *, rows: dict[str, LedgerRow], fields: dict[str, Check], named: str) -> LedgerRow:
    """Change a row found by Ramp's id; `reactivate: true` brings a retired one back, code "" clears the code."""
    require_connection(store)
    found = find(call, rows)
    body = read_body(call.json(), {**fields, "reactivate": boolean})
    if not body:
        raise invalid({"_schema": ["Nothing to change."]})
    if body.get(named) is not None:
        found.name = body[named]
    if "code" in body:
        found.code = body["code"] or None
    if body.get("visibility"):
        found.visibility = body["visibility"]
    if body.get("reactivate"):
        found.is_active = True
    found.updated_at = store.now()
    call.note(f"changed {found.id}")
    return found


def retire(call: Call, store: Store, *, rows: dict[str, LedgerRow]) -> Answer:
    """Make a row inactive; it stays and may be reactivated."""
    require_connection(store)
    found = find(call, rows)
    found.is_active = False
    found.updated_at = store.now()
    call.note(f"retired {found.id}")
    return Answer(204)


def find(call: Call, rows: dict[str, LedgerRow]) -> LedgerRow:
    """Return the row with Ramp's id from the path."""
    found = rows.get(call.key())
    if found is None:
        raise not_found("object", call.key())
    return found


def matching(rows: dict[str, LedgerRow], filters: dict[str, Any]) -> list[LedgerRow]:
    """Return the rows that pass the filters these lists share."""
    chosen = list(rows.values())
    if "remote_id" in filters:
        chosen = [row for row in chosen if row.id == filters["remote_id"]]
    if "code" in filters:
        chosen = [row for row in chosen if row.code == filters["code"]]
    if "is_active" in filters:
        chosen = [row for row in chosen if row.is_active is filters["is_active"]]
    if "visibility" in filters:
        chosen = [row for row in chosen if row.visibility == filters["visibility"]]
    if filters.get("is_synced") is False:
        chosen = []  # rows uploaded through the API are always in step
    return chosen


def shared_row(row: LedgerRow) -> dict[str, Any]:
    """Return what every uploaded row shows."""
    return {
        "id": row.id,
        "ramp_id": row.ramp_id,
        "code": row.code,
        "is_active": row.is_active,
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.updated_at),
    }
