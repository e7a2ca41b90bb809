"""Runs what Dagster would run, in this process."""

import os
from typing import Any

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData

from mlc_pipelines.orchestration.assembly import assemble
from mlc_pipelines.orchestration.checks import cheap_checks
from mlc_pipelines.orchestration.config import unattended
from mlc_pipelines_tests.orchestration.desk import PAPER

PAPERS = ["acme/papers_written", "acme/papers_read", "acme/papers_kept", "acme/papers_told"]
AT_ONCE = dg.RetryPolicy(max_retries=2)


def load() -> dg.Definitions:
    """Load the definitions of the environment as it is now; retries do not wait."""
    return assemble(os.environ, patience=AT_ONCE)


def switch(instance: dg.DagsterInstance, schedule: str, *, on: bool) -> None:
    """Do what the switch of a schedule in the UI does."""
    place = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "here")
    status = InstigatorStatus.RUNNING if on else InstigatorStatus.STOPPED
    origin, data = RemoteInstigatorOrigin(place, schedule), ScheduleInstigatorData("*/15 * * * *")
    state = InstigatorState(origin, InstigatorType.SCHEDULE, status, data)
    if instance.get_instigator_state(state.instigator_origin_id, state.selector_id) is None:
        instance.add_instigator_state(state)
    else:
        instance.update_instigator_state(state)


def run(
    job: str,
    instance: dg.DagsterInstance,
    *,
    assets: list[str] | None = None,
    config: dict[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job of the environment, or some assets of its connection."""
    found = load().resolve_job_def(job)
    if assets is not None:
        checks = {*cheap_checks(job, PAPER, PAPER.flows)}
        keys = {dg.AssetKey(name.split("/")) for name in assets}
        mine = {check for check in checks if check.asset_key in keys}
        found = found.get_subset(asset_selection=keys, asset_check_selection=mine)
    return found.execute_in_process(instance=instance, run_config=config, raise_on_error=False)


def counts(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, int]:
    """Give what a pass counted, as the UI shows it."""
    (made,) = result.asset_materializations_for_node(asset.replace("/", "__"))
    marks = made.metadata.items()
    return {name.removeprefix("this pass: "): mark.value for name, mark in marks if name.startswith("this pass")}  # type: ignore[misc]  # counts are whole numbers


def failure(result: dg.ExecuteInProcessResult, asset: str) -> str:
    """Give the sentence with which a step failed."""
    data = result.failure_data_for_node(asset.replace("/", "__"))
    assert data is not None
    assert data.user_failure_data is not None, data.error
    return data.user_failure_data.description or ""


def check(result: dg.ExecuteInProcessResult, name: str, asset: str) -> dg.AssetCheckEvaluation:
    """Give the outcome of a check of an asset."""
    key = dg.AssetKey(asset.split("/"))
    (found,) = [
        each for each in result.get_asset_check_evaluations() if each.check_name == name and each.asset_key == key
    ]
    return found


def poll(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """Run the papers of acme as a schedule or sensor would: held ones stay held."""
    keys = [dg.AssetKey(name.split("/")) for name in PAPERS]
    return run("acme", instance, assets=PAPERS, config=unattended(keys))
