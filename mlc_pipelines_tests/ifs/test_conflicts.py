"""Changing a record that others change too."""

from collections.abc import Mapping
from typing import Any

import pytest

from mlc_pipelines.errors import Cause, RecordError, StaleRecordError
from mlc_pipelines.ifs.conflicts import with_fresh


class Desk:
    """One record that somebody else edits just before our first few writes."""

    def __init__(self, *, edits: int) -> None:
        self.version = 1
        self.mark: str | None = None
        self.edits = edits
        self.reads = 0

    def read(self) -> int:
        self.reads += 1
        return self.version

    def write(self, version: int, values: Mapping[str, Any]) -> None:
        if self.edits:
            self.edits -= 1
            self.version += 1
        if version != self.version:
            raise StaleRecordError("stale")
        self.mark = values["mark"]


def test_a_stale_write_reads_and_decides_again() -> None:
    """Two edits in between cost two more rounds, each deciding on the new content."""
    desk = Desk(edits=2)
    assert with_fresh(desk.read, lambda version: {"mark": f"seen {version}"}, desk.write) == 3
    assert desk.mark == "seen 3"
    assert desk.reads == 3


def test_a_record_already_as_wanted_is_left_alone() -> None:
    """Deciding on nothing writes nothing."""
    desk = Desk(edits=0)
    with_fresh(desk.read, lambda _: None, desk.write)
    assert desk.mark is None


def test_after_three_rounds_a_person_must_look() -> None:
    """The record is held, not tried forever."""
    desk = Desk(edits=5)
    with pytest.raises(RecordError) as caught:
        with_fresh(desk.read, lambda _: {"mark": "x"}, desk.write)
    assert caught.value.cause is Cause.CHANGED_ELSEWHERE
    assert not isinstance(caught.value, StaleRecordError)
    assert desk.reads == 3


def test_what_decide_raises_goes_through() -> None:
    """A conflict in a field of ours is for a person at once."""

    def decide(_: int) -> None:
        raise RecordError("ours was changed", cause=Cause.CHANGED_ELSEWHERE)

    desk = Desk(edits=0)
    with pytest.raises(RecordError, match="ours was changed"):
        with_fresh(desk.read, decide, desk.write)
    assert desk.reads == 1
