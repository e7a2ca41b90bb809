"""A database that fails at a step of the road: the error says so, and the next run loses and doubles nothing."""

from pathlib import Path

from mlc_pipelines.errors import StorageError
from mlc_pipelines_tests.databases import on_both
from mlc_pipelines_tests.faulty_storage import FaultySteps
from mlc_pipelines_tests.flows.papers_on_faulty_storage import walk
from mlc_pipelines_tests.flows.world import open_ledger

STRIDE = 17
"""Every so many steps are tried here; `benchmarks.storage_faults` tries them all."""


@on_both
def test_a_step_that_fails_is_healed_by_the_next_run(tmp_path: Path, kind: str) -> None:
    """Statements, commits, and commits whose answer is lost: each paper is in the target once, its source is told."""
    ledger = open_ledger(tmp_path, kind=kind)
    faults = FaultySteps([ledger.engine])
    assert walk(ledger, faults, 0).wrong == ()
    steps, tried = 0, 0
    while (told := walk(ledger, faults, steps := steps + STRIDE)).failed is not None:
        assert told.wrong == (), f"step {steps}, {told.failed}"
        assert isinstance(told.error, StorageError), f"step {steps}, {told.failed}"
        tried += 1
    assert tried >= 7
    assert list(ledger.audit.verify()) == []
    ledger.engine.dispose()
