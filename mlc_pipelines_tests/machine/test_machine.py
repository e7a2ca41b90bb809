"""Whatever people, time and bad luck do, and in whatever order: each document ends where the oracle says."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from mlc_pipelines_tests.machine.machine import RoadMachine


@pytest.mark.parametrize(("kind", "programs", "steps"), [("sqlite", 24, 50), ("postgres", 3, 25)])
def test_every_program_comes_to_rest_as_the_oracle_says(
    monkeypatch: pytest.MonkeyPatch, kind: str, programs: int, steps: int
) -> None:
    """The same few programs each time; the long run is `benchmarks.state_machine`."""
    monkeypatch.setattr(RoadMachine, "database", kind)
    few = settings(
        max_examples=programs,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(RoadMachine, settings=few)


def test_what_was_held_for_one_reason_is_not_looked_at_again_for_another() -> None:
    """A document waits for its closed period; that its account is taken away meanwhile shows when the period opens."""
    machine = RoadMachine()
    machine.create(amount=1, account="9999", period="P3")
    machine.remap(account="9999", to="A1")
    machine.work(weather=[])
    machine.remap(account="9999", to=None)
    machine.teardown()
