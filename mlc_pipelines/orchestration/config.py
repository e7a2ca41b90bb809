"""What a person may set in the Launchpad, and what schedules and sensors set for themselves."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from mlc_pipelines.errors import Cause, ConfigurationError
from mlc_pipelines.flows.road import Choice


class ReplayConfig(dg.Config):
    """Which held records go again when the asset is materialized."""

    replay_held: bool = Field(
        default=True, description="Put held records back on the road too; schedules and sensors do not."
    )
    keys: list[str] = Field(default=[], description="Only these records: key or document number. Empty: all.")
    causes: list[str] = Field(default=[], description="Only these causes, as account_unmapped. Empty: all.")
    since: str = Field(default="", description="Only what is held since then: 2026-11-01 or 2026-11-01T08:00:00Z.")
    reason: str = Field(default="materialized by hand", description="Why; it is written in the trail of each record.")


def choice_of(config: ReplayConfig, actor: str) -> Choice | None:
    """Say what a person chose to replay; None when nobody asked for it."""
    if not config.replay_held:
        return None
    return Choice(config.reason, actor, tuple(config.keys), _causes(config.causes), _moment(config.since))


def _causes(names: Collection[str]) -> tuple[str, ...]:
    """Take the names of causes; one that is none would choose nothing, and all would look well."""
    for name in names:
        if name not in set(Cause):
            near = difflib.get_close_matches(name, list(Cause), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"run configuration: causes: there is no cause {name[:60]!r}{hint}")
    return tuple(names)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(
            f"run configuration: since: {text!r} is not a time; write 2026-11-01 or 2026-11-01T08:00:00Z"
        ) from error


def unattended(keys: Iterable[dg.AssetKey]) -> dict[str, Any]:
    """Give the run configuration of a run that no person asked for: held records stay held."""
    return {"ops": {key.to_python_identifier(): {"config": {"replay_held": False}} for key in keys}}


def replay_form(keys: Iterable[dg.AssetKey]) -> dg.ConfigMapping:
    """Give the one form that narrows a replay for all assets of a connection; it wants a reason."""
    names = [key.to_python_identifier() for key in keys]

    def fill(values: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"ops": {name: {"config": {"replay_held": True, **values}} for name in names}}

    return dg.ConfigMapping(
        config_fn=fill,
        config_schema={
            "reason": dg.Field(str, description="Why; it is written in the trail of each record."),
            "keys": dg.Field([str], default_value=[], description="Only these records. Empty: all."),
            "causes": dg.Field([str], default_value=[], description="Only these causes. Empty: all."),
            "since": dg.Field(str, default_value="", description="Only what is held since then."),
        },
    )
