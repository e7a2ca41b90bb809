"""E-mail through a mail server: encrypted on the way, in the clear only to a server on this machine."""

import hashlib
import math
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from enum import Enum
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError, MlcError, TransientError
from mlc_pipelines.wire.addresses import is_loopback
from mlc_pipelines.wire.clock import Clock, SystemClock
from mlc_pipelines.wire.faults import no_connection, reason
from mlc_pipelines.wire.redaction import REDACTOR
from mlc_pipelines.wire.trust import trusted

SECONDS = 20.0
"""How long one message may take, from the first packet to the last."""

_REPLY_SHOWN = 160
_MACHINE = SystemClock()
_PASSING = range(400, 500)  # a reply of 4xx asks to come again


class Encryption(Enum):
    """How the line to a mail server is encrypted."""

    IMPLICIT = "from the first byte"
    STARTTLS = "after STARTTLS"
    NONE = "not at all"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and as whom."""

    host: str
    port: int
    encryption: Encryption
    user: str | None = None

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return f"{self.host}:{self.port}"

    @classmethod
    def read(cls, where: str, address: str) -> "MailServer":
        """Read `smtp://user@host:port` (STARTTLS, none to loopback) or `smtps://…`; a password in it is refused."""
        try:
            parts = urlsplit(address.strip())
            host, port = parts.hostname, parts.port
        except ValueError:  # its text may quote a part of a password
            raise ConfigurationError(f"{where}: this is no address of a mail server") from None
        if parts.password is not None:
            raise ConfigurationError(f"{where}: the address holds a password; take it out and put it into the vault")
        if parts.scheme not in {"smtp", "smtps"} or not host or parts.path.strip("/") or parts.query:
            raise ConfigurationError(f"{where}: an address reads smtp://user@host:587 or smtps://user@host:465")
        user = unquote(parts.username) if parts.username else None
        if parts.scheme == "smtps":
            return cls(host, port or smtplib.SMTP_SSL_PORT, Encryption.IMPLICIT, user)
        if is_loopback(host):
            return cls(host, port or smtplib.SMTP_PORT, Encryption.NONE, user)
        return cls(host, port or 587, Encryption.STARTTLS, user)


@dataclass(frozen=True, slots=True)
class Letter:
    """One message in plain text."""

    sender: str
    to: Sequence[str]
    subject: str
    text: str


def written(letter: Letter, *, clock: Clock = _MACHINE) -> EmailMessage:
    """Write a letter as it goes over the line. The same letter has the same Message-ID, however often it is sent."""
    message = EmailMessage()
    try:
        message["From"] = letter.sender
        message["To"] = ", ".join(letter.to)
        message["Subject"] = " ".join(letter.subject.split())
        senders: Sequence[Address] = message["From"].addresses
        people = [*senders, *message["To"].addresses]
    except (ValueError, IndexError) as error:
        raise ConfigurationError(f"mail: sender or recipient is not an e-mail address ({error})") from error
    if len(people) != 1 + len(letter.to) or not all(each.username and each.domain for each in people):
        raise ConfigurationError("mail: sender or recipient is not an e-mail address; write name@domain")
    said = "\0".join((letter.sender, *letter.to, letter.subject, letter.text))
    message["Message-ID"] = f"<{hashlib.sha256(said.encode()).hexdigest()[:32]}@{senders[0].domain}>"
    message["Date"] = format_datetime(clock.now())
    message["Auto-Submitted"] = "auto-generated"  # no holiday notices, please
    message.set_content(letter.text)
    return message


def send_mail(
    server: MailServer,
    letter: Letter,
    *,
    password: SecretStr | None = None,
    trust: ssl.SSLContext | None = None,
    seconds: float = SECONDS,
) -> None:
    """Hand in one letter. TransientError when a later try may help; ConfigurationError when it will not."""
    message = written(letter)
    where = f"mail: {server.place}"
    trust = trust or trusted()
    try:
        with closing(_line(server, trust, seconds)) as line:
            _hand_in(line, server, message, password=password, trust=trust)
    except UnicodeError:  # its text would repeat what cannot be written
        raise ConfigurationError(f"{where}: host, user or secret has letters that cannot be sent") from None
    except smtplib.SMTPAuthenticationError as error:
        raise ConfigurationError(
            f"{where} does not let {server.user} in ({_reply(error)}); check the secret"
        ) from error
    except smtplib.SMTPNotSupportedError as error:
        raise ConfigurationError(f"{where} does not offer what is asked of it ({_plain(str(error))})") from error
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        raise _refusal(f"{where} takes mail for none of the recipients", code, said) from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(f"{where} did not take the letter", error.smtp_code, error.smtp_error) from error
    except (ssl.SSLError, socket.gaierror, ConnectionRefusedError) as error:
        raise no_connection("mail", server.place, error=error) from error
    except (OSError, smtplib.SMTPException) as error:
        raise TransientError(f"{where} did not answer to the end ({reason(error)}); try again later") from error


class _WithinTime(smtplib.SMTP):
    """A line on which every answer must come before the time of the whole letter is over."""

    until = math.inf

    def getreply(self) -> tuple[int, bytes]:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if self.sock is not None:
            self.sock.settimeout(min(left, self.timeout))
        return super().getreply()


class _EncryptedLine(_WithinTime, smtplib.SMTP_SSL):
    pass


def _line(server: MailServer, trust: ssl.SSLContext, seconds: float) -> smtplib.SMTP:
    until, own_name = time.monotonic() + seconds, socket.gethostname()
    line: _WithinTime
    if server.encryption is Encryption.IMPLICIT:
        line = _EncryptedLine(server.host, server.port, own_name, timeout=seconds, context=trust)
    else:
        line = _WithinTime(server.host, server.port, own_name, timeout=seconds)
    line.until = until
    return line


def _hand_in(
    line: smtplib.SMTP,
    server: MailServer,
    message: EmailMessage,
    *,
    password: SecretStr | None,
    trust: ssl.SSLContext,
) -> None:
    line.ehlo_or_helo_if_needed()
    if server.encryption is Encryption.STARTTLS:
        line.starttls(context=trust)
        line.ehlo()
    if server.user is not None:
        if password is None:
            raise ConfigurationError(
                f"mail: {server.place}: the address names user {server.user}, and no secret is set"
            )
        line.login(server.user, password.get_secret_value())
    line.send_message(message)
    try:
        line.quit()
    except (OSError, smtplib.SMTPException):
        return  # it was taken; how the line ends does not matter


def _refusal(said: str, code: int, reply: bytes | str) -> MlcError:
    text = f"{said} ({code} {_plain(reply)})"
    return TransientError(f"{text}; try again later") if code in _PASSING else ConfigurationError(text)


def _reply(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_plain(error.smtp_error)}"


def _plain(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return REDACTOR.redact(" ".join(text.split()))[:_REPLY_SHOWN]
