"""The stages of a connection's flows as assets; to materialize one is to take what is due there, and to replay."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.flow import Asset
from mlc_pipelines.flows.road import Choice, Road, Tally
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.integrations.integration import FlowCard, Integration
from mlc_pipelines.orchestration.config import ReplayConfig, choice_of
from mlc_pipelines.orchestration.failures import PATIENCE, told_plainly
from mlc_pipelines.orchestration.keys import ACTOR_TAG, asset_key, documents_of, turn
from mlc_pipelines.orchestration.metadata import pass_metadata
from mlc_pipelines.orchestration.opened import OpenHouse
from mlc_pipelines.wire.redaction import REDACTOR

_STAGES: Mapping[str, Callable[[Road, Choice | None], Tally]] = {
    "collect": lambda road, _choice: collect(road),
    "translate": translate,
    "deliver": deliver,
    "confirm": confirm,
}
_SCHEMA = (
    ReplayConfig.to_config_schema().as_field()
)  # once for all: as a parameter, Dagster would make it for each asset anew
_PHASES = {"collect": "extract", "translate": "map", "deliver": "load", "confirm": "write back"}


@dataclass(frozen=True, slots=True)
class Place:
    """One stage of one flow of one connection."""

    connection: str
    integration: Integration
    flow: FlowCard
    stage: str
    asset: Asset

    @property
    def key(self) -> dg.AssetKey:
        """Name the asset."""
        return asset_key(self.connection, self.asset.name)


def places(connection: Connection, integration: Integration) -> list[Place]:
    """List the stages of a connection in the order of work."""
    return [
        Place(connection.name, integration, flow, stage, asset)
        for flow in integration.flows
        for stage, asset in flow.assets.all()
    ]


def connection_assets(
    connection: Connection, integration: Integration, *, patience: dg.RetryPolicy = PATIENCE
) -> list[dg.AssetsDefinition]:
    """Make the assets of a connection."""
    everything = places(connection, integration)
    return [_asset(place, _upstream(place, everything), patience) for place in everything]


def _upstream(place: Place, everything: Sequence[Place]) -> list[dg.AssetKey]:
    """Name what must be done before: the stage before, and for documents and what follows them, what feeds them."""
    mine = [each for each in everything if each.flow.name == place.flow.name]
    before = [each.key for each in mine[: mine.index(place)]][-1:]
    if place.stage != "translate":
        return before
    deliveries = [each for each in everything if each.stage == "deliver"]
    order = [each.flow.name for each in deliveries]
    here, documents = order.index(place.flow.name), order.index(documents_of(place.integration).name)
    if here == documents:
        return before + [each.key for each in deliveries[:documents]]
    return [*before, deliveries[documents].key] if here > documents else before


def _asset(place: Place, upstream: Sequence[dg.AssetKey], patience: dg.RetryPolicy) -> dg.AssetsDefinition:
    @dg.asset(
        key=place.key,
        deps=upstream,
        group_name=place.connection,
        kinds=set(place.asset.kinds),
        tags={"mlc/flow": place.flow.name, "mlc/stage": place.stage, "mlc/integration": place.integration.name},
        pool=place.connection,
        description=f"{place.asset.sentence}\n\n{place.flow.sentence} ({_PHASES[place.stage]})",
        retry_policy=patience,
        op_tags=turn(place.integration, place.flow),
        config_schema=_SCHEMA,
    )
    def stage(context: dg.AssetExecutionContext, house: dg.ResourceParam[OpenHouse]) -> dg.MaterializeResult[Any]:
        return _pass(place, context, ReplayConfig(**context.op_execution_context.op_config), house)

    return stage


def _pass(
    place: Place, context: dg.AssetExecutionContext, config: ReplayConfig, house: OpenHouse
) -> dg.MaterializeResult[Any]:
    """Take what is due through the stage; an interrupted pass keeps what it did, and fails."""
    with told_plainly():
        choice = choice_of(config, context.run.tags.get(ACTOR_TAG, "operator"))
        if _replayed_before(place, context):
            choice = None
        tally = _STAGES[place.stage](house.road(place.connection, place.flow.name), choice)
    books = house.house.ledger.books(place.connection)
    metadata = pass_metadata(books, place.flow.name, place.stage, tally)
    if tally.interrupted:
        raise dg.Failure(REDACTOR.redact(tally.interrupted), metadata=metadata, allow_retries=True)
    return dg.MaterializeResult(metadata=metadata)


def _replayed_before(place: Place, context: dg.AssetExecutionContext) -> bool:
    """Tell whether an earlier stage of this run has put the held records back: once a run is enough."""
    stages = [stage for stage, _ in place.flow.assets.all()]
    earlier = {
        asset_key(place.connection, asset.name)
        for stage, asset in place.flow.assets.all()
        if stage != "collect" and stages.index(stage) < stages.index(place.stage)
    }
    chosen = context.run.asset_selection or context.op_execution_context.job_def.asset_layer.selected_asset_keys
    return bool(earlier & set(chosen))
