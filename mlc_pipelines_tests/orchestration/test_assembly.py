"""What Dagster loads: every connection, whatever became of the others."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.executor_definition import in_process_executor

from mlc_pipelines import definitions
from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.connections.tables_of_words import MappingTables
from mlc_pipelines.integrations.catalogue import catalogue
from mlc_pipelines.orchestration.assembly import connection_definitions
from mlc_pipelines.orchestration.opened import opened_house
from mlc_pipelines_tests.orchestration.conftest import Write
from mlc_pipelines_tests.orchestration.running import check, failure, load, run
from mlc_pipelines_tests.orchestration.test_assets import KEYS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fresh_door() -> Iterator[None]:
    definitions.build.cache_clear()
    yield
    definitions.build.cache_clear()


def names(defs: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}


def test_no_connection_at_all_loads(folder: Path) -> None:
    """An empty folder gives alerts and maintenance, and no inbox sensor."""
    defs = load()
    dg.Definitions.validate_loadable(defs)
    assert names(defs) == set()
    assert [sensor.name for sensor in defs.sensors or ()] == ["alerts", "lost_runs"]
    assert [job.name for job in defs.jobs or ()] == ["mlc_maintenance"]


def test_a_folder_that_is_not_there_loads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A fresh installation has no connections folder."""
    monkeypatch.setenv("MLC_CONNECTIONS_DIR", str(tmp_path / "nowhere"))
    dg.Definitions.validate_loadable(load())


def test_a_connection_becomes_assets_jobs_schedules_and_checks(write: Write) -> None:
    """Every stage is an asset under the connection's name; the jobs and schedules bear it too."""
    write("acme", 'schedule: "*/15 * * * *"')
    defs = load()
    dg.Definitions.validate_loadable(defs)
    assert names(defs) == {key.to_user_string() for key in KEYS}
    assert {job.name for job in defs.jobs or ()} == {"acme", "acme_replay", "acme_checks", "mlc_maintenance"}
    schedules = {schedule.name for schedule in defs.schedules or ()}
    assert schedules == {"acme_poll", "acme_daily_checks", "mlc_maintenance_weekly"}
    assert {sensor.name for sensor in defs.sensors or ()} == {"inbox", "alerts", "lost_runs"}
    assert {key.name for key in defs.resolve_asset_graph().asset_check_keys} == {
        "conservation",
        "nothing_held",
        "reconciled",
        "gl_aligned",
        "fresh",
    }


def test_every_job_runs_in_one_process(write: Write) -> None:
    """The executor is set once for all, so that steps share clients."""
    write("acme")
    for job in ("acme", "acme_replay", "acme_checks"):
        assert load().resolve_job_def(job).executor_def is in_process_executor


def test_the_graph_follows_the_road(write: Write) -> None:
    """Stages follow one another; documents wait for what feeds them, and receipts wait for documents."""
    write("acme")
    graph = load().resolve_asset_graph()

    def parents(asset: str) -> set[str]:
        return {key.path[1] for key in graph.get(dg.AssetKey(["acme", asset])).parent_keys}

    assert parents("papers_written") == set()
    assert parents("papers_read") == {"papers_written", "names_kept"}
    assert parents("papers_kept") == {"papers_read"}
    assert parents("papers_told") == {"papers_kept"}
    assert parents("names_read") == {"names_written"}
    assert parents("receipts_read") == {"receipts_written", "papers_kept"}


def test_an_asset_says_what_it_is(write: Write) -> None:
    """Group, kinds, tags, pool and description come from the connection and the flow's card."""
    write("acme")
    node = load().resolve_asset_graph().get(dg.AssetKey(["acme", "names_written"]))
    assert node.group_name == "acme"
    assert node.kinds == {"ifs"}
    assert node.pools == {"acme"}
    assert node.tags["mlc/flow"] == "names"
    assert node.description == "W.\n\nNames go ahead of papers. (extract)"


def test_a_broken_file_takes_out_its_own_connection_only(write: Write, instance: dg.DagsterInstance) -> None:
    """The broken one is an asset with a failing check that says why; the other one works."""
    write("acme")
    write("zeta", "companeis: []")
    defs = load()
    dg.Definitions.validate_loadable(defs)
    assert "acme/papers_kept" in names(defs)
    assert "zeta/connection_file_1" in names(defs)
    assert run("acme", instance).success
    outcome = check(run("zeta_usable_1", instance), "usable", "zeta/connection_file_1")
    assert not outcome.passed
    assert "did you mean companies?" in (outcome.description or "")


def test_materializing_a_broken_connection_says_why(write: Write, instance: dg.DagsterInstance) -> None:
    """The placeholder fails with the problem of the file."""
    path = write("zeta", "companeis: []")
    (asset,) = load().assets or ()
    assert isinstance(asset, dg.AssetsDefinition)
    result = dg.materialize([asset], instance=instance, raise_on_error=False)
    assert str(path) in failure(result, "zeta/connection_file_1")


def test_two_files_with_one_name_are_both_shown(write: Write) -> None:
    """Neither can be used, and each is named."""
    path = write("acme")
    path.with_name("again.yaml").write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    write("zeta")
    defs = load()
    dg.Definitions.validate_loadable(defs)
    assert {"acme/connection_file_1", "acme/connection_file_2", "zeta/papers_kept"} <= names(defs)


def test_a_schedule_that_dagster_refuses_breaks_its_connection_only(write: Write) -> None:
    """Five fields that are no cron line are found when definitions are made."""
    write("acme", 'schedule: "61 * * * *"')
    write("zeta")
    defs = load()
    dg.Definitions.validate_loadable(defs)
    assert "acme/connection_file_1" in names(defs)
    assert "zeta/papers_kept" in names(defs)


def test_a_connection_whose_jobs_are_named_like_those_of_another_is_shown_as_broken(write: Write) -> None:
    """`acme_replay` would be two jobs."""
    write("acme")
    write("acme_replay")
    defs = load()
    dg.Definitions.validate_loadable(defs)
    assert "acme_replay/connection_file_1" in names(defs)


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_every_integration_becomes_definitions(name: str) -> None:
    """Each system's flows make assets with names of their own, and every check has its asset."""
    connection = Connection("acme", name, ("10",), "*/15 * * * *", False, Path("acme.yaml"), {}, MappingTables({}))  # noqa: FBT003  # in the order of the file
    made = connection_definitions(connection, catalogue()[name])
    defs = dg.Definitions.merge(made, dg.Definitions(resources={"house": opened_house}))
    dg.Definitions.validate_loadable(defs)
    stages = [asset.name for flow in catalogue()[name].flows for _, asset in flow.assets.all()]
    assert sorted(names(defs)) == sorted(f"acme/{stage}" for stage in stages)


def test_the_front_door_is_built_once_a_process(write: Write, fresh_door: None) -> None:
    """Dagster asks several times in each run and gets the same definitions."""
    write("acme")
    assert definitions.build() is definitions.build()
    assert "acme/papers_kept" in names(definitions.build())


def test_the_checked_in_settings_are_those_of_a_dagster_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dagster.yaml loads, keeps its files below .mlc/dagster, and queues by pool and run."""
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled
        assert instance.global_op_concurrency_default_limit == 1
        concurrency = instance.get_concurrency_config()
        assert concurrency.pool_config.pool_granularity is not None
        assert concurrency.pool_config.pool_granularity.value == "run"
    assert (tmp_path / ".mlc" / "dagster" / "storage").is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {"dagster.yaml", ".mlc"}
