"""A failure is told once for each cause."""

import logging
from collections.abc import Callable

import dagster as dg
import pytest

from mlc_pipelines.errors import TransientError
from mlc_pipelines.integrations.house import House
from mlc_pipelines.orchestration.alerts import alerts
from mlc_pipelines_tests.orchestration.desk import Desk
from mlc_pipelines_tests.orchestration.running import poll

Tell = Callable[[], list[str]]


@pytest.fixture
def fail_and_tell(
    house: House, desk: Desk, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
) -> Callable[[str | None], list[str]]:
    """Run with a source that is down (or not); give the alerts of that run."""

    def go(problem: str | None) -> list[str]:
        desk.papers.down = TransientError(problem) if problem else None
        result = poll(instance)
        caplog.clear()
        if not result.success:
            ended = dg.build_run_status_sensor_context(
                "alerts", result.get_run_failure_event(), instance, result.dagster_run
            ).for_run_failure()
            with caplog.at_level(logging.ERROR, "mlc_pipelines.alerts"):
                alerts(ended)
        return [record.getMessage() for record in caplog.records if record.name == "mlc_pipelines.alerts"]

    return go


def test_a_cause_is_told_once_while_it_lasts(fail_and_tell: Callable[[str | None], list[str]]) -> None:
    """Retries and the next polls with the same cause are silent; another cause is told."""
    assert fail_and_tell("ifs: no connection") == ["acme: ifs: no connection"]
    assert fail_and_tell("ifs: no connection") == []
    assert fail_and_tell("ifs: certificate expired") == ["acme: ifs: certificate expired"]


def test_a_cause_that_comes_back_is_told_again(fail_and_tell: Callable[[str | None], list[str]]) -> None:
    """A good run in between makes the failure new."""
    assert fail_and_tell("ifs: no connection")
    assert fail_and_tell(None) == []
    assert fail_and_tell("ifs: no connection") == ["acme: ifs: no connection"]


def test_a_run_that_will_be_retried_is_not_told(
    house: House, desk: Desk, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the last attempt of a crashed run speaks."""
    desk.papers.down = TransientError("ifs: no connection")
    result = poll(instance)
    instance.add_run_tags(result.run_id, {"dagster/will_retry": "true"})
    again = instance.get_run_by_id(result.run_id)
    assert again is not None
    context = dg.build_run_status_sensor_context("alerts", result.get_run_failure_event(), instance, again)
    alerts(context.for_run_failure())
    assert [record for record in caplog.records if record.name == "mlc_pipelines.alerts"] == []
