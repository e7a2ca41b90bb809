"""Puts it together: one connection file is one set of definitions, and all of them are what Dagster loads."""

from collections.abc import Mapping, Sequence

import dagster as dg
from dagster import DagsterInvalidDefinitionError

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.errors import MlcError
from mlc_pipelines.integrations.catalogue import catalogue
from mlc_pipelines.integrations.house import read_connections
from mlc_pipelines.integrations.integration import Integration
from mlc_pipelines.orchestration.alerts import alerts
from mlc_pipelines.orchestration.assets import connection_assets
from mlc_pipelines.orchestration.broken import broken_definitions
from mlc_pipelines.orchestration.checks import connection_checks
from mlc_pipelines.orchestration.failures import PATIENCE
from mlc_pipelines.orchestration.jobs import connection_jobs, connection_schedules
from mlc_pipelines.orchestration.keys import job_names
from mlc_pipelines.orchestration.maintenance import maintenance, weekly
from mlc_pipelines.orchestration.opened import opened_house
from mlc_pipelines.orchestration.runs import lost_runs
from mlc_pipelines.orchestration.sensors import inbox_sensor
from mlc_pipelines.orchestration.watching import files_sensor


def connection_definitions(
    connection: Connection, integration: Integration, *, patience: dg.RetryPolicy = PATIENCE
) -> dg.Definitions:
    """Turn one connection into its assets, checks, jobs and schedules.

    Jobs find their assets here, among those of the connection: left to Dagster, each job would look through the assets
    of all connections.
    """
    asked = connection_jobs(connection, integration)
    own = dg.Definitions(
        assets=connection_assets(connection, integration, patience=patience),
        asset_checks=connection_checks(connection, integration),
        jobs=asked,
        executor=dg.in_process_executor,
        resources={"house": opened_house},
    )
    work, replay, checks = (own.resolve_job_def(job.name) for job in asked)
    return dg.Definitions(
        assets=own.assets,
        asset_checks=own.asset_checks,
        jobs=[work, replay, checks],
        schedules=connection_schedules(connection, integration, work=work, checks=checks),
    )


def assemble(
    environ: Mapping[str, str], *, job: str | None = None, patience: dg.RetryPolicy = PATIENCE
) -> dg.Definitions:
    """Read the environment's connection files and make everything that Dagster loads of them.

    Of a process that executes one `job` of a connection, that connection is all it needs.
    """
    connections, broken = read_connections(environ)
    connections = [each for each in connections if job in job_names(each.name)] or connections
    parts: list[dg.Definitions] = []
    fit: dict[str, Connection] = {}
    taken = {maintenance.name}
    problems = [(item.name, item.problem) for item in broken]
    for connection in connections:
        try:
            part = _part(connection, taken, patience)
        except (MlcError, DagsterInvalidDefinitionError) as error:
            problems.append((connection.name, f"{connection.path}: {error}"))
            continue
        parts.append(part)
        taken |= {job.name for job in part.jobs or ()}
        fit[connection.name] = connection
    parts += [broken_definitions(number, *problem) for number, problem in enumerate(problems, start=1)]
    return dg.Definitions.merge(*parts, _shared(parts, fit))


def _part(connection: Connection, taken: set[str], patience: dg.RetryPolicy) -> dg.Definitions:
    part = connection_definitions(connection, catalogue()[connection.integration], patience=patience)
    twice = sorted(taken & {job.name for job in part.jobs or ()})
    if twice:
        raise DagsterInvalidDefinitionError(
            f"name: {connection.name!r} makes a job {twice[0]!r} that is there already; choose another name"
        )
    return part


def _shared(parts: Sequence[dg.Definitions], connections: Mapping[str, Connection]) -> dg.Definitions:
    """Make what there is once: executor, house, alerts, maintenance, and the sensors if anything can be run."""
    jobs = [job for part in parts for job in part.jobs or () if job.name in connections]
    inbox = [inbox_sensor(connections, jobs)] if connections else []
    watched = {name: each for name, each in connections.items() if catalogue()[each.integration].watched}
    files = [files_sensor(watched, [job for job in jobs if job.name in watched])] if watched else []
    return dg.Definitions(
        executor=dg.in_process_executor,
        resources={"house": opened_house},
        jobs=[maintenance],
        schedules=[weekly],
        sensors=[*inbox, *files, alerts, lost_runs],
    )
