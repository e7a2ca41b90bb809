"""Who hears of alerts: the log always; e-mail and a webhook where the environment names them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError, MlcError, TransientError
from mlc_pipelines.orchestration.alert_book import Alert, Told
from mlc_pipelines.orchestration.troubles import SETTINGS, Trouble, moment
from mlc_pipelines.wire.answers import Answer
from mlc_pipelines.wire.http import HttpClient, Limits
from mlc_pipelines.wire.mail import Letter, MailServer, send_mail
from mlc_pipelines.wire.redaction import REDACTOR

EMAIL_TO, EMAIL_FROM, SMTP = "MLC_ALERTS_EMAIL_TO", "MLC_ALERTS_EMAIL_FROM", "MLC_ALERTS_SMTP"
WEBHOOK = "MLC_ALERTS_WEBHOOK"
UNKNOWN_MINUTES, QUIET_HOURS = "MLC_ALERTS_UNKNOWN_MINUTES", "MLC_ALERTS_QUIET_HOURS"
SMTP_SECRET = "alerts/smtp"  # noqa: S105  # a name in the vault, no secret
MAIL_SECONDS = 15.0
ONE_TRY = Limits(connect_seconds=5.0, read_seconds=10.0, write_seconds=10.0, max_body_bytes=1 << 16, attempts=1)
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})  # as Slack asks: nobody is called by @here

logger = logging.getLogger("mlc_pipelines.alerts")

News = Sequence[tuple[Alert, Told]]
Secret = Callable[[str], SecretStr]


class Receiver(Protocol):
    """Somebody who hears of alerts."""

    @property
    def name(self) -> str:
        """Say by which name the book knows it."""
        ...

    def tell(self, news: News) -> None:
        """Tell all of it, or raise an MlcError."""
        ...


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """What the environment says of alerts; what cannot be read is in `problems`, and is an alert itself."""

    receivers: Sequence[Receiver]
    unknown_after: timedelta = timedelta(minutes=30)
    quiet_hours: float | None = None
    problems: Sequence[str] = field(default_factory=tuple)

    @classmethod
    def read(cls, environ: Mapping[str, str], secret: Secret) -> "AlertSettings":
        """Read the settings."""
        problems: list[str] = []
        receivers: list[Receiver] = [Log()]
        ways: Sequence[Callable[[Mapping[str, str], Secret], Receiver | None]] = (_mail, _webhook)
        for way in ways:
            try:
                receiver = way(environ, secret)
            except ConfigurationError as error:
                problems.append(str(error))
            else:
                receivers += [receiver] if receiver is not None else []
        minutes = _number(environ, UNKNOWN_MINUTES, problems)
        hours = _number(environ, QUIET_HOURS, problems)
        return cls(receivers, timedelta(minutes=30 if minutes is None else minutes), hours or None, problems)

    def troubles(self) -> list[Trouble]:
        """Give the settings that cannot be used as troubles."""
        remedy = "Integration engineer: correct the environment of Dagster's code server."
        return [
            Trouble(f"settings/{problem.partition(':')[0]}", SETTINGS, "alerts", "alerts: settings", (problem, remedy))
            for problem in self.problems
        ]


class Log:
    """Writes a line for each alert."""

    name = "log"

    def tell(self, news: News) -> None:
        """Write."""
        for alert, told in news:
            level = logging.ERROR if told is Told.BEGUN else logging.WARNING
            marks = {"connection": alert.trouble.connection, "alert": alert.trouble.key}
            logger.log(level, "%s", " | ".join(paragraph(alert, told)), extra=marks)


@dataclass(frozen=True, slots=True)
class Mail:
    """Sends all news of a tick in one letter."""

    server: MailServer
    sender: str
    to: Sequence[str]
    password: SecretStr | None = None
    name: str = "email"

    def tell(self, news: News) -> None:
        """Send."""
        letter = Letter(self.sender, self.to, subject(news), text(news))
        send_mail(self.server, letter, password=self.password, seconds=MAIL_SECONDS)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts all news of a tick as one `{"text": …}`, as Slack and its likes take it. The address is a secret."""

    address: SecretStr
    name: str = "webhook"

    def tell(self, news: News) -> None:
        """Post."""
        url = self.address.get_secret_value()
        origin = _origin(url)
        said = "*" + subject(news) + "*\n\n" + text(news)
        with HttpClient("alerts", origin, judge=_judged, limits=ONE_TRY) as client:
            client.send("POST", url, json={"text": said.translate(_ESCAPED)})


def paragraph(alert: Alert, told: Told) -> list[str]:
    """Write what happened, a line a thing: connection, flow, cause, count and money, what to do."""
    if told is Told.OVER and alert.over is not None:
        return [f"Over: {alert.trouble.title}", f"Began {moment(alert.began)}, over {moment(alert.over)}."]
    return [alert.trouble.title, *alert.trouble.lines]


def text(news: News) -> str:
    """Write all news, a paragraph each."""
    return "\n\n".join("\n".join(paragraph(*each)) for each in news) + "\n"


def subject(news: News) -> str:
    """Say in a line what a message is about."""
    if len(news) == 1:
        return f"[mlc] {paragraph(*news[0])[0]}"
    begun = sum(1 for _, told in news if told is Told.BEGUN)
    names = sorted({alert.trouble.connection for alert, _ in news})
    some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004  # as many as fit
    parts = [f"{begun} new" if begun else "", f"{len(news) - begun} over" if len(news) > begun else ""]
    return f"[mlc] {', '.join(filter(None, parts))}: {some}"


def _mail(environ: Mapping[str, str], secret: Secret) -> Mail | None:
    to = [each.strip() for each in environ.get(EMAIL_TO, "").split(",") if each.strip()]
    if not to:
        return None
    sender, address = environ.get(EMAIL_FROM, "").strip(), environ.get(SMTP, "").strip()
    for name, value in ((EMAIL_FROM, sender), (SMTP, address)):
        if not value:
            raise ConfigurationError(f"{name}: it is not set, and {EMAIL_TO} asks for e-mail")
    server = MailServer.read(SMTP, address)
    return Mail(server, sender, to, secret(SMTP_SECRET) if server.user is not None else None)


def _webhook(environ: Mapping[str, str], secret: Secret) -> Webhook | None:
    name = environ.get(WEBHOOK, "").strip()
    if "://" in name:
        raise ConfigurationError(f"{WEBHOOK}: it names the secret that holds the address, such as alerts/webhook")
    if not name:
        return None
    address = secret(name)
    try:
        parts = urlsplit(address.get_secret_value())
    except ValueError:  # its text may quote the address
        raise ConfigurationError(f"{WEBHOOK}: the secret {name} holds no address") from None
    for part in parts[2:4]:
        REDACTOR.register(SecretStr(part))  # messages about a request name its path
    return Webhook(address)


def _number(environ: Mapping[str, str], name: str, problems: list[str]) -> float | None:
    said = environ.get(name, "").strip()
    if not said:
        return None
    try:
        number = float(said)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e6:  # noqa: PLR2004  # a century of hours; no nan, no infinity
        problems.append(f"{name}: {said[:20]!r} is not a number of 0 or more; it is not used")
        return None
    return number


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _judged(answer: Answer) -> MlcError:
    """Read a refusal; the address is not repeated."""
    said = f"alerts: the webhook answered HTTP {answer.status}"
    passing = answer.status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or answer.status >= 500  # noqa: PLR2004  # 5xx
    return TransientError(f"{said}; it is told again", refused=True) if passing else ConfigurationError(said)
