"""Changing a record that others change too: read it, decide on what it says now, write, and begin again when stale."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mlc_pipelines.errors import Cause, RecordError, StaleRecordError

R = TypeVar("R")


def with_fresh(
    read: Callable[[], R],
    decide: Callable[[R], Mapping[str, Any] | None],
    write: Callable[[R, Mapping[str, Any]], object],
    *,
    rounds: int = 3,
) -> R:
    """Bring a record to what we want and give it as last read, before our change.

    `decide` sees the fresh record each round and says what to write, or None when it already is as wanted; it raises
    when a field of ours holds something else, which is for a person.
    """
    for _ in range(rounds):
        fresh = read()
        values = decide(fresh)
        if values is None:
            return fresh
        try:
            write(fresh, values)
        except StaleRecordError as exc:
            last = exc
            continue
        return fresh
    raise RecordError(
        f"{last}; it changed {rounds} times while we tried; look who is working on it, then release",
        cause=Cause.CHANGED_ELSEWHERE,
    )
