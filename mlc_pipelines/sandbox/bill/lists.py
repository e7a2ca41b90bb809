"""Pages of lists: results with cursors that carry filters and sort."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from mlc_pipelines.sandbox.bill.answers import Answer, invalid
from mlc_pipelines.sandbox.bill.filters import Order, Rules, read_filters, read_sort
from mlc_pipelines.sandbox.bill.switches import Switches

LEAST, MOST = 1, 100
PARAMETERS = ("max", "page", "filters", "sort")
Row = TypeVar("Row")


def list_page(
    path: str,
    query: Mapping[str, str],
    rows: Iterable[Row],
    *,
    rules: Rules,
    render: Callable[[Row], dict[str, Any]],
    switches: Switches,
) -> Answer:
    """Return the page asked for; rows that move or appear meanwhile do not shift the next page."""
    size = _size(query, switches)
    wanted = _wanted(path, query, switches)
    filters, order = wanted["filters"], read_sort(wanted["sort"], rules)
    conditions = [] if filters is None else read_filters(filters, rules)
    hidden = switches.hide_archived and "archived:" not in (filters or "")
    chosen = [row for row in rows if all(holds(row) for holds in conditions)]
    if hidden:
        chosen = [row for row in chosen if not getattr(row, "archived", False)]
    chosen.sort(key=order.key, reverse=order.descending)
    if switches.empty_first_page and "page" not in query:
        return _answer([], wanted, back=None, on=wanted | {"key": None, "back": False}, switches=switches)
    shown, more_before, more_after = _cut(chosen, wanted, size=size, order=order)
    back = wanted | {"key": order.key(shown[0]), "back": True} if shown and more_before else None
    on = wanted | {"key": order.key(shown[-1]), "back": False} if shown and more_after else None
    return _answer([render(row) for row in shown], wanted, back=back, on=on, switches=switches)


def _cut(chosen: list[Row], wanted: Mapping[str, Any], *, size: int, order: Order) -> tuple[list[Row], bool, bool]:
    key = wanted["key"]
    if wanted["back"]:
        before = [row for row in chosen if order.follows(key, order.key(row))]
        return before[-size:], len(before) > size, True
    after = chosen if key is None else [row for row in chosen if order.follows(order.key(row), key)]
    return after[:size], len(after) < len(chosen), len(after) > size


def _answer(
    results: list[dict[str, Any]],
    wanted: Mapping[str, Any],
    *,
    back: Mapping[str, Any] | None,
    on: Mapping[str, Any] | None,
    switches: Switches,
) -> Answer:
    content: dict[str, Any] = {"results": results}
    if on is not None or switches.null_next_page:
        content["nextPage"] = None if on is None else _cursor(on)
    if back is not None:
        content["prevPage"] = _cursor(back)
    return Answer(200, content)


def _size(query: Mapping[str, str], switches: Switches) -> int:
    given = query.get("max", str(switches.default_max))
    if not (given.isascii() and given.isdigit() and LEAST <= int(given) <= MOST):
        raise invalid(f"A whole number from {LEAST} to {MOST} is required.", where="max")
    return int(given)


def _wanted(path: str, query: Mapping[str, str], switches: Switches) -> dict[str, Any]:
    if "page" not in query:
        return {"path": path, "filters": query.get("filters"), "sort": query.get("sort"), "key": None, "back": False}
    if switches.filters_with_page == "refuse" and {"filters", "sort"} & set(query):
        raise invalid("The cursor carries filters and sort; leave them out.", where="page")
    try:
        read = json.loads(base64.urlsafe_b64decode(query["page"] + "=" * (-len(query["page"]) % 4)))
        if read["path"] == path:
            return dict(read)
    except (binascii.Error, KeyError, TypeError, ValueError) as exc:
        raise invalid("Not a cursor.", where="page") from exc
    raise invalid("A cursor of another list.", where="page")


def _cursor(wanted: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(wanted).encode()).decode().rstrip("=")
