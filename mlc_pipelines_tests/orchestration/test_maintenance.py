"""The weekly job removes what is old and ours, and seals the audit trail."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import time_machine

from mlc_pipelines.integrations.house import House
from mlc_pipelines.orchestration.maintenance import BATCH, purge
from mlc_pipelines_tests.orchestration.desk import Desk
from mlc_pipelines_tests.orchestration.running import poll, run

NAMES = {"acme"}
SUCCESS, STARTED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED


@pytest.mark.parametrize(
    ("job", "status", "tags", "removed"),
    [
        ("acme", SUCCESS, {"mlc/connection": "acme"}, 1),
        ("acme", STARTED, {"mlc/connection": "acme"}, 0),
        ("mlc_maintenance", SUCCESS, {}, 1),
        ("somebody_elses", SUCCESS, {}, 0),
    ],
)
def test_only_finished_runs_of_ours_are_removed(
    instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus, tags: dict[str, str], removed: int
) -> None:
    """What still runs stays, and so does what another code location ran."""
    instance.add_run(dg.DagsterRun(job_name=job, tags=tags, status=status))
    assert purge(instance, datetime.now(UTC) + timedelta(minutes=1), NAMES) == removed
    assert len(instance.get_runs()) == 1 - removed


@pytest.mark.parametrize(("asset", "removed"), [("acme/papers_kept", 1), ("sales/orders", 0)])
def test_runs_by_assets_are_ours_by_their_connection(instance: dg.DagsterInstance, asset: str, removed: int) -> None:
    """What a person materialized goes with the rest; assets of another code location on the same Dagster stay."""
    keys = frozenset({dg.AssetKey(asset.split("/"))})
    instance.add_run(dg.DagsterRun(job_name="__ASSET_JOB", asset_selection=keys, status=SUCCESS))
    assert purge(instance, datetime.now(UTC) + timedelta(minutes=1), NAMES) == removed


def test_young_runs_stay(instance: dg.DagsterInstance) -> None:
    """A run from after the line is kept."""
    instance.add_run(dg.DagsterRun(job_name="acme", tags={"mlc/connection": "acme"}, status=SUCCESS))
    assert purge(instance, datetime.now(UTC) - timedelta(days=30), NAMES) == 0


def test_the_job_seals_finished_days(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """A day after the run, its events are sealed and the chain verifies."""
    poll(instance)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1)):
        assert run("mlc_maintenance", instance).success
        assert house.ledger.audit.seal() == []
    assert list(house.ledger.audit.verify()) == []


def test_purging_leaves_the_ledger_alone(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Dagster forgets the run; the ledger keeps every record's story."""
    result = poll(instance)
    assert purge(instance, datetime.now(UTC) + timedelta(minutes=1), NAMES) == 1
    assert instance.get_run_by_id(result.run_id) is None
    reports = house.ledger.books("acme").reports
    assert reports.trail(reports.find("A")[-1])


@pytest.mark.parametrize("others", [0, 3])
def test_all_old_runs_go_however_many_there_are(instance: dg.DagsterInstance, others: int) -> None:
    """The removal does not end with its first batch."""
    for number in range(2 * BATCH + others):
        job = "somebody_elses" if number < others else "mlc_maintenance"
        instance.add_run(dg.DagsterRun(job_name=job, status=SUCCESS))
    assert purge(instance, datetime.now(UTC) + timedelta(minutes=1), NAMES) == 2 * BATCH
    assert len(instance.get_runs()) == others
