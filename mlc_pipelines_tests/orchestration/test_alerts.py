"""Each cause is told once when it begins and once when it ends."""

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
import time_machine

from mlc_pipelines.errors import Cause, ConfigurationError, MlcError, OutcomeUnknownError, RecordError, TransientError
from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.database import writing
from mlc_pipelines.ledger.records import SourceRecord
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.ledger.tables import entries
from mlc_pipelines.orchestration.opened import house_of
from mlc_pipelines.orchestration.troubles import PASSES_READ, last_data, money, plain, quiet
from mlc_pipelines_tests.orchestration.alarm import Alarm
from mlc_pipelines_tests.orchestration.conftest import Write
from mlc_pipelines_tests.orchestration.desk import Desk
from mlc_pipelines_tests.orchestration.running import poll, run


@pytest.fixture
def alarm(house: House, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture) -> Alarm:
    """The sensor of a house with one connection, acme."""
    return Alarm(instance, caplog)


def test_all_is_well_and_nothing_is_said(alarm: Alarm, desk: Desk) -> None:
    """A good run is no news."""
    assert poll(alarm.instance).success
    assert alarm.tick() == []
    assert alarm.said == "all is well"


def fail(alarm: Alarm, desk: Desk, error: MlcError | None) -> list[str]:
    """Run with a source that is down, or is not any more; give the alerts."""
    desk.papers.down = error
    poll(alarm.instance)
    return alarm.tick()


def test_a_cause_is_told_once_while_it_lasts(alarm: Alarm, desk: Desk) -> None:
    """Retries and the next polls with the same cause are silent; its end is told, and then all is well."""
    assert fail(alarm, desk, TransientError("ifs: no connection")) == ["acme, papers: run failed"]
    assert fail(alarm, desk, TransientError("ifs: no connection")) == []
    assert alarm.tick() == []
    assert fail(alarm, desk, None) == ["Over: acme, papers: run failed"]
    assert alarm.tick() == []
    assert alarm.said == "all is well"


def test_another_cause_takes_the_place_of_the_first(alarm: Alarm, desk: Desk) -> None:
    """Both the beginning of the one and the end of the other are told."""
    fail(alarm, desk, TransientError("ifs: no connection"))
    assert fail(alarm, desk, ConfigurationError("ifs: the certificate is not accepted")) == [
        "acme, papers: connection broken",
        "Over: acme, papers: run failed",
    ]


def test_a_cause_that_comes_back_is_told_again(alarm: Alarm, desk: Desk) -> None:
    """A good run in between makes the failure new."""
    assert fail(alarm, desk, TransientError("ifs: no connection"))
    assert fail(alarm, desk, None)
    assert fail(alarm, desk, TransientError("ifs: no connection")) == ["acme, papers: run failed"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ifs: GET /Invoice/100234: no answer", "ifs: GET /Invoice/100235: no answer"),
        ("bill: request 7f3a9c01 failed", "bill: request 8e11ab02 failed"),
    ],
)
def test_ids_inside_a_sentence_do_not_make_a_new_cause(alarm: Alarm, desk: Desk, first: str, second: str) -> None:
    """Every try names another record or request; the trouble is the same."""
    assert fail(alarm, desk, TransientError(first))
    assert fail(alarm, desk, TransientError(second)) == []


def test_an_alert_says_what_happened_and_what_to_do(alarm: Alarm, desk: Desk) -> None:
    """The sentence, the run, who does what."""
    desk.papers.down = ConfigurationError("ifs: HTTP 401; check the credential")
    failed = poll(alarm.instance).run_id
    (line,) = alarm.lines()
    assert line.startswith("acme, papers: connection broken | ifs: HTTP 401; check the credential. | ")
    assert f"Run {failed[:8]}, ended 20" in line
    assert line.endswith("mlc check acme")


def test_what_did_not_come_from_us_is_not_quoted(alarm: Alarm, desk: Desk) -> None:
    """An error nobody thought of may have a record in its words; its kind is enough to find it in Dagster."""
    desk.papers.down = KeyError("DE89 3704 0044 0532 0130 00")  # type: ignore[assignment]  # a mistake of ours
    poll(alarm.instance)
    (line,) = alarm.lines()
    assert "unexpected KeyError" in line
    assert "DE89" not in line


def test_books_that_do_not_add_up_are_told(alarm: Alarm, desk: Desk, house: House) -> None:
    """A blocking check that fails is a failed run with a remedy of its own; it is over when they add up again."""
    poll(alarm.instance)
    _tamper(house, State.SUPERSEDED)
    poll(alarm.instance)
    (line,) = alarm.lines()
    assert line.startswith("acme, papers: run failed | ")
    assert "conservation" in line
    assert "the books do not add up" in line
    _tamper(house, State.CONFIRMED)
    poll(alarm.instance)
    assert alarm.tick() == ["Over: acme, papers: run failed"]


def _tamper(house: House, state: State) -> None:
    """Write past the ledger, as no code of ours does."""
    stage = Stage.DELIVER if state is State.SUPERSEDED else Stage.DONE
    with writing(house.ledger.engine) as database:
        database.execute(entries.update().values(state=state.value, stage=stage.value))


def test_a_run_that_a_person_stopped_is_not_told(alarm: Alarm, desk: Desk) -> None:
    """Whoever stopped it knows."""
    desk.papers.down = TransientError("ifs: no connection")
    stopped = poll(alarm.instance).dagster_run
    alarm.instance.report_run_canceled(stopped)
    assert alarm.tick() == []


def test_a_run_that_will_be_retried_is_not_told(alarm: Alarm, desk: Desk) -> None:
    """Only the last attempt of a crashed run speaks."""
    desk.papers.down = TransientError("ifs: no connection")
    alarm.instance.add_run_tags(poll(alarm.instance).run_id, {"dagster/will_retry": "true"})
    assert alarm.tick() == []


def test_a_run_that_ended_early_is_told_until_one_does_not(alarm: Alarm, desk: Desk) -> None:
    """Its worker died before any step could fail."""
    tags = {"mlc/connection": "acme"}
    begun = alarm.instance.create_run_for_job(_job(), status=dg.DagsterRunStatus.STARTED, tags=tags)
    alarm.instance.report_run_failed(begun)
    assert alarm.tick() == ["acme: run failed"]
    assert poll(alarm.instance).success
    assert alarm.tick() == ["Over: acme: run failed"]


def test_upkeep_that_fails_is_told(alarm: Alarm, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days that are not sealed and runs that are not removed are nobody's, and still somebody's trouble."""
    with monkeypatch.context() as wrong:
        wrong.setenv("MLC_VAULT_KEY", "no key")
        assert not run("mlc_maintenance", alarm.instance).success
    (line,) = alarm.lines()
    assert line.startswith("mlc_maintenance: connection broken | MLC_VAULT_KEY: a key is written as id:base64")
    assert run("mlc_maintenance", alarm.instance).success
    assert alarm.tick() == ["Over: mlc_maintenance: connection broken"]


def _job() -> dg.JobDefinition:
    @dg.job(name="acme")
    def job() -> None: ...

    return job


def test_a_lost_cursor_tells_nothing_twice(alarm: Alarm, desk: Desk) -> None:
    """The ledger remembers what was told, whatever Dagster forgets."""
    fail(alarm, desk, TransientError("ifs: no connection"))
    for cursor in (None, "not a cursor", '{"record_id": 7}'):
        alarm.cursor = cursor
        assert alarm.tick() == []
    alarm.cursor = None
    assert fail(alarm, desk, None) == ["Over: acme, papers: run failed"]


def test_a_good_run_of_another_flow_does_not_end_it(alarm: Alarm, desk: Desk, house: House) -> None:
    """Papers fail; that receipts went well meanwhile says nothing about papers."""
    fail(alarm, desk, TransientError("ifs: no connection"))
    assert run("acme", alarm.instance, assets=["acme/receipts_written"]).success
    assert alarm.tick() == []


def test_a_broken_file_is_told_with_its_line(alarm: Alarm, write: Write) -> None:
    """And when it is mended; the other connection is not spoken of."""
    write("zeta", "scedule: x")
    (line,) = alarm.lines()
    assert line.startswith("zeta: connection broken | ")
    assert "zeta.yaml:4: scedule: unknown setting; did you mean schedule?" in line
    assert alarm.tick() == []
    write("zeta")
    assert alarm.tick() == ["Over: zeta: connection broken"]


def test_a_connection_that_is_taken_away_takes_its_alerts_along(alarm: Alarm, desk: Desk, write: Write) -> None:
    """What no longer exists cannot fail."""
    fail(alarm, desk, TransientError("ifs: no connection"))
    write("acme").unlink()
    assert alarm.tick() == ["Over: acme, papers: run failed"]


def test_connections_whose_folder_is_gone_are_told_and_nothing_is_called_over(
    alarm: Alarm, desk: Desk, folder: Path
) -> None:
    """A folder that is not mounted looks like one without connections: what fails and is held there goes on."""
    fail(alarm, desk, TransientError("ifs: no connection"))
    folder.rename(folder.with_name("elsewhere"))
    (line,) = alarm.lines()
    assert line.startswith("all connections: their folder is gone | MLC_CONNECTIONS_DIR: ")
    assert alarm.tick() == []
    folder.with_name("elsewhere").rename(folder)
    assert alarm.tick() == ["Over: all connections: their folder is gone"]


def hold(desk: Desk, *keys: str, cause: Cause = Cause.SUPPLIER_UNKNOWN) -> None:
    """Let the target refuse some papers."""

    def refuse(batch: object) -> None:
        for each in batch:  # type: ignore[attr-defined]  # outgoing papers
            if each.entry.key in keys:
                raise RecordError(f"paper {each.entry.key}", cause=cause, key=f"supplier:{each.entry.key}")

    desk.papers.before_deliver = refuse


def test_a_cause_of_holds_is_one_alert_whatever_it_holds(alarm: Alarm, desk: Desk) -> None:
    """Two papers are one message with count and money; a third for the same cause is none; the end is told."""
    desk.papers.paper.write("C", amount="4.00")
    hold(desk, "A", "B")
    poll(alarm.instance)
    (line,) = alarm.lines()
    assert line.startswith("acme, papers: held, supplier_unknown | 2 records held: 3.50 EUR; the first since 20")
    assert "Purchasing: complete the supplier" in line
    assert "INV" not in line
    assert "supplier:A" not in line
    desk.papers.paper.write("D", amount="9.00")
    hold(desk, "A", "B", "D")
    poll(alarm.instance)
    assert alarm.tick() == []


def test_another_cause_of_holds_is_another_alert(alarm: Alarm, desk: Desk) -> None:
    """By flow and cause."""
    hold(desk, "A")
    poll(alarm.instance)
    assert alarm.tick() == ["acme, papers: held, supplier_unknown"]
    desk.papers.paper.write("D", amount="9.00")
    hold(desk, "D", cause=Cause.PERIOD_CLOSED)
    poll(alarm.instance)
    assert alarm.tick() == ["acme, papers: held, period_closed"]


def test_a_write_without_an_answer_is_told_when_it_is_old(
    alarm: Alarm, desk: Desk, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before: the next run looks it up. Once it is known, the alert is over."""

    def lose(_batch: object) -> None:
        raise OutcomeUnknownError("no answer")

    desk.papers.after_deliver = lose
    desk.papers.settle_after = 3600.0
    poll(alarm.instance)
    assert not [line for line in alarm.tick() if "unknown" in line]
    monkeypatch.setenv("MLC_ALERTS_UNKNOWN_MINUTES", "0")
    (line,) = alarm.lines()
    assert line.startswith("acme, papers: outcome of writes unknown | 2 records sent without an answer: 3.50 EUR;")
    assert alarm.tick() == []
    desk.papers.after_deliver = lambda batch: None
    desk.papers.settle_after = 0.0
    poll(alarm.instance)
    assert "Over: acme, papers: outcome of writes unknown" in alarm.tick()


def test_a_record_that_is_postponed_each_time_is_told_after_a_day(alarm: Alarm, desk: Desk, house: House) -> None:
    """Every run is green, and one document never arrives: it is told of by its number and reason, until it does."""

    def busy(_batch: object) -> None:
        raise TransientError("target: GET /Vendor: HTTP 500; try later")

    desk.papers.before_deliver = busy
    assert poll(alarm.instance).success
    assert alarm.tick() == []
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=25)):
        assert poll(alarm.instance).success
        (line,) = alarm.lines()
        assert line.startswith(
            "acme, papers: records wait to be sent | 2 records postponed: 3.50 EUR; the oldest, INV-A"
        )
        assert "HTTP 500" in line
        assert alarm.tick() == []
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=26)):
        desk.papers.before_deliver = lambda _batch: None
        assert poll(alarm.instance).success
        assert alarm.tick() == ["Over: acme, papers: records wait to be sent"]


def test_a_change_that_cannot_be_read_is_told_when_it_lasts(alarm: Alarm, house: House) -> None:
    """Once may have been the way; three times in a row is the record. Read at last, the alert is over."""
    progress = house.ledger.books("acme").progress
    for count in (1, 0, 1, 1):
        progress.note("papers", "collect", datetime.now(UTC), {"unread": count} if count else {"seen": 2})
    assert alarm.tick() == []
    progress.note("papers", "collect", datetime.now(UTC), {"unread": 1})
    assert alarm.tick() == ["acme, papers: a change cannot be read"]
    progress.note("papers", "collect", datetime.now(UTC), {"changed": 1})
    assert alarm.tick() == ["Over: acme, papers: a change cannot be read"]


def test_silence_is_told_only_where_it_is_asked_for(
    alarm: Alarm, desk: Desk, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day later nothing is said, until the environment asks for it; taken back, it is over."""
    poll(alarm.instance)
    clock = house_of(os.environ).ledger.clock
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(hours=25))  # a day is long for a test
    assert alarm.tick() == []
    monkeypatch.setenv("MLC_ALERTS_QUIET_HOURS", "24")
    alarm.cursor = None  # silence is looked for every ten minutes; let them be over
    (line,) = alarm.lines()
    assert line.startswith("acme: no data for 24 hours | Nothing new or changed has come in since 20")
    assert alarm.tick() == []
    monkeypatch.delenv("MLC_ALERTS_QUIET_HOURS")
    assert alarm.tick() == ["Over: acme: no data for 24 hours"]


def test_polls_that_find_nothing_do_not_break_the_silence(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted from the last data, however many empty polls came after; new data ends it."""
    books, start = house.ledger.books("acme"), datetime.now(UTC) - timedelta(hours=30)
    books.progress.note("papers", "collect", start, {"seen": 3, "new": 3})
    for number in range(PASSES_READ + 50):
        if number % 100 == 0:
            assert quiet(books, start + timedelta(minutes=number), hours=5) is None
        books.progress.note("papers", "collect", start + timedelta(minutes=number + 1), {"seen": 3})
    assert last_data(books, start + timedelta(hours=5)) == start
    assert quiet(books, start + timedelta(hours=5), hours=5) is not None
    books.progress.note("papers", "collect", start + timedelta(hours=6), {"changed": 1})
    assert quiet(books, start + timedelta(hours=6), hours=5) is None


def test_what_nobody_looked_at_is_not_called_silence(house: House) -> None:
    """The sensor was off while polls went on: data may have come then."""
    books, start = house.ledger.books("acme"), datetime.now(UTC) - timedelta(hours=30)
    books.progress.note("papers", "collect", start, {"new": 3})
    assert last_data(books, start) == start
    for number in range(PASSES_READ):
        books.progress.note("papers", "collect", start + timedelta(hours=10, minutes=number), {})
    assert last_data(books, start + timedelta(hours=14)) == start + timedelta(hours=10)


def test_a_connection_that_never_ran_is_not_silent(alarm: Alarm, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to wait for yet."""
    monkeypatch.setenv("MLC_ALERTS_QUIET_HOURS", "0.001")
    assert alarm.tick() == []


def test_a_setting_that_cannot_be_read_is_an_alert_itself(alarm: Alarm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told once, and the usual value is used."""
    monkeypatch.setenv("MLC_ALERTS_UNKNOWN_MINUTES", "soon")
    (line,) = alarm.lines()
    assert line.startswith("alerts: settings | MLC_ALERTS_UNKNOWN_MINUTES: 'soon' is not a number")
    assert alarm.tick() == []
    monkeypatch.delenv("MLC_ALERTS_UNKNOWN_MINUTES")
    assert alarm.tick() == ["Over: alerts: settings"]


def test_money_is_added_by_currency() -> None:
    """To the cent, and never one currency to another."""
    amounts = [("EUR", Decimal("1234.50")), ("JPY", Decimal(700)), ("EUR", Decimal("0.05")), (None, Decimal(0))]
    assert money(amounts) == ": 1,234.55 EUR, 700 JPY"
    assert money([(None, Decimal(0))]) == ""


def test_a_text_is_one_plain_line() -> None:
    """Without control characters, without end in sight cut off, without what looks like a secret."""
    assert plain("a\x1b[31m\r\nb\u202e c") == "a [31m b c"
    assert plain("client_secret=canary-1 x") == "client_secret=[redacted] x"
    assert len(plain("x " * 5000)) == 600


def test_alerts_of_several_connections_are_told_apart(alarm: Alarm, house: House, write: Write) -> None:
    """Alerts of two connections are two alerts of one tick."""
    for name in ("zeta", "eta"):
        write(name)
        house.ledger.books(name).entries.receive("papers", [SourceRecord("A", "10", b"{}", "f", problem="x")], None)
    assert alarm.tick() == ["eta, papers: held, unreadable", "zeta, papers: held, unreadable"]


@pytest.mark.parametrize("first", [timedelta(minutes=9), timedelta(minutes=-9)], ids=["ahead", "behind"])
def test_a_failure_is_told_whatever_the_clocks_of_workers(alarm: Alarm, first: timedelta) -> None:
    """A run that ended on a machine whose clock is off hides no other run, and is not hidden by it."""
    now = datetime.now(UTC)
    for number, clock in enumerate(sorted([now, now + first], reverse=True)):
        with time_machine.travel(clock):
            tags = {"mlc/connection": "acme"} if number else {}
            begun = alarm.instance.create_run_for_job(_job(), status=dg.DagsterRunStatus.STARTED, tags=tags)
            alarm.instance.report_run_failed(begun)
        told = alarm.tick()
    assert told == ["acme: run failed"]
    assert alarm.tick() == []
