"""Bulk upserts: a list of entities in, created and updated ones out, problems by index."""

from collections.abc import Callable
from typing import Any

from mlc_pipelines.sandbox.airbase.answers import Answer, invalid
from mlc_pipelines.sandbox.airbase.gate import Call
from mlc_pipelines.sandbox.airbase.validation import Field, ProblemError, read_body, rows_of

LARGEST = 100
Plan = Callable[[], tuple[bool, dict[str, Any]]]


def bulk_upsert(call: Call, *, prepare: Callable[[Any], Plan], leaves_out: bool) -> Answer:
    """Check every entity, then do what is left of them.

    `prepare` checks one entity (ProblemError) and returns what does it: whether it was created, and its row.
    """
    entities = read_body(call.json(), {"entities": Field(rows_of(lambda row: row, least=1), required=True)})["entities"]
    if len(entities) > LARGEST:
        raise invalid({"entities": [f"Ensure this field has no more than {LARGEST} elements."]})
    plans: list[Plan] = []
    problems: list[dict[str, Any]] = []
    for index, entity in enumerate(entities):
        try:
            plans.append(prepare(entity))
        except ProblemError as problem:
            problems.append({"index": index, **_by_field(problem.content)})
    if problems and not leaves_out:
        raise invalid({"validation_errors": problems})
    done = [plan() for plan in plans]
    created = [row for is_new, row in done if is_new]
    updated = [row for is_new, row in done if not is_new]
    call.note(f"bulk: {len(created)} created, {len(updated)} updated, {len(problems)} left out")
    return Answer(200, {"created": created, "updated": updated})


def _by_field(content: Any) -> dict[str, Any]:
    return content if isinstance(content, dict) else {"non_field_errors": content}
