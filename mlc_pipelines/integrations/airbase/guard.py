"""Accounts and subsidiaries belong to the ERP: what tells a path that writes to them. Pure functions."""

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

ALWAYS = ("/v1/accounting/accounts/", "/v1/accounting/subsidiaries/")
"""The usual places; guarded whatever the settings say."""


def is_read_only(path: str, read_only: Iterable[str]) -> bool:
    """Tell whether a path, however it is written, is one of the read-only resources or lies below one."""
    asked = _segments(path)
    return any(_within(asked, _segments(guarded)) for guarded in (*ALWAYS, *read_only))


def _within(asked: list[str], guarded: list[str]) -> bool:
    """Tell whether the guarded segments stand in a row anywhere: a tenant's base address may add some before them."""
    last = len(asked) - len(guarded)
    return bool(guarded) and any(asked[start : start + len(guarded)] == guarded for start in range(last + 1))


def _segments(path: str) -> list[str]:
    """Cut a path as the other side will: without query, decoded, `.` and `..` resolved, empty parts left out."""
    text = path
    while (decoded := unquote(text)) != text:
        text = decoded
    found: list[str] = []
    for part in urlsplit(text.replace("\\", "/")).path.lower().split("/"):
        if part == "..":
            del found[-1:]
        elif part not in ("", "."):
            found.append(part)
    return found
