"""To materialize an asset is to take what is due there, and to replay."""

from typing import Any

import dagster as dg
import pytest

from mlc_pipelines.errors import Cause, OutcomeUnknownError, TransientError
from mlc_pipelines.flows.causes import CATALOGUE
from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.states import State
from mlc_pipelines.orchestration.config import unattended
from mlc_pipelines_tests.orchestration.conftest import Write
from mlc_pipelines_tests.orchestration.desk import PAPER, Desk
from mlc_pipelines_tests.orchestration.running import PAPERS, check, counts, failure, load, poll, run

KEYS = [dg.AssetKey(["acme", asset.name]) for flow in PAPER.flows for _, asset in flow.assets.all()]
POLL = unattended(KEYS)


def replayed(house: House, key: str) -> list[str]:
    """Give who replayed a document, and why."""
    reports = house.ledger.books("acme").reports
    return [f"{it.actor} {it.detail}" for it in reports.trail(reports.find(key)[-1]) if it.kind == "replayed"]


def test_a_run_takes_documents_down_the_whole_road(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """One run of the connection's job: every document is kept once and its writer told."""
    result = run("acme", instance, config=POLL)
    assert result.success
    assert sorted(desk.papers.kept) == [("A", "1.00"), ("B", "2.50")]
    assert sorted(desk.papers.told) == ["A", "B"]
    assert counts(result, "acme/papers_written") == {"new": 2}
    assert counts(result, "acme/papers_kept") == {"landed": 2}


def test_a_run_opens_one_session_and_closes_it(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Eleven assets share clients and tokens."""
    run("acme", instance, config=POLL)
    assert (desk.opened, desk.closed) == (1, 1)


def test_a_second_run_changes_nothing(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Re-materializing is safe at any time."""
    run("acme", instance, assets=PAPERS)
    result = run("acme", instance, assets=PAPERS)
    assert result.success
    assert len(desk.papers.kept) == 2
    assert counts(result, "acme/papers_written") == {"seen": 2}


def test_flows_are_worked_in_their_order(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Names come first, receipts last, each flow as far as it goes."""
    steps = [event.step_key for event in run("acme", instance).all_events if event.is_step_start and event.step_key]
    stages = [step.removeprefix("acme__") for step in steps if ":" not in step and "acme__" in step]
    assert [name for name in stages if name in {key.path[1] for key in KEYS}] == [key.path[1] for key in KEYS]


def test_a_poll_leaves_held_documents_alone(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Only a person replays; the hold shows with its cause."""
    desk.papers.paper.write("B", account="6990")
    poll(instance)
    desk.papers.accounts = {"4010": "4010", "6990": "6990"}
    poll(instance)
    assert desk.papers.kept == [("A", "1.00")]
    assert replayed(house, "B") == []


def test_materializing_by_hand_replays_what_is_held(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """The default configuration puts held documents back, with who and why in the trail."""
    desk.papers.paper.write("B", account="6990")
    poll(instance)
    desk.papers.accounts = {"4010": "4010", "6990": "6990"}
    result = run("acme", instance, assets=["acme/papers_kept"])
    assert counts(result, "acme/papers_kept") == {"replayed": 1, "translated": 1, "landed": 1}
    (told,) = replayed(house, "B")
    assert told.startswith("operator ")
    assert "materialized by hand" in told


def test_one_run_replays_a_document_once(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Translate, deliver and confirm of one run do not put the same document back three times."""
    desk.papers.paper.write("B", account="6990")
    poll(instance)
    run("acme", instance, assets=PAPERS)
    assert len(replayed(house, "B")) == 1
    (entry,) = house.ledger.books("acme").reports.find("B")
    assert entry.state is State.HELD


@pytest.mark.parametrize(
    ("narrow", "sent"),
    [
        ({"keys": ["B"]}, {"B"}),
        ({"keys": ["INV-C"]}, {"C"}),
        ({"causes": ["period_closed"]}, set()),
        ({"causes": ["account_unmapped"], "since": "2020-01-01"}, {"B", "C"}),
        ({"since": "2999-01-01T00:00:00Z"}, set()),
    ],
)
def test_the_launchpad_narrows_a_replay(
    house: House, desk: Desk, instance: dg.DagsterInstance, narrow: dict[str, Any], sent: set[str]
) -> None:
    """Keys or document numbers, causes and a time choose what goes again."""
    for key in "BC":
        desk.papers.paper.write(key, account="6990")
    poll(instance)
    desk.papers.accounts = {"4010": "4010", "6990": "6990"}
    config = {"ops": {"acme__papers_kept": {"config": {**narrow, "reason": "table completed"}}}}
    assert run("acme", instance, assets=["acme/papers_kept"], config=config).success
    assert {key for key, _ in desk.papers.kept} == {"A"} | sent
    assert all("table completed" in line for key in sent for line in replayed(house, key))


def test_the_replay_job_asks_once_for_all_assets(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """One form with a reason narrows the replay of the whole road."""
    for key in "BC":
        desk.papers.paper.write(key, account="6990")
    poll(instance)
    desk.papers.accounts = {"4010": "4010", "6990": "6990"}
    assert run("acme_replay", instance, config={"reason": "B is agreed", "keys": ["B"]}).success
    assert {key for key, _ in desk.papers.kept} == {"A", "B"}
    assert set(desk.papers.told) == {"A", "B"}


def test_the_replay_job_wants_a_reason(house: House, instance: dg.DagsterInstance) -> None:
    """Without a reason nothing runs."""
    with pytest.raises(dg.DagsterInvalidConfigError, match="reason"):
        run("acme_replay", instance, config={})


@pytest.mark.parametrize(
    ("narrow", "said"),
    [
        ({"since": "yesterday"}, "since: 'yesterday' is not a time"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "since: '0001-01-01T00:00:00+14:00' is not a time"),
        (
            {"causes": ["acount_unmapped"]},
            "causes: there is no cause 'acount_unmapped'; did you mean account_unmapped?",
        ),
    ],
)
def test_what_cannot_choose_fails_with_a_sentence(
    house: House, instance: dg.DagsterInstance, narrow: dict[str, Any], said: str
) -> None:
    """What the Launchpad was told is named, with what to write instead; a green run that replayed nothing would lie."""
    config = {"ops": {"acme__papers_kept": {"config": narrow}}}
    result = run("acme", instance, assets=["acme/papers_kept"], config=config)
    assert failure(result, "acme/papers_kept").startswith(f"run configuration: {said}")


def test_a_source_that_is_down_fails_the_asset_after_retries(
    house: House, desk: Desk, instance: dg.DagsterInstance
) -> None:
    """An interrupted pass says why, is tried again, and what feeds on it does not run."""
    desk.papers.down = TransientError("ifs: no connection to 127.0.0.1:9 (refused)")
    result = poll(instance)
    assert not result.success
    assert failure(result, "acme/papers_written") == "ifs: no connection to 127.0.0.1:9 (refused)"
    assert desk.papers.lists_failed == 3
    assert desk.papers.kept == []


def test_a_target_that_is_down_keeps_what_was_done(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Delivery fails with the reason; the next run takes up where it stopped."""

    def down(_batch: object) -> None:
        raise TransientError("paper: no connection")

    for key in "CDEF":
        desk.papers.paper.write(key)
    desk.papers.before_deliver = down
    assert failure(poll(instance), "acme/papers_kept") == "paper: no connection"
    desk.papers.before_deliver = lambda _batch: None
    assert poll(instance).success
    assert len(desk.papers.kept) == 6


def test_wrong_settings_fail_at_once_with_their_sentence(
    house: House, desk: Desk, instance: dg.DagsterInstance
) -> None:
    """A person must act, so nothing is tried again, and no traceback of ours is shown."""
    desk.locked = "vault: there is no secret acme/ifs/client_secret; set it with `mlc secrets set`"
    result = poll(instance)
    assert failure(result, "acme/papers_written") == desk.locked
    assert not [event for event in result.all_events if event.event_type is dg.DagsterEventType.STEP_UP_FOR_RETRY]
    data = result.failure_data_for_node("acme__papers_written")
    assert data is not None
    assert data.error_source is not None
    assert "ConfigurationError" not in str(data.error)


def test_a_lost_answer_while_preparing_may_be_tried_again(
    house: House, desk: Desk, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What prepares a stage looks before it writes, so the step is run again."""
    answers = iter([OutcomeUnknownError("paper: sent, answer lost"), None])

    def prepare() -> None:
        if (error := next(answers)) is not None:
            raise error

    monkeypatch.setattr(desk.names, "prepare", prepare)  # a flow of paper has no wire to lose an answer on
    assert run("acme", instance, config=POLL).success


def test_an_asset_shows_figures_and_no_content(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Counts, sums by currency, holds by cause with advice, watermark and chart; never a document."""
    desk.papers.paper.write("B", account="6990", memo="iban DE02 1203 0000 0000 2020 51")
    result = poll(instance)
    (made,) = result.asset_materializations_for_node("acme__papers_read")
    shown = {name: mark.value for name, mark in made.metadata.items()}
    assert shown["this pass: held"] == 1
    assert shown["all: held"] == 1
    assert "| held | 1 | 2.50 | EUR |" in str(shown["sums"])
    assert "account_unmapped | account:6990 | 1 | 2.50 EUR" in str(shown["held by cause"])
    assert CATALOGUE[Cause.ACCOUNT_UNMAPPED].remedy in str(shown["held by cause"])
    assert str(shown["last passes"]).startswith("![chart](data:image/svg+xml;base64,")
    (read,) = result.asset_materializations_for_node("acme__papers_written")
    assert "| all | 2026-01-01 00:00:02 UTC |" in str(read.metadata["watermark"].value)
    assert not [event for event in result.all_events if "2020 51" in str(event)]


def test_codes_survive_into_the_name_of_a_hold(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """An account 0010 or 1E5 is shown as it was written."""
    desk.papers.paper.write("A", account="0010")
    desk.papers.paper.write("B", account="1E5")
    result = poll(instance)
    outcome = check(result, "nothing_held", "acme/papers_told")
    causes = str(outcome.metadata["causes"].value)
    assert "account:0010" in causes
    assert "account:1E5" in causes


def test_two_connections_share_no_document(write: Write, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Each connection has its own books and its own pool."""
    write("acme")
    write("zeta")
    assert poll(instance).success
    with House.open() as house:
        assert house.ledger.books("acme").entries.tally("papers") == {"confirmed": 2}
        assert house.ledger.books("zeta").entries.tally("papers") == {}
    graph = load().resolve_asset_graph()
    assert graph.get(dg.AssetKey(["zeta", "papers_kept"])).pools == {"zeta"}
