"""Mail goes to a real server on loopback: encrypted where it must be, refused in words, never hanging."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError, TransientError
from mlc_pipelines.wire.mail import Encryption, Letter, MailServer, send_mail, written
from mlc_pipelines_tests.wire.mail_sink import MailSink, certificate

LETTER = Letter("mlc@acme.example", ("ap@acme.example", "it@acme.example"), "12 held", "Grüße\n.\n12 records.\n")


@pytest.fixture
def sink() -> Iterator[MailSink]:
    """A server in the clear."""
    with MailSink() as opened:
        yield opened


def at(sink: MailSink, encryption: Encryption = Encryption.NONE, user: str | None = None) -> MailServer:
    return MailServer("127.0.0.1", sink.port, encryption, user)


def test_a_letter_arrives_as_it_was_written(sink: MailSink) -> None:
    """All recipients, subject and text, with letters beyond ASCII and a line that is a dot."""
    send_mail(at(sink), LETTER)
    (letter,) = sink.letters
    assert sink.envelopes == [("mlc@acme.example", ["ap@acme.example", "it@acme.example"])]
    assert letter["Subject"] == "12 held"
    assert letter.get_content().replace("\r\n", "\n") == LETTER.text
    assert letter["Auto-Submitted"] == "auto-generated"


def test_the_same_letter_has_the_same_id() -> None:
    """Sent twice because the answer was lost, a mail store can tell; another text is another letter."""
    again = Letter(LETTER.sender, LETTER.to, LETTER.subject, LETTER.text)
    other = Letter(LETTER.sender, LETTER.to, LETTER.subject, "13 records.\n")
    assert written(LETTER)["Message-ID"] == written(again)["Message-ID"] != written(other)["Message-ID"]


@pytest.mark.parametrize("implicit", [True, False])
def test_an_encrypted_line_carries_user_and_secret(tmp_path: Path, implicit: bool) -> None:
    """From the first byte or after STARTTLS; the certificate must be one that is trusted."""
    server_side, trust = certificate(tmp_path)
    encryption = Encryption.IMPLICIT if implicit else Encryption.STARTTLS
    with MailSink(server_side, implicit=implicit, login="mlc\0canary-4f1e") as sink:
        send_mail(at(sink, encryption, "mlc"), LETTER, password=SecretStr("canary-4f1e"), trust=trust)
        assert len(sink.letters) == 1
        assert ("STARTTLS" in sink.commands) is not implicit
        with pytest.raises(ConfigurationError, match=r"does not let mlc in \(535 .*check the secret") as caught:
            send_mail(at(sink, encryption, "mlc"), LETTER, password=SecretStr("canary-wrong"), trust=trust)
        assert "canary" not in str(caught.value)
        with pytest.raises(ConfigurationError, match=r"certificate of 127\.0\.0\.1:.* is not accepted"):
            send_mail(at(sink, encryption), LETTER)
        assert len(sink.letters) == 1


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    """Trusted, but not for this server."""
    server_side, trust = certificate(tmp_path, host="192.0.2.7")
    with (
        MailSink(server_side) as sink,
        pytest.raises(ConfigurationError, match="certificate"),
    ):
        send_mail(at(sink, Encryption.STARTTLS), LETTER, trust=trust)
    assert not sink.letters


def test_a_server_that_does_not_encrypt_gets_nothing(sink: MailSink) -> None:
    """Without STARTTLS on offer neither user nor letter is sent."""
    with pytest.raises(ConfigurationError, match="does not offer"):
        send_mail(at(sink, Encryption.STARTTLS, "mlc"), LETTER, password=SecretStr("canary-4f1e"))
    assert sink.commands == ["EHLO"]


@pytest.mark.parametrize(
    ("verb", "reply", "error", "said"),
    [
        ("CONNECT", "421 too busy", TransientError, "421 too busy.*try again later"),
        ("MAIL", "451 greylisted", TransientError, "451 greylisted"),
        ("MAIL", "550 sender unknown", ConfigurationError, "550 sender unknown"),
        ("RCPT", "550 no such box", ConfigurationError, "none of the recipients .550 no such box"),
        ("RCPT", "450 full", TransientError, "450 full"),
        ("DATA", "554 no", ConfigurationError, "554 no"),
    ],
)
def test_a_refusal_says_whether_to_come_again(
    sink: MailSink, verb: str, reply: str, error: type[Exception], said: str
) -> None:
    """4xx passes, 5xx does not; the server's words are repeated."""
    sink.replies[verb] = reply
    with pytest.raises(error, match=said):
        send_mail(at(sink), LETTER)
    assert not sink.letters


@pytest.mark.parametrize("where", ["EHLO", "MAIL", "DATA", "END"])
def test_a_line_that_breaks_is_a_passing_fault(sink: MailSink, where: str) -> None:
    """At any point before the letter was taken."""
    sink.drop = where
    with pytest.raises(TransientError, match="did not answer to the end"):
        send_mail(at(sink), LETTER)


def test_a_line_that_breaks_after_the_letter_was_taken_is_no_fault(sink: MailSink) -> None:
    """It has arrived; to send it again would be wrong."""
    sink.drop = "QUIT"
    send_mail(at(sink), LETTER)
    assert len(sink.letters) == 1


def test_a_server_that_hangs_is_left(sink: MailSink) -> None:
    """The time is for the whole letter."""
    sink.hang = "RCPT"
    with pytest.raises(TransientError, match="timed out"):
        send_mail(at(sink), LETTER, seconds=0.3)


def test_nobody_there_is_a_passing_fault() -> None:
    """Refused at the door."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with pytest.raises(TransientError, match="connection refused"):
        send_mail(MailServer("127.0.0.1", port, Encryption.NONE), LETTER)


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("smtp://mail.acme.example", MailServer("mail.acme.example", 587, Encryption.STARTTLS)),
        ("smtp://mlc%40acme.example@mail.acme.example:25/",
         MailServer("mail.acme.example", 25, Encryption.STARTTLS, "mlc@acme.example")),
        ("smtps://mlc@mail.acme.example", MailServer("mail.acme.example", 465, Encryption.IMPLICIT, "mlc")),
        ("smtp://localhost", MailServer("localhost", 25, Encryption.NONE)),
        ("smtp://[::1]:2525", MailServer("::1", 2525, Encryption.NONE)),
    ],
)  # fmt: skip
def test_an_address_names_server_user_and_encryption(address: str, server: MailServer) -> None:
    """Only a server on this machine is spoken to in the clear."""
    assert MailServer.read("MLC_ALERTS_SMTP", address) == server


@pytest.mark.parametrize(
    "address",
    [
        "mail.acme.example", "http://mail.acme.example", "smtp://", "smtp://u:canary-77@mail.acme.example",
        "smtp://u:canary-77/x@mail.acme.example", "smtp://mail.acme.example:canary-77", "smtp://mail.acme.example/x",
    ],
)  # fmt: skip
def test_an_address_that_will_not_do_is_refused_without_repeating_it(address: str) -> None:
    """It may hold a secret in the wrong place."""
    with pytest.raises(ConfigurationError, match=r"^MLC_ALERTS_SMTP: ") as caught:
        MailServer.read("MLC_ALERTS_SMTP", address)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("name", ["nobody", "a@b.example\r\nBcc: x@y.example", ""])
def test_what_is_no_address_is_not_written(name: str) -> None:
    """A line break in an address cannot add a header."""
    with pytest.raises(ConfigurationError, match="not an e-mail address"):
        written(Letter("mlc@acme.example", (name,), "s", "t"))
    with pytest.raises(ConfigurationError, match="not an e-mail address"):
        written(Letter(name, ("a@b.example",), "s", "t"))


def test_a_line_break_in_a_subject_is_a_blank() -> None:
    """No header can be smuggled in by the name of a file."""
    message = written(Letter("mlc@acme.example", ("a@b.example",), "broken\r\nBcc: x@y.example", "t"))
    assert message["Subject"] == "broken Bcc: x@y.example"
    assert message["Bcc"] is None
