"""Addresses: what may be called, how query values are written, which of them must not be shown."""

import re
from collections.abc import Sequence
from ipaddress import ip_address
from socket import inet_aton
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from mlc_pipelines.errors import Cause, ConfigurationError, RecordError

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NOWHERE = frozenset({"", ".", ".."})
_PORTS = {"https": 443, "http": 80}
_SECRET_NAMES = frozenset(
    {"access_token", "api_key", "apikey", "client_secret", "password", "refresh_token", "secret", "signature", "token"}
)


def checked(where: str, url: str) -> SplitResult:
    """Split the address of a service; refuse one that would carry secrets in the clear or in itself."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise ConfigurationError(f"{where}: {url.split('?', 1)[0]!r} is not an address ({exc})") from exc
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(f"{where}: the address of {host} holds a user name or password; take it out")
    shown = url.split("?", 1)[0]
    if parts.scheme not in _PORTS or not host:
        raise ConfigurationError(f"{where}: {shown!r} is not an address; it must begin with https://")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(f"{where}: {shown!r} is not encrypted; it must begin with https://")
    if _is_nobodys(host):
        raise ConfigurationError(f"{where}: {shown!r} is no address of a service, but of the network next door")
    return parts


def place(parts: SplitResult) -> str:
    """Host and port, for messages."""
    return f"{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"


def below(where: str, base: str, path: str) -> str:
    """Put a path below the base address; an absolute address is taken when scheme, host and port are the same."""
    if not _ABSOLUTE.match(path):
        return f"{base.rstrip('/')}/{path.lstrip('/')}"
    asked, own = checked(where, path), checked(where, base)
    if (asked.scheme, place(asked)) != (own.scheme, place(own)):
        raise ConfigurationError(
            f"{where}: refused to follow an address of {asked.scheme}://{place(asked)}; "
            f"credentials are only sent to {own.scheme}://{place(own)}"
        )
    return path


def segment(name: str) -> str:
    """Write an id as one part of a path; RecordError for one that would lead to another place, such as `..`."""
    try:
        text = quote(name, safe="")
    except UnicodeEncodeError:
        text = ""
    if text in _NOWHERE:
        raise RecordError(f"{name!r} is no id that can be asked for", cause=Cause.UNREADABLE)
    return text


def with_params(url: str, params: Sequence[tuple[str, str]]) -> str:
    """Add query values: a space becomes %20, a plus %2B, and `$` in a name stays."""
    if not params:
        return url
    query = "&".join(f"{quote(name, safe='$')}={quote(value, safe='')}" for name, value in params)
    return f"{url}{'&' if '?' in url else '?'}{query}"


def shown(url: str) -> str:
    """The address with the values of secret query names masked."""
    address, _, query = url.partition("?")
    if not query or not any(name.lower() in _SECRET_NAMES for name, _ in parse_qsl(query, keep_blank_values=True)):
        return url
    pairs = [pair.partition("=") for pair in query.split("&")]
    masked = [
        f"{name}=[redacted]" if name.lower() in _SECRET_NAMES else name + sign + value for name, sign, value in pairs
    ]
    return f"{address}?{'&'.join(masked)}"


def _is_nobodys(host: str) -> bool:
    """Tell addresses at which no vendor answers: link-local ones, where clouds keep their secrets, and broadcasts.

    However they are written: `0xa9fea9fe` and `[::ffff:169.254.169.254]` are 169.254.169.254 too.
    """
    try:
        address = ip_address(host)
    except ValueError:
        try:
            address = ip_address(inet_aton(host))
        except (OSError, UnicodeEncodeError, ValueError):
            return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_loopback:  # [::1] counts as reserved too
        return False
    return bool(mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified or mapped.is_reserved)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
