"""The questions a connection is asked, and what they answer."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import dagster as dg
import pytest
import time_machine
from sqlalchemy import select, update

from mlc_pipelines.errors import Cause, TransientError
from mlc_pipelines.flows.causes import CATALOGUE
from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.integration import Gap
from mlc_pipelines.ledger.database import writing
from mlc_pipelines.ledger.reports import Sum
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.ledger.tables import entries
from mlc_pipelines.orchestration.checks import lost, oldest_fresh
from mlc_pipelines.orchestration.matching import month_before, month_of
from mlc_pipelines.orchestration.metadata import HELD_SHOWN
from mlc_pipelines_tests.orchestration.desk import Desk, today
from mlc_pipelines_tests.orchestration.running import check, poll, run


def sum_of(state: State, stage: Stage, count: int = 1) -> Sum:
    return Sum("papers", "10", stage, state, "EUR", count, Decimal("2.50") * count)


def test_every_document_is_in_one_place(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Delivered, held and ignored add up to what was read."""
    desk.papers.paper.write("B", account="6990")
    desk.papers.paper.write("C", account="none")
    result = poll(instance)
    outcome = check(result, "conservation", "acme/papers_kept")
    assert outcome.passed
    assert outcome.blocking
    assert outcome.metadata["records"].value == 3
    table = str(outcome.metadata["sums"].value)
    assert "| delivered | 1 | 1.00 | EUR |" in table
    assert "| held | 1 | 2.50 | EUR |" in table
    assert "| ignored | 1 | 1.00 | EUR |" in table


def test_a_document_in_no_place_is_named_with_its_money() -> None:
    """A newest version that is superseded by nothing is lost."""
    sums = [sum_of(State.RECEIVED, Stage.TRANSLATE), sum_of(State.SUPERSEDED, Stage.DELIVER, 2)]
    assert lost(sums) == ["company 10: 2 records, 5.00 EUR are neither delivered, held, ignored nor under way"]
    assert lost([sum_of(State.CONFIRMED, Stage.DONE), sum_of(State.HELD, Stage.DELIVER)]) == []


def test_a_lost_document_blocks_what_comes_after(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Nobody is told of documents while one of them is nowhere; when it is found, all goes on."""
    poll(instance)
    del desk.papers.paper.documents["B"]  # the source has no more of it: only the ledger knows
    desk.papers.paper.write("A", amount="3.00")
    with writing(house.ledger.engine) as connection:
        before = connection.execute(select(entries).where(entries.c.key == "B")).one()
        gone = update(entries).where(entries.c.key == "B")
        connection.execute(gone.values(state=State.SUPERSEDED.value))
    result = poll(instance)
    outcome = check(result, "conservation", "acme/papers_kept")
    assert (outcome.passed, outcome.blocking, outcome.severity) == (False, True, dg.AssetCheckSeverity.ERROR)
    assert f"{before.state} in {before.stage}: 1 records, 2 by the totals" in (outcome.description or "")
    assert not result.success
    made = {each.asset_key.path[1] for each in result.get_asset_materialization_events() if each.asset_key}
    assert made == {"papers_written", "papers_read", "papers_kept"}
    with writing(house.ledger.engine) as connection:
        connection.execute(gone.values(state=before.state))
    healed = poll(instance)
    assert healed.success
    assert "papers_told" in {
        each.asset_key.path[1] for each in healed.get_asset_materialization_events() if each.asset_key
    }


def test_a_hold_warns_on_the_flow_that_has_it(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Each flow's last asset says whether anything waits for a person; the run goes on."""
    desk.papers.paper.write("B", account="6990")
    result = poll(instance)
    held = check(result, "nothing_held", "acme/papers_told")
    assert not held.passed
    assert held.severity is dg.AssetCheckSeverity.WARN
    assert held.metadata["held"].value == 1
    assert CATALOGUE[Cause.ACCOUNT_UNMAPPED].happened in str(held.metadata["causes"].value)
    assert result.success


def test_many_causes_do_not_fill_the_event_log(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """What each pass and check keeps names the first of them and counts the rest."""
    for number in range(HELD_SHOWN + 10):
        desk.papers.paper.write(f"N{number}", account=f"6{number:03}")
    result = poll(instance)
    evaluation = check(result, "nothing_held", "acme/papers_told")
    (made,) = result.asset_materializations_for_node("acme__papers_kept")
    assert evaluation.metadata["held"].value == HELD_SHOWN + 10
    for said in (evaluation.metadata["causes"].value, made.metadata["held by cause"].value):
        assert str(said).count("account_unmapped") == HELD_SHOWN
        assert str(said).endswith("and 10 more; `mlc holds` lists them all")


def test_a_poll_does_not_ask_the_costly_questions(house: House, instance: dg.DagsterInstance) -> None:
    """Both sides are matched by a job of its own, and when a person materializes."""
    asked = {each.check_name for each in poll(instance).get_asset_check_evaluations()}
    assert asked == {"conservation", "nothing_held"}
    asked = {each.check_name for each in run("acme_checks", instance).get_asset_check_evaluations()}
    assert asked == {"reconciled", "gl_aligned", "fresh"}


def test_sides_that_agree_are_reconciled(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Held documents are accounted for; the table has sums and the chart has shares."""
    desk.papers.paper.write("B", account="6990")
    poll(instance)
    outcome = check(run("acme_checks", instance), "reconciled", "acme/papers_kept")
    assert outcome.passed
    assert outcome.description == "Both sides agree to the cent."
    month = f"{today():%Y-%m}"
    assert "| 10 | EUR | 3.50 | 1.00 | 2.50 | 0 | 0 | 0.00 |" in str(outcome.metadata[month].value)
    assert str(outcome.metadata[f"{month} chart"].value).startswith("![chart](data:image/svg+xml;base64,")


def test_a_difference_is_named_without_its_content(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """What differs is listed by its key, with which side has it; this month's is a warning."""
    poll(instance)
    desk.papers.kept.remove(("B", "2.50"))
    desk.papers.kept.append(("X", "9.99"))
    outcome = check(run("acme_checks", instance), "reconciled", "acme/papers_kept")
    assert not outcome.passed
    assert outcome.severity is dg.AssetCheckSeverity.WARN
    listed = str(outcome.metadata[f"{today():%Y-%m} differences"].value)
    assert "| 10 | EUR | B | only in the source |" in listed
    assert "| 10 | EUR | X | only in the target |" in listed


def test_names_that_differ_are_listed(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Accounts that only one side has make a warning with a table."""
    poll(instance)
    assert check(run("acme_checks", instance), "gl_aligned", "acme/papers_read").passed
    desk.gaps = [Gap("account", "10^4010", "only in IFS")]
    outcome = check(run("acme_checks", instance), "gl_aligned", "acme/papers_read")
    assert outcome.severity is dg.AssetCheckSeverity.WARN
    assert "| account | 10^4010 | only in IFS |" in str(outcome.metadata["list"].value)


def test_a_side_that_is_down_fails_the_question_and_not_the_answer(
    house: House, desk: Desk, instance: dg.DagsterInstance
) -> None:
    """No answer is not a difference."""
    desk.locked = "acme/ifs: the credential was refused"
    result = run("acme_checks", instance)
    assert not result.success
    assert {each.check_name for each in result.get_asset_check_evaluations()} == {"fresh"}


def test_a_source_that_nobody_read_is_not_fresh(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Never read, then read just now; what nobody polls shows."""
    before = check(run("acme_checks", instance), "fresh", "acme/papers_written")
    assert (before.passed, before.description) == (False, "The source was last read never.")
    poll(instance)
    after = check(run("acme_checks", instance), "fresh", "acme/papers_written")
    assert (after.passed, after.description) == (True, "The source was last read 0 minutes ago.")


def test_a_source_that_is_asked_and_does_not_answer_is_not_fresh(
    house: House, desk: Desk, instance: dg.DagsterInstance
) -> None:
    """Polls that fail read nothing, however often they come."""
    poll(instance)
    desk.papers.down = TransientError("ifs: no connection")
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=3)):
        assert not poll(instance).success
        told = check(run("acme_checks", instance), "fresh", "acme/papers_written")
    assert (told.passed, told.description) == (False, "The source was last read 180 minutes ago.")


@pytest.mark.parametrize(
    ("schedule", "since"),
    [
        (None, timedelta(hours=24)),
        ("*/15 * * * *", timedelta(hours=1)),
        ("0 */6 * * *", timedelta(hours=11)),
        ("0 6 * * *", timedelta(hours=29)),
    ],
)
def test_fresh_allows_one_missed_poll(schedule: str | None, since: timedelta) -> None:
    """The poll before the last one due counts; but never less than an hour, and a day without a schedule."""
    now = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
    assert oldest_fresh(schedule, now) == now - since


def test_months_follow_the_calendar() -> None:
    """The month before January is December."""
    day = datetime(2027, 1, 31, tzinfo=UTC).date()
    assert (month_of(day).first.isoformat(), month_of(day).last.isoformat()) == ("2027-01-01", "2027-01-31")
    assert (month_before(day).first.isoformat(), month_before(day).last.isoformat()) == ("2026-12-01", "2026-12-31")


def test_an_interrupted_delivery_leaves_its_checks_unasked(
    house: House, desk: Desk, instance: dg.DagsterInstance
) -> None:
    """A failed asset has no check outcome of this run."""
    desk.papers.down = TransientError("ifs: no connection")
    asked = [each.asset_key.path[1] for each in poll(instance).get_asset_check_evaluations()]
    assert "papers_kept" not in asked
