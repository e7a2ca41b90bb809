"""A connection whose file cannot be used: an asset that shows it, with a failing check that says why."""

import re

import dagster as dg

from mlc_pipelines.orchestration.keys import asset_key

ASSET = "connection_file"


def broken_definitions(number: int, name: str, problem: str) -> dg.Definitions:
    """Stand in for the `number`th connection that cannot be loaded; the others are not touched."""
    shown = re.sub(r"\W", "_", name, flags=re.ASCII) or "unnamed"
    key = asset_key(shown, f"{ASSET}_{number}")

    @dg.asset(key=key, group_name=shown, description=f"This connection is out of work: {problem}")
    def connection_file() -> None:
        raise dg.Failure(problem, allow_retries=False)

    @dg.asset_check(asset=key, name="usable", description="The connection's file can be read and understood.")
    def usable() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.ERROR, description=problem)

    return dg.Definitions(
        assets=[connection_file],
        asset_checks=[usable],
        jobs=[dg.define_asset_job(f"{shown}_usable_{number}", dg.AssetSelection.checks_for_assets(connection_file))],
    )
