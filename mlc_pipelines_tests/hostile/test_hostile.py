"""Whatever the other side answers: one bad record is held and the others go on, a bad page is a named interruption."""

import random
from pathlib import Path

import pytest

from mlc_pipelines_tests.databases import address
from mlc_pipelines_tests.hostile.conftest import OpenTrial, Recorded
from mlc_pipelines_tests.hostile.feeds import FEEDS, Feed
from mlc_pipelines_tests.hostile.offices import OFFICES
from mlc_pipelines_tests.hostile.roads import Damage, RoadTrial

ALL = [
    pytest.param(system, feed, id=f"{system} {feed.flow} {feed.path_ends}")
    for system, feeds in FEEDS.items()
    for feed in feeds
]
ROWS, ROADS = 60, 5


@pytest.mark.parametrize(("system", "feed"), ALL)
def test_damaged_records_stop_nobody(open_trial: OpenTrial, system: str, feed: Feed) -> None:
    """Each is somewhere with a cause and a word that can be read; the good ones among them end as ever."""
    told = open_trial(system, feed).page(3, ROWS)
    assert told.wrong == []
    assert told.ends["held"] > 0
    assert len(told.causes) > 0


@pytest.mark.parametrize("system", FEEDS)
def test_postgresql_takes_them_too(open_trial: OpenTrial, tmp_path: Path, system: str) -> None:
    """It is stricter than SQLite about texts, lengths and numbers."""
    for number, feed in enumerate(FEEDS[system]):
        trial = open_trial(system, feed, database=address(tmp_path, kind="postgres"))
        assert trial.page(100 + number, ROWS // 2).wrong == []


@pytest.mark.parametrize("system", OFFICES)
def test_a_damaged_answer_is_got_over(recording: Recorded, tmp_path: Path, system: str) -> None:
    """On the whole road, to the last write: and when all is well again everything ends as it did in fair weather."""
    trial = RoadTrial(recording(system), tmp_path / "home")
    wrong = [each for seed in range(ROADS) for each in trial.road(seed).wrong]
    trial.close()
    assert wrong == []


@pytest.mark.parametrize("seed", [29, 64])
def test_order_lines_with_endless_numbers_are_held_with_a_reason(open_trial: OpenTrial, seed: int) -> None:
    """Seeds that found a fault once: a release number of 5,000 digits, and lines that come to as many."""
    (feed,) = [feed for feed in FEEDS["airbase"] if feed.path_ends == "/PurchaseOrderSet"]
    assert open_trial("airbase", feed).page(seed).wrong == []


@pytest.mark.parametrize(("system", "seed"), [("procurify", 233), ("stampli", 259), ("ramp", 362)])
def test_roads_that_found_a_fault_once(recording: Recorded, tmp_path: Path, system: str, seed: int) -> None:
    """`$metadata` with the type of a key torn aborted a run; lines torn once were never read again."""
    trial = RoadTrial(recording(system), tmp_path / "home")
    wrong = trial.road(seed).wrong
    trial.close()
    assert wrong == []


@pytest.mark.parametrize("system", OFFICES)
def test_what_is_replayed_is_what_was_recorded(recording: Recorded, tmp_path: Path, system: str) -> None:
    """With no answer damaged nothing is interrupted or held that was not: the trials see what they are to see.

    Stampli's files come by SFTP, which is not replayed: the road begins behind them.
    """
    silent = {"collect interrupted"} if system == "stampli" else set[str]()
    said = recording(system)
    trial = RoadTrial(said, tmp_path / "home")
    for flow, made in said.flows.items():
        exchange = next((each for stage in made.exchanges.values() for each in stage), None)
        if exchange is not None:
            told = trial.play(
                flow, exchange, Damage(exchange.reply, "nothing", changes_data=False), once=True, named=""
            )
            assert told.wrong == []
            assert {stage for stage in told.stages if not stage.endswith("done")} == silent
    trial.close()


@pytest.mark.parametrize("lost", ["bills", "suppliers"])
def test_a_trial_sees_a_record_that_is_lost(open_trial: OpenTrial, monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    """A check that cannot fail would be none: a flow that leaves out what it cannot read is found out."""
    from mlc_pipelines.flows import collecting

    feed = next(feed for feed in FEEDS["ramp"] if feed.flow == lost)
    trial = open_trial("ramp", feed)
    fetch = collecting._fetch
    monkeypatch.setattr(
        collecting,
        "_fetch",
        lambda road, seen: record if (record := fetch(road, seen)) and not record.problem else None,
    )
    told = trial.play(
        [trial.dressed({feed.names[0]: "[7]"}), trial.dressed({"nothing": '"\\ud800"'})], random.Random(1)
    )
    assert any("nowhere" in each or "are kept" in each for each in told.wrong)
