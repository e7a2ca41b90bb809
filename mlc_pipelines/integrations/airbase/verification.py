"""Is a webhook from this tenant's Airbase? How it signs is shown to customers only, so every way is a mode to choose.

All modes that are listed must pass; without one nothing is taken in. Pure functions over the raw bytes.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from mlc_pipelines.integrations.integration import Delivery

_STRICT = ConfigDict(extra="forbid", frozen=True)
Mode = Literal["hmac", "header_secret", "basic", "path_token", "ip_allowlist"]
Names = tuple[str, ...]
SHORTEST_TOKEN = 43
"""Characters of 32 random bytes in base64 without padding: an address that cannot be guessed."""


class Hmac(BaseModel):
    """HMAC-SHA256 over the body, or with a `timestamp_header` over `signed` filled in. Several secrets for rotation."""

    model_config = _STRICT

    secrets: Names = Field(min_length=1)
    header: str
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    timestamp_header: str | None = None
    signed: str = "{timestamp}.{body}"
    tolerance_seconds: float = Field(default=300.0, gt=0)

    @field_validator("signed")
    @classmethod
    def _both(cls, value: str) -> str:
        if value.count("{body}") != 1 or value.count("{timestamp}") != 1:
            raise ValueError("what is signed names {timestamp} and {body} once each")
        return value


class HeaderSecret(BaseModel):
    """A secret that a header repeats."""

    model_config = _STRICT

    secrets: Names = Field(min_length=1)
    header: str


class Basic(BaseModel):
    """User name and password (HTTP Basic); `secrets` are passwords."""

    model_config = _STRICT

    username: str
    secrets: Names = Field(min_length=1)


class PathToken(BaseModel):
    """A secret that is the last part of the address."""

    model_config = _STRICT

    secrets: Names = Field(min_length=1)


class VerifySettings(BaseModel):
    """The `airbase.verify` section: modes, and what each of them needs."""

    model_config = _STRICT

    modes: tuple[Mode, ...] = ()
    hmac: Hmac | None = None
    header_secret: HeaderSecret | None = None
    basic: Basic | None = None
    path_token: PathToken | None = None
    ip_allowlist: tuple[str, ...] = ()

    @field_validator("ip_allowlist")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value

    @model_validator(mode="after")
    def _told(self) -> "VerifySettings":
        missing = [mode for mode in self.modes if not getattr(self, mode)]
        if missing:
            raise ValueError(f"modes names {', '.join(missing)}, but there is no section of that name")
        return self

    def secret_names(self) -> list[str]:
        """Name the secrets that the listed modes need."""
        kept = [getattr(self, mode) for mode in self.modes if mode != "ip_allowlist"]
        return list(dict.fromkeys(name for section in kept for name in section.secrets))


def verify(settings: VerifySettings, delivery: Delivery, secrets: Mapping[str, SecretStr]) -> bool:
    """Tell whether every listed mode passes; never true without a mode. All are tried, whichever fails first."""
    passed = [_MODES[mode](settings, delivery, secrets) for mode in settings.modes]
    return bool(passed) and all(passed)


def _hmac(settings: VerifySettings, delivery: Delivery, secrets: Mapping[str, SecretStr]) -> bool:
    mode = settings.hmac
    given = _header(delivery, mode.header) if mode else None
    if mode is None or given is None or not given.startswith(mode.prefix):
        return False
    message = delivery.raw
    if mode.timestamp_header is not None:
        stamp = _header(delivery, mode.timestamp_header) or ""
        if not _is_fresh(stamp, delivery.at, timedelta(seconds=mode.tolerance_seconds)):
            return False
        before, _, after = mode.signed.replace("{timestamp}", stamp).partition("{body}")
        message = before.encode() + message + after.encode()
    signature = _decoded(given.removeprefix(mode.prefix), mode.encoding)
    digests = [hmac.digest(key, message, hashlib.sha256) for key in _opened(mode.secrets, secrets)]
    return _matches(signature, digests)


def _header_secret(settings: VerifySettings, delivery: Delivery, secrets: Mapping[str, SecretStr]) -> bool:
    mode = settings.header_secret
    given = _header(delivery, mode.header) if mode else None
    return mode is not None and given is not None and _matches(given.encode(), _opened(mode.secrets, secrets))


def _basic(settings: VerifySettings, delivery: Delivery, secrets: Mapping[str, SecretStr]) -> bool:
    mode = settings.basic
    word, _, given = (_header(delivery, "authorization") or "").partition(" ")
    if mode is None or word.lower() != "basic":
        return False
    expected = [mode.username.encode() + b":" + password for password in _opened(mode.secrets, secrets)]
    return _matches(_decoded(given, "base64"), expected)


def _path_token(settings: VerifySettings, delivery: Delivery, secrets: Mapping[str, SecretStr]) -> bool:
    mode = settings.path_token
    if mode is None:
        return False
    given = delivery.below.strip("/").rpartition("/")[2]
    long_enough = [token for token in _opened(mode.secrets, secrets) if len(token) >= SHORTEST_TOKEN]
    return _matches(given.encode(), long_enough)


def _ip_allowlist(settings: VerifySettings, delivery: Delivery, _: Mapping[str, SecretStr]) -> bool:
    try:
        source = ip_address(delivery.source or "")
    except ValueError:
        return False
    if isinstance(source, IPv6Address) and source.ipv4_mapped is not None:
        source = source.ipv4_mapped
    return any(source in ip_network(network) for network in settings.ip_allowlist)


_MODES: Mapping[Mode, Callable[[VerifySettings, Delivery, Mapping[str, SecretStr]], bool]] = {
    "hmac": _hmac,
    "header_secret": _header_secret,
    "basic": _basic,
    "path_token": _path_token,
    "ip_allowlist": _ip_allowlist,
}


def _opened(names: Names, secrets: Mapping[str, SecretStr]) -> list[bytes]:
    """Open the secrets that are in the vault; an empty one opens nothing."""
    values = [secrets[name].get_secret_value() for name in names if name in secrets]
    return [value.encode() for value in values if value]


def _matches(given: bytes | None, expected: Sequence[bytes]) -> bool:
    """Compare in constant time with every secret that counts."""
    found = [hmac.compare_digest(given, each) for each in expected] if given else []
    return any(found)


def _header(delivery: Delivery, name: str) -> str | None:
    lower = {key.lower(): value for key, value in delivery.headers.items()}
    return lower.get(name.lower())


def _decoded(text: str, encoding: str) -> bytes | None:
    try:
        return bytes.fromhex(text.strip()) if encoding == "hex" else base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error):
        return None


def _is_fresh(stamp: str, now: datetime, tolerance: timedelta) -> bool:
    """Tell whether a time stamp, in seconds since 1970 or ISO, is near enough."""
    try:
        if stamp.isascii() and stamp.isdecimal():
            moment = datetime.fromtimestamp(int(stamp), UTC)
        else:
            moment = datetime.fromisoformat(stamp)
    except (ValueError, OverflowError, OSError):
        return False
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return abs(now - moment) <= tolerance
