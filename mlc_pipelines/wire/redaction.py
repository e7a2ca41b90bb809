"""Keeping secrets out of logs and messages: the values we know, and whatever looks like one."""

import functools
import html
import logging
import re
import threading
from typing import Any

from pydantic import SecretStr

MASK = "[redacted]"
_SHORTEST = 4  # a shorter value would mask half the words of a log
_SHORTEST_IN_BODIES = 8  # and a record must not lose a word that happens to be somebody's password
_IDENTIFIES = re.compile(r"(?:id|user_?name)$", re.IGNORECASE)
_NAMES = r"client_?secret|access_?token|refresh_?token|id_?token|api_?key|dev_?key|session_?id|password|passwd|secret"
_SECRET_NAME = re.compile(rf"(?i)(?:{_NAMES})$")
_LOOKS_SECRET = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    (re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{6,}"), rf"\1{MASK}"),
    (re.compile(r"(?i)\b(basic\s+)[\w+/=-]{16,}"), rf"\1{MASK}"),
    (
        re.compile(rf"(?im)((?:{_NAMES})\\*[\"']?\s{{0,8}}[:=]\s{{0,8}})(\\*[\"'])(?!\[redacted\]).*?(?<!\\)(\2|$)"),
        rf"\1\2{MASK}\3",
    ),
    (
        re.compile(rf"(?i)((?:{_NAMES})\s{{0,8}}[:=]\s{{0,8}})(?![\s\\\"']|\[redacted\])[^\s&,;\"'}})]+"),
        rf"\1{MASK}",
    ),
)
# What every record has by itself; all other attributes came with `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "exc_text"}


class Redactor(logging.Filter):
    """Masks secrets in text and in log records; thread safe."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._known: dict[str, int] = {}
        self._told: dict[str, int] = {}  # of those, who somebody is: ids and names of users
        self._written: tuple[tuple[str, re.Pattern[str]], ...] = ()
        self._spelled: tuple[tuple[bytes, re.Pattern[bytes]], ...] = ()

    def register(self, secret: SecretStr, name: str = "secret", *, sent: bool = True) -> None:
        """Mask this value from now on, also where it is written into an address or into JSON.

        One whose name ends in `id` or `username` says who somebody is: bodies keep it, for records may name it. So they
        do with one that is never `sent` to the other side.
        """
        value = secret.get_secret_value()
        if len(value) >= _SHORTEST:
            if not sent or _IDENTIFIES.search(name):
                self._told[value] = self._told.get(value, 0) + 1
            self._count(value, 1)

    def forget(self, secret: SecretStr) -> None:
        """Take back one `register`."""
        self._count(secret.get_secret_value(), -1)

    def redact(self, text: str) -> str:
        """Give the text without known secrets and without what looks like one."""
        for run, written in self._written:
            if run in text:
                text = written.sub(MASK, text)
        for looks, mask in _LOOKS_SECRET:
            text = looks.sub(mask, text)
        return text

    def redact_each(self, document: Any, name: str = "") -> Any:
        """Give what was read from JSON without secrets: text by text, so that it can be written as JSON again.

        Whatever stands under the name of a secret is one.
        """
        if isinstance(document, dict):
            return {self.redact(key): self.redact_each(value, key) for key, value in document.items()}
        if isinstance(document, list):
            return [self.redact_each(value, name) for value in document]
        if document is None or isinstance(document, bool):
            return document
        text = str(document)
        shown = MASK if _SECRET_NAME.search(name) else self.redact(text)
        return document if shown == text else shown

    def mask(self, body: bytes) -> bytes:
        """Give a body without known secrets: the other side may repeat what we sent, and all of it is kept."""
        for run, spelled in self._spelled:
            if run in body:
                body = spelled.sub(MASK.encode(), body)
        return body

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite message, traceback and extra fields of a record; never drops one."""
        record.msg, record.args = self.redact(_message(record)), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self.redact(record.exc_text)
        for name, value in list(vars(record).items()):
            if name not in _OWN and not isinstance(value, int | float | None):
                setattr(record, name, self.redact(value if isinstance(value, str) else str(value)))
        return True

    def install(self, logger: logging.Logger) -> None:
        """Stand before a logger and the handlers it has now; records of loggers below it pass only the handlers.

        Also before the handler that Python takes when there is none.
        """
        for gate in (logger, *logger.handlers, logging.lastResort):
            if gate is not None and self not in gate.filters:
                gate.addFilter(self)

    def _count(self, value: str, step: int) -> None:
        with self._lock:
            self._known[value] = self._known.get(value, 0) + step
            if self._known[value] <= 0:
                del self._known[value]
            longest_first = sorted(self._known, key=len, reverse=True)
            self._written = tuple((_run(known), _in_text(known)) for known in longest_first)
            self._spelled = tuple(
                (_run(known).encode(), _in_body(known))
                for known in longest_first
                if self._known[known] > self._told.get(known, 0) and len(known) >= _SHORTEST_IN_BODIES
            )


@functools.lru_cache(maxsize=1000)
def _in_text(value: str) -> re.Pattern[str]:
    return re.compile(_spelled(value))


@functools.lru_cache(maxsize=1000)
def _in_body(value: str) -> re.Pattern[bytes]:
    return re.compile(_spelled(value.encode(errors="replace").decode()).encode())


def _spelled(value: str) -> str:
    """Make the pattern of a value, sign by sign as addresses, forms, JSON and HTML may spell it, mixed as they like."""
    return "".join(sign if sign.isascii() and sign.isalnum() else _ways(sign) for sign in value)


@functools.cache
def _ways(sign: str) -> str:
    """Make the pattern of a sign in all its spellings; what went through two hands may be escaped twice."""
    percent = "".join(f"%(?:25)*{byte:02x}" for byte in sign.encode(errors="replace"))
    units = sign.encode("utf-16-be", errors="surrogatepass")
    unicode = "".join(rf"\\+u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
    named = html.escape(sign)[1:-1] if html.escape(sign) != sign else f"#{ord(sign)}"
    entity = f"&(?:amp;)?(?:{named}|#0*{ord(sign)}|#x0*{ord(sign):x});"
    short = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}.get(sign, re.escape(sign))
    return rf"(?:{re.escape(sign)}|(?i:{percent}|{unicode}|{entity})|\\+{short}{r'|[+]' if sign == ' ' else ''})"


def _run(value: str) -> str:
    """Give the longest part of a value that is spelled in one way only; without it the value is not there."""
    runs: list[str] = re.findall("[A-Za-z0-9]*", value)
    return max(runs, key=len)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return f"{record.msg} {record.args}"


# The one registry of the process: what `wire/auth.py` opens is known to it.
REDACTOR = Redactor()
