"""The coding of a line: checked against what was uploaded, shown with Ramp's ids and ours."""

from collections.abc import Iterable
from typing import Any

from mlc_pipelines.sandbox.ramp.answers import RefusalError, invalid
from mlc_pipelines.sandbox.ramp.records import Bill, CustomField, LedgerRow, Line, Selection
from mlc_pipelines.sandbox.ramp.store import Store
from mlc_pipelines.sandbox.ramp.validation import ProblemError, shape, text

CATEGORY = "Category"  # external id of the built-in field that holds the GL account
UNKNOWN_FIELD = "DEVELOPER_7122"
UNKNOWN_OPTION = "DEVELOPER_7123"


def selection(value: Any) -> Selection:
    """Check one selection: our field id with exactly one of option id and free text."""
    fields = {"field_external_id": text(least=1), "field_option_external_id": text(least=1), "free_form_text": text()}
    body = shape(fields, required=["field_external_id"])(value)
    option, words = body.get("field_option_external_id"), body.get("free_form_text")
    if (option is None) == (words is None):
        raise ProblemError(inside={"field_option_external_id": ["Give one of option and free form text."]})
    return Selection(body["field_external_id"], option, words)


def check_coding(store: Store, lines: Iterable[Line], header: Iterable[Selection] = ()) -> None:
    """Refuse the whole bill when one field or option was never uploaded or is inactive."""
    for selections in ([*header], *(line.selections for line in lines)):
        seen: set[str] = set()
        for found in selections:
            if found.field_external_id in seen:
                raise invalid({"accounting_field_selections": [f"{found.field_external_id} is given twice"]})
            seen.add(found.field_external_id)
            _check(store, found)


def _check(store: Store, given: Selection) -> None:
    row: LedgerRow | None
    if given.field_external_id == CATEGORY:
        row = store.account(given.option_external_id or "")
    else:
        custom_field = store.custom_field(given.field_external_id)
        if custom_field is None or not custom_field.is_active:
            raise _refuse(UNKNOWN_FIELD, f"Unknown accounting field {given.field_external_id}")
        if custom_field.input_type == "FREE_FORM_TEXT":
            if given.free_form_text is None:
                raise invalid({"accounting_field_selections": [f"{custom_field.id} takes free form text"]})
            return
        row = store.option(custom_field, given.option_external_id or "")
    if row is None or not row.is_active:
        option = given.option_external_id or given.free_form_text
        raise _refuse(UNKNOWN_OPTION, f"Unknown or inactive option {option} of {given.field_external_id}")


def _refuse(code: str, message: str) -> RefusalError:
    return RefusalError(422, code, message, info={"accounting_field_selections": [message]})


def is_completely_coded(store: Store, bill: Bill) -> bool:
    """Tell whether every field required for bills is coded on every line; a bill that is not is never ready."""
    needed = {row.id for row in store.books.fields.values() if row.is_active and "BILL" in row.is_required_for}
    above = {found.field_external_id for found in bill.selections}
    return all(needed <= above | {found.field_external_id for found in line.selections} for line in bill.lines)


def as_selections(store: Store, selections: Iterable[Selection]) -> list[dict[str, Any]]:
    """Return the selections as answers show them; those of a dropped connection are gone."""
    shown = (_as_selection(store, found) for found in selections)
    return [row for row in shown if row is not None]


def _as_selection(store: Store, given: Selection) -> dict[str, Any] | None:
    if given.field_external_id == CATEGORY:
        account = store.account(given.option_external_id or "")
        connection = store.active_connection()
        if account is None or connection is None:
            return None
        info = {"id": connection.id, "external_id": CATEGORY, "name": CATEGORY, "type": "GL_ACCOUNT"}
        return _row(account, info)
    custom_field = store.custom_field(given.field_external_id)
    if custom_field is None:
        return None
    info = {"id": custom_field.ramp_id, "external_id": custom_field.id, "name": custom_field.name, "type": "OTHER"}
    if given.option_external_id is None:
        return _free_text(custom_field, given.free_form_text or "", info)
    option = store.option(custom_field, given.option_external_id)
    return None if option is None else _row(option, info)


def _row(row: LedgerRow, info: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row.ramp_id,
        "external_id": row.id,
        "external_code": row.code,
        "name": row.name,
        "category_info": info,
    }


def _free_text(custom_field: CustomField, words: str, info: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": custom_field.ramp_id,
        "external_id": None,
        "external_code": None,
        "name": words,
        "category_info": info,
    }
