"""Alerts reach e-mail and webhook over real lines; a receiver that is down costs a tick, never an alert."""

import json
import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest
from pydantic import SecretStr

from mlc_pipelines.errors import TransientError
from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.records import SourceRecord
from mlc_pipelines.orchestration.alert_book import Alert, Told, kept, noted, read, settled, untold
from mlc_pipelines.orchestration.alert_receivers import subject
from mlc_pipelines.orchestration.alerts import BOOK, MOST_TOLD
from mlc_pipelines.orchestration.troubles import Trouble
from mlc_pipelines_tests.orchestration.alarm import Alarm
from mlc_pipelines_tests.orchestration.conftest import Write
from mlc_pipelines_tests.orchestration.desk import Desk
from mlc_pipelines_tests.orchestration.running import poll
from mlc_pipelines_tests.wire.mail_sink import MailSink
from mlc_pipelines_tests.wire.scripted_server import Reply, ScriptedServer

HOOK = "/services/T00/canary-hook-9d2c"
AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@pytest.fixture
def alarm(house: House, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture) -> Alarm:
    """The sensor of a house with one connection, acme."""
    return Alarm(instance, caplog)


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailSink]:
    """A mail server that the environment names."""
    with MailSink() as opened:
        monkeypatch.setenv("MLC_ALERTS_EMAIL_TO", "ap@acme.example, it@acme.example")
        monkeypatch.setenv("MLC_ALERTS_EMAIL_FROM", "mlc@acme.example")
        monkeypatch.setenv("MLC_ALERTS_SMTP", opened.url)
        yield opened


@pytest.fixture
def hook(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A chat room's webhook, its address in the vault."""
    with ScriptedServer() as server:
        house.vault.set("alerts/webhook", SecretStr(f"http://127.0.0.1:{server.port}{HOOK}"))
        monkeypatch.setenv("MLC_ALERTS_WEBHOOK", "alerts/webhook")
        yield server


def hold(house: House, *keys: str, flow: str = "papers") -> None:
    """Hold some records as unreadable."""
    records = [SourceRecord(key, "10", b"{}", "f", label=f"INV-{key}", problem="canary-content") for key in keys]
    house.ledger.books("acme").entries.receive(flow, records, None)


def test_everybody_hears_of_it_once(alarm: Alarm, house: House, sink: MailSink, hook: ScriptedServer) -> None:
    """Log, e-mail and webhook say the same; the next ticks are silent."""
    hold(house, "A", "B")
    assert alarm.tick() == ["acme, papers: held, unreadable"]
    assert alarm.tick() == []
    (letter,), (post,) = sink.letters, hook.asked
    assert letter["To"] == "ap@acme.example, it@acme.example"
    assert letter["Subject"] == "[mlc] acme, papers: held, unreadable"
    assert "2 records held; the first since" in letter.get_content()
    assert "Integration engineer: compare the record" in letter.get_content()
    assert (post.method, post.target, post.headers["content-type"]) == ("POST", HOOK, "application/json")
    said = json.loads(post.body)["text"]
    assert said.startswith("*[mlc] acme, papers: held, unreadable*\n\n")
    assert "2 records held" in said
    for told in (said, letter.as_string()):
        assert "canary" not in told
        assert "INV-" not in told


def test_the_end_is_told_to_everybody_once(alarm: Alarm, desk: Desk, sink: MailSink, hook: ScriptedServer) -> None:
    """With its times."""
    desk.papers.down = TransientError("ifs: no connection")
    poll(alarm.instance)
    alarm.tick()
    desk.papers.down = None
    poll(alarm.instance)
    assert alarm.tick() == ["Over: acme, papers: run failed"]
    assert alarm.tick() == []
    assert sink.letters[-1]["Subject"] == "[mlc] Over: acme, papers: run failed"
    assert "Began 20" in sink.letters[-1].get_content()
    assert (len(sink.letters), len(hook.asked)) == (2, 2)


def test_what_begins_together_is_one_message(alarm: Alarm, house: House, sink: MailSink) -> None:
    """Twenty causes at once are not twenty letters."""
    for number in range(20):
        hold(house, "A", flow=f"flow_{number}")
    assert len(alarm.tick()) == 20
    (letter,) = sink.letters
    assert letter["Subject"] == "[mlc] 20 new: acme"
    assert letter.get_content().count("held, unreadable") == 20


def test_a_mail_server_that_is_down_delays_the_alert_and_nothing_else(
    alarm: Alarm, house: House, sink: MailSink, hook: ScriptedServer
) -> None:
    """The tick goes well, the webhook hears at once and only once, the letter comes at the next tick."""
    sink.replies["RCPT"] = "451 come again"
    hold(house, "A")
    assert alarm.tick() == ["acme, papers: held, unreadable"]
    assert "email was not told; it is tried again: mail: 127.0.0.1" in alarm.warnings()[0]
    assert (len(sink.letters), len(hook.asked)) == (0, 1)
    sink.replies.clear()
    assert alarm.tick() == []
    assert (len(sink.letters), len(hook.asked)) == (1, 1)
    alarm.tick()
    assert (len(sink.letters), len(hook.asked)) == (1, 1)


@pytest.mark.parametrize("reply", [Reply(500), Reply(404), Reply(429), Reply(302), Reply(drop=True)])
def test_a_webhook_that_refuses_delays_the_alert_and_nothing_else(
    alarm: Alarm, house: House, sink: MailSink, hook: ScriptedServer, reply: Reply
) -> None:
    """Whatever it answers; its address, which is a secret, is in no log."""
    hook.script(reply)
    hold(house, "A")
    alarm.tick()
    assert len(alarm.warnings()) == 1
    assert "webhook was not told" in alarm.warnings()[0]
    assert "canary" not in alarm.warnings()[0]
    assert len(sink.letters) == 1
    alarm.tick()
    assert alarm.warnings() == []
    assert (len(sink.letters), len(hook.asked)) == (1, 2)


def test_an_alert_that_was_over_before_it_could_be_told_is_told_all_the_same(
    alarm: Alarm, desk: Desk, house: House, sink: MailSink
) -> None:
    """Its beginning and its end, in this order, in one letter."""
    sink.drop = "MAIL"
    desk.papers.down = TransientError("ifs: no connection")
    poll(alarm.instance)
    alarm.tick()
    desk.papers.down = None
    poll(alarm.instance)
    alarm.tick()
    sink.drop = None
    assert alarm.tick() == []
    (letter,) = sink.letters
    assert letter["Subject"] == "[mlc] 1 new, 1 over: acme"
    text = letter.get_content()
    assert text.index("acme, papers: run failed") < text.index("Over: acme, papers: run failed")
    assert read(house.ledger.books(BOOK).dictionary) == {}


def test_nobody_there_fails_no_tick(alarm: Alarm, house: House, hook: ScriptedServer) -> None:
    """A port where nobody listens, for the webhook."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    house.vault.set("alerts/webhook", SecretStr(f"http://127.0.0.1:{port}{HOOK}"))
    hold(house, "A")
    assert alarm.tick() == ["acme, papers: held, unreadable"]
    assert "connection refused" in alarm.warnings()[0]
    assert "canary" not in alarm.warnings()[0]


def test_the_log_of_the_wire_does_not_hold_the_address(
    alarm: Alarm, house: House, hook: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does ours, at any level."""
    caplog.set_level(logging.DEBUG, "mlc_pipelines")
    hook.script(Reply(503), Reply(200))
    hold(house, "A")
    alarm.tick()
    assert not [each for each in caplog.records if each.name.startswith("mlc_") and "canary" in str(vars(each))]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MLC_ALERTS_SMTP", "", "MLC_ALERTS_SMTP: it is not set"),
        ("MLC_ALERTS_SMTP", "smtp://u:canary-1@mail.acme.example", "MLC_ALERTS_SMTP: the address holds a password"),
        ("MLC_ALERTS_SMTP", "smtp://mlc@127.0.0.1:2525", "there is no secret alerts/smtp"),
        ("MLC_ALERTS_WEBHOOK", "https://hooks.example/canary-2", "MLC_ALERTS_WEBHOOK: it names the secret"),
        ("MLC_ALERTS_WEBHOOK", "alerts/nothing", "there is no secret alerts/nothing"),
    ],
)
def test_a_receiver_that_is_set_up_wrongly_is_an_alert_for_the_others(
    alarm: Alarm, sink: MailSink, hook: ScriptedServer, monkeypatch: pytest.MonkeyPatch, *, name: str, value: str,
    said: str,
) -> None:  # fmt: skip
    """Told once, by those that work, without the value."""
    monkeypatch.setenv(name, value)
    (line,) = alarm.lines()
    assert said in line
    assert "canary" not in line
    told = hook.asked[0].body.decode() if "SMTP" in name else sink.letters[0].get_content()
    assert said in told
    assert alarm.tick() == []


@pytest.mark.parametrize(
    "address", ["http://hooks.example/x", "ftp://127.0.0.1/x", "nothing", "https://u:p@h.example/x"]
)
def test_only_an_encrypted_or_local_webhook_is_called(
    alarm: Alarm, house: House, hook: ScriptedServer, address: str
) -> None:
    """What alerts say is nobody else's business."""
    house.vault.set("alerts/webhook", SecretStr(address))
    hold(house, "A")
    alarm.tick()
    assert "webhook was not told" in alarm.warnings()[0]
    assert not hook.asked


@pytest.mark.parametrize("address", ["https://[hooks/canary", "https://" + "a" * 64 + ".example/canary"])
def test_an_address_that_is_none_keeps_nobody_else_from_hearing(
    alarm: Alarm, house: House, sink: MailSink, hook: ScriptedServer, address: str
) -> None:
    """The mail is sent all the same, and nothing repeats the address."""
    house.vault.set("alerts/webhook", SecretStr(address))
    hold(house, "A")
    assert "acme, papers: held, unreadable" in alarm.tick()
    assert "held, unreadable" in sink.letters[0].get_content()
    assert "canary" not in sink.letters[0].get_content() + "".join(alarm.warnings())
    assert alarm.tick() == []


def test_marks_of_the_chat_room_are_taken_literally(alarm: Alarm, hook: ScriptedServer, write: Write) -> None:
    """A file cannot call everybody in."""
    write("zeta", "'<!channel>': x")
    alarm.tick()
    said = json.loads(hook.asked[0].body)["text"]
    assert "&lt;!channel&gt;" in said
    assert "<!channel>" not in said


def test_a_receiver_that_is_new_hears_what_goes_on(alarm: Alarm, house: House, request: pytest.FixtureRequest) -> None:
    """E-mail is set up while something is held."""
    hold(house, "A")
    alarm.tick()
    sink = request.getfixturevalue("sink")
    assert alarm.tick() == []
    assert [letter["Subject"] for letter in sink.letters] == ["[mlc] acme, papers: held, unreadable"]


def test_another_daemon_that_is_telling_is_left_to_it(alarm: Alarm, house: House, sink: MailSink) -> None:
    """Two daemons tell once."""
    hold(house, "A")
    with house.ledger.leases.hold(BOOK):
        assert alarm.tick() == []
        assert alarm.said == "another daemon is telling"
    assert alarm.tick() == ["acme, papers: held, unreadable"]
    assert len(sink.letters) == 1


def trouble(number: int = 1, *, kind: str = "held") -> Trouble:
    return Trouble(f"{kind}/{number}", kind, "acme", f"acme: trouble {number}", ("x",))


def test_what_comes_back_before_its_end_was_told_goes_on_for_those_who_heard_of_it() -> None:
    """They hear nothing; who had heard the end, hears of it anew."""
    book = {"held/1": Alert(trouble(), AT, AT, {"email": Told.BEGUN, "log": Told.OVER})}
    again = settled(book, [trouble()], AT, looked_for={"held"})
    assert untold(again, "email", most=9) == []
    assert [told for _, told in untold(again, "log", most=9)] == [Told.BEGUN]
    assert [told for _, told in untold(again, "webhook", most=9)] == [Told.BEGUN]


def test_what_was_not_looked_for_is_not_over() -> None:
    """Silence is not looked for at every tick."""
    book = settled({}, [trouble(), trouble(2, kind="quiet")], AT, looked_for={"held", "quiet"})
    after = settled(book, [], AT, looked_for={"held"})
    assert [key for key, alert in after.items() if alert.over] == ["held/1"]


def test_a_message_has_an_end_and_the_rest_follows() -> None:
    """Beginnings go before ends, so that nobody hears of an end first."""
    book = settled({}, [trouble(number) for number in range(MOST_TOLD + 5)], AT, looked_for={"held"})
    first = untold(book, "log", most=MOST_TOLD)
    rest = untold(noted(book, "log", first), "log", most=MOST_TOLD)
    assert (len(first), len(rest)) == (MOST_TOLD, 5)
    over = settled(noted(book, "log", first), [], AT, looked_for={"held"})
    assert [told for _, told in untold(over, "log", most=6)] == [Told.BEGUN] * 5 + [Told.OVER]


def test_what_all_have_heard_is_struck_out() -> None:
    """And not before."""
    book = {"held/1": Alert(trouble(), AT, AT, {"log": Told.OVER, "email": Told.BEGUN})}
    assert kept(book, ["log", "email"]) == book
    assert kept(book, ["log"]) == {}


def test_a_subject_counts_what_it_does_not_name() -> None:
    """New and over, and at most three connections."""
    names = ("acme", "beta", "gamma", "delta", "eta")
    news = [(Alert(Trouble(name, "held", name, name, ()), AT), Told.BEGUN) for name in names]
    assert subject(news) == "[mlc] 5 new: acme, beta, delta and 2 more"
