"""How bodies name subsidiaries: by the ERP's reference, by Airbase's id, or by both."""

from collections.abc import Iterable
from typing import Any

from mlc_pipelines.sandbox.airbase.records import Subsidiary
from mlc_pipelines.sandbox.airbase.store import Store
from mlc_pipelines.sandbox.airbase.validation import Check, Field, ProblemError, read_fields, text

REFERENCE = {"airbase_id": Field(text), "erp_reference_id": Field(text)}


def subsidiary_list(store: Store) -> Check:
    """Make a check for `subsidiary_reference_ids`: objects as in answers, or plain ERP references."""

    def read(value: Any) -> list[Subsidiary]:
        if not isinstance(value, list):
            raise ProblemError("Expected a list of items.")
        return list(_found(store, value))

    return read


def _found(store: Store, given: Iterable[Any]) -> Iterable[Subsidiary]:
    for row in given:
        named = {"erp_reference_id": row} if isinstance(row, str) else read_fields(row, REFERENCE)
        by_id = store.subsidiaries.get(named.get("airbase_id", ""))
        by_reference = store.subsidiary(named.get("erp_reference_id", ""))
        found = by_id or by_reference
        if found is None or (by_id and by_reference and by_id is not by_reference):
            raise ProblemError(f"Unknown subsidiary {row}.")
        yield found
