"""The files sensor: what waits in a drop folder is asked for once, and again after a pause when it is still there."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from mlc_pipelines.commands.playground import Playground, open_playground
from mlc_pipelines.orchestration.assembly import assemble
from mlc_pipelines.orchestration.watching import _in_turn
from mlc_pipelines.sandbox.offices.stampli import StampliOffice
from mlc_pipelines_tests.orchestration.running import switch

NAME = "sandbox_stampli"


@pytest.fixture
def playground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Playground]:
    """Open a drop server with an installation beside it."""
    for name in ("MLC_HOME", "MLC_DATABASE_URL", "MLC_CONNECTIONS_DIR", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")  # put back afterwards: opening the playground sets them
    with open_playground(tmp_path / "home", systems=["stampli"], invoices=6) as opened:
        yield opened


def tick(instance: dg.DagsterInstance, cursor: str | None) -> SensorExecutionData:
    """Let the sensor look once."""
    repository = assemble(os.environ).get_repository_def()
    context = dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=repository, sensor_name="files")
    return repository.get_sensor_def("files").evaluate_tick(context)


def test_new_files_ask_for_a_run_of_their_flows_once(playground: Playground) -> None:
    """The first tick asks for a run; the second, at once, does not; nothing was read by either."""
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance, None)
        (request,) = first.run_requests or []
        asked = {key.path[-1] for key in request.asset_selection or []}
        second = tick(instance, first.cursor)
    assert request.job_name == NAME
    assert any("invoice" in name for name in asked)
    assert second.run_requests == []
    assert second.skip_message is not None
    office = playground.offices["stampli"]
    assert isinstance(office, StampliOffice)
    assert not [entry for entry in office.stampli.journal.entries if entry.method == "READ"]


def test_nobody_looks_for_a_connection_that_is_switched_off(
    playground: Playground, kept_instance: dg.DagsterInstance
) -> None:
    """What it would find would be posted before anybody said go."""
    office = playground.offices["stampli"]
    assert isinstance(office, StampliOffice)
    switch(kept_instance, f"{NAME}_poll", on=False)
    before = len(office.stampli.journal.entries)
    assert tick(kept_instance, None).run_requests == []
    assert len(office.stampli.journal.entries) == before
    switch(kept_instance, f"{NAME}_poll", on=True)
    assert len(tick(kept_instance, None).run_requests or []) == 1


def test_an_upload_under_way_is_not_asked_for(playground: Playground) -> None:
    """A temporary name waits for nobody; its rename is something new."""
    office = playground.offices["stampli"]
    assert isinstance(office, StampliOffice)
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = tick(instance, None).cursor
        office.stampli.people.upload_file("late.csv.filepart", b"x", folder="/outbound/invoices")
        assert tick(instance, cursor).run_requests == []


def test_a_server_that_is_down_is_left_to_the_poll(playground: Playground) -> None:
    """The tick neither fails nor asks for a run."""
    office = playground.offices["stampli"]
    office.spend.stop()
    with dg.DagsterInstance.ephemeral() as instance:
        assert tick(instance, None).run_requests == []
    office.spend.start()


def test_connections_are_looked_at_in_turn() -> None:
    """A tick that ran out of time begins with the next connection the next time."""
    assert _in_turn(["a", "b", "c"], "b") == ["c", "a", "b"]
    assert _in_turn(["a", "b", "c"], "") == ["a", "b", "c"]
