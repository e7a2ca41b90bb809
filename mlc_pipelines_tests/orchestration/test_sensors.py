"""The inbox sensor asks for what the ledger says is waiting, and for no more."""

import threading
from datetime import UTC, datetime, timedelta

import dagster as dg
import msgspec
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._daemon.sensor import MIN_INTERVAL_LOOP_TIME

from mlc_pipelines.integrations.house import House
from mlc_pipelines.orchestration import sensors
from mlc_pipelines.orchestration.config import unattended
from mlc_pipelines.orchestration.sensors import Asked
from mlc_pipelines_tests.orchestration.conftest import Write
from mlc_pipelines_tests.orchestration.desk import Desk
from mlc_pipelines_tests.orchestration.running import load, run, switch

LINGER = sensors.LINGER_SECONDS


@pytest.fixture(autouse=True)
def _one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a tick look once: what comes while it looks on is a test of its own."""
    monkeypatch.setattr(sensors, "LINGER_SECONDS", 0.0)


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> SensorExecutionData:
    repository = load().get_repository_def()
    context = dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=repository)
    return repository.get_sensor_def("inbox").evaluate_tick(context)


def post(house: House, event: str, *, connection: str = "acme", flow: str = "papers", key: str = "A") -> None:
    house.ledger.inbox.store(
        connection, event_id=event, event_type="paper.written", flow=flow, object_id=key, body=b"{}"
    )


def test_an_empty_inbox_is_a_skip(house: House, instance: dg.DagsterInstance) -> None:
    """Nothing waits, nothing runs."""
    assert tick(instance).skip_message == "no event waits"


def test_an_event_that_comes_while_a_tick_looks_on_does_not_wait(
    house: House, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tick sees it; without one it is over before Dagster's loop comes round, which then finds it due."""
    assert sensors.LOOK_SECONDS < sensors.EVERY_SECONDS < MIN_INTERVAL_LOOP_TIME
    assert LINGER < MIN_INTERVAL_LOOP_TIME
    monkeypatch.setattr(sensors, "LINGER_SECONDS", 60.0)
    late = threading.Timer(3 * sensors.LOOK_SECONDS, post, (house, "1"))
    late.start()
    (request,) = tick(instance).run_requests or []
    late.join()
    assert request.job_name == "acme"


def test_an_event_asks_for_the_assets_of_its_flow(house: House, instance: dg.DagsterInstance) -> None:
    """One run per connection over the flows that events wait for; holds are left alone."""
    post(house, "1")
    post(house, "2")
    post(house, "3", flow="receipts")
    (request,) = tick(instance).run_requests or []
    keys = [dg.AssetKey(["acme", name]) for name in ("papers_written", "papers_read", "papers_kept", "papers_told")]
    keys += [dg.AssetKey(["acme", name]) for name in ("receipts_written", "receipts_read", "receipts_kept", "said")]
    assert request.job_name == "acme"
    assert request.asset_selection == keys
    assert request.run_config == unattended(keys)
    assert request.run_key is None


def test_an_event_of_a_flow_that_is_no_more_asks_for_nothing(
    house: House, desk: Desk, instance: dg.DagsterInstance
) -> None:
    """After an upgrade or a change of integration: a run of no flow would be one of all, and release what is held."""
    post(house, "1", flow="telegrams")
    assert tick(instance).run_requests == []
    post(house, "2")
    (request,) = tick(instance).run_requests or []
    assert {key.path[-1] for key in request.asset_selection or []} == {
        "papers_written",
        "papers_read",
        "papers_kept",
        "papers_told",
    }


def test_an_event_does_not_ask_the_costly_questions(house: House, instance: dg.DagsterInstance) -> None:
    """A webhook is no reason to match two months of documents on both sides."""
    post(house, "1")
    (request,) = tick(instance).run_requests or []
    asked = {f"{key.asset_key.path[1]} {key.name}" for key in request.asset_check_keys or ()}
    assert asked == {"papers_kept conservation", "papers_told nothing_held"}


def test_the_run_it_asks_for_takes_the_events_up(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """After the run nothing waits, and the record is on the other side."""
    post(house, "1", key="B")
    (request,) = tick(instance).run_requests or []
    assets = [key.to_user_string() for key in request.asset_selection or ()]
    assert run("acme", instance, assets=assets, config=dict(request.run_config)).success
    assert house.ledger.inbox.waiting() == []
    assert ("B", "2.50") in desk.papers.kept
    assert desk.receipts.lists == 0


def test_events_of_an_unknown_connection_wait(house: House, instance: dg.DagsterInstance) -> None:
    """A connection that is broken or gone keeps its events until it is back."""
    post(house, "1", connection="gone")
    assert tick(instance).skip_message == "no event waits"
    assert len(house.ledger.inbox.waiting()) == 1


def test_events_of_a_connection_that_is_switched_off_wait(
    write: Write, house: House, kept_instance: dg.DagsterInstance
) -> None:
    """Its poll's switch in the UI is that of the connection; untouched, the file's `enabled` counts."""
    write("acme", 'schedule: "*/15 * * * *"\nenabled: false')
    post(house, "1")
    assert "switch" in (tick(kept_instance).skip_message or "")
    switch(kept_instance, "acme_poll", on=True)
    (request,) = tick(kept_instance).run_requests or []
    assert request.job_name == "acme"

    write("acme", 'schedule: "*/15 * * * *"\nenabled: true')
    switch(kept_instance, "acme_poll", on=False)
    assert "switch" in (tick(kept_instance).skip_message or "")
    assert len(house.ledger.inbox.waiting()) == 1


def test_a_run_under_way_is_waited_for(house: House, instance: dg.DagsterInstance) -> None:
    """No second run is put behind the first."""
    post(house, "1")
    instance.add_run(
        dg.DagsterRun(job_name="acme", tags={"mlc/connection": "acme"}, status=dg.DagsterRunStatus.STARTED)
    )
    assert "under way" in (tick(instance).skip_message or "")


def test_an_event_that_a_run_left_is_asked_for_again_after_a_pause(house: House, instance: dg.DagsterInstance) -> None:
    """The other side is down: no run every five seconds, but nothing is forgotten either."""
    post(house, "1")
    first = tick(instance)
    assert first.run_requests
    assert "next try" in (tick(instance, first.cursor).skip_message or "")
    asked = msgspec.json.decode(first.cursor or "", type=dict[str, Asked])["acme"]
    earlier = Asked(asked.oldest, asked.at - timedelta(seconds=31))
    later = tick(instance, msgspec.json.encode({"acme": earlier}).decode())
    assert later.run_requests
    assert msgspec.json.decode(later.cursor or "", type=dict[str, Asked])["acme"].times == 2


def test_a_new_event_after_the_old_ones_were_taken_up_does_not_wait(house: House, instance: dg.DagsterInstance) -> None:
    """The pause is for the event that stayed behind, not for the connection."""
    post(house, "1")
    first = tick(instance)
    house.ledger.inbox.finish(house.ledger.inbox.pending("acme", "papers"))
    post(house, "2")
    assert tick(instance, first.cursor).run_requests


def test_pauses_grow_up_to_a_quarter_of_an_hour() -> None:
    """Half a minute, a minute, two … fifteen."""
    at = datetime(2026, 11, 20, tzinfo=UTC)
    pauses = [(Asked(at, at, times).again_at - at).total_seconds() for times in (1, 2, 3, 6, 1000)]
    assert pauses == [30, 60, 120, 900, 900]


def test_one_sensor_serves_all_connections(write: Write, house: House, instance: dg.DagsterInstance) -> None:
    """Two connections with events are two requests of one tick, not at each look of a loop."""
    write("zeta", "enabled: true")
    post(house, "1")
    post(house, "1", connection="zeta")
    assert [request.job_name for request in tick(instance).run_requests or []] == ["acme", "zeta"]
    (sensor,) = [each for each in load().sensors or () if each.name == "inbox"]
    assert sensor.minimum_interval_seconds == sensors.EVERY_SECONDS
