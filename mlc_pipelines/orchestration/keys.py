"""How the parts of a connection are named in Dagster."""

from collections.abc import Iterable

import dagster as dg

from mlc_pipelines.integrations.integration import FlowCard, Integration

CONNECTION_TAG = "mlc/connection"
ASKED_BY_TAG = "mlc/asked_by"
ACTOR_TAG = "mlc/actor"

READING = frozenset({"collect", "translate"})
"""Stages that write to the ledger alone."""


def asset_key(connection: str, asset: str) -> dg.AssetKey:
    """Name an asset of a connection."""
    return dg.AssetKey([connection, asset])


def flow_keys(connection: str, flows: Iterable[FlowCard], *, writing: bool = True) -> list[dg.AssetKey]:
    """Name the assets of some flows in the order of work: all, or those that write to neither side."""
    stages = [stage for flow in flows for stage in flow.assets.all()]
    return [asset_key(connection, asset.name) for stage, asset in stages if writing or stage in READING]


def documents_of(integration: Integration) -> FlowCard:
    """Give the flow whose documents are matched at month end."""
    return next(flow for flow in integration.flows if flow.name == integration.documents)


def checks_job(connection: str) -> str:
    """Name the job that asks both sides the costly questions."""
    return f"{connection}_checks"


def replay_job(connection: str) -> str:
    """Name the job that puts held records back on the road."""
    return f"{connection}_replay"


def poll_schedule(connection: str) -> str:
    """Name the schedule that works a connection; its switch is that of the connection."""
    return f"{connection}_poll"


def job_names(connection: str) -> tuple[str, str, str]:
    """Name all jobs of a connection."""
    return connection, replay_job(connection), checks_job(connection)


def turn(integration: Integration, flow: FlowCard) -> dict[str, str]:
    """Give the tags by which the steps of a flow come in the order that the integration lists its flows."""
    return {"dagster/priority": str(len(integration.flows) - list(integration.flows).index(flow))}
