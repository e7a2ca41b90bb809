"""Two worker processes of one connection: who is stopped until the other has taken over writes nothing late."""

from pathlib import Path

import pytest

from mlc_pipelines_tests.databases import on_both
from mlc_pipelines_tests.strict.pauses import Write, late, play

PAUSES = 5


@pytest.mark.skipif(not Path("/proc").exists(), reason="workers are stopped and watched as Linux does it")
@on_both
def test_a_worker_paused_beyond_its_lease_writes_nothing_late(tmp_path: Path, kind: str) -> None:
    """The target gets each document once, none from a worker whose connection another one had; all are told."""
    played = play(tmp_path, kind=kind, pauses=PAUSES, documents=60)
    assert played.pauses == PAUSES
    assert played.writes >= 60
    assert played.holds, played


def took(fence: int, pid: int, *, began: float, at: float) -> dict[str, object]:
    return {"event": "took", "fence": fence, "pid": pid, "began": began, "at": at}


def test_a_late_write_would_be_seen() -> None:
    """It carries an older fence than the one under which another worker had begun to take over when it arrived."""
    told = [took(1, 7, began=9, at=10), took(2, 8, began=20, at=22), took(3, 7, began=30, at=32)]
    in_time = [Write(19.9, 1, "kept", "A"), Write(29.0, 2, "kept", "B"), Write(99.0, 3, "kept", "C")]
    too_late = [Write(20.1, 1, "kept", "D"), Write(30.5, 2, "told", "E")]
    assert late([*in_time, *too_late], told, []) == too_late


def test_what_a_worker_wrote_before_it_died_is_not_late() -> None:
    """The other one waited for its turn meanwhile, and found it dead."""
    told = [took(1, 7, began=9, at=10), took(2, 8, began=20, at=22)]
    writes = [Write(20.1, 1, "kept", "A"), Write(22.1, 1, "kept", "B")]
    assert late(writes, told, [7]) == writes[1:]
