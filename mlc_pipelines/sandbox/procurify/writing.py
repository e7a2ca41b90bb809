"""Writes, as far as their paths are known: answered like the vendor would, with nothing changed."""

import json
from collections.abc import Mapping
from types import MappingProxyType

from mlc_pipelines.sandbox.procurify.answers import Answer, one, refused

WRITABLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "/api/v3/vendors/": ("POST",),
        "/api/v3/vendors/{id}/": ("PUT", "PATCH"),
        "/api/v3/account-codes/": ("POST",),
    }
)


def answer_to_write(method: str, path: str, body: bytes) -> Answer:
    """Accept what the vendor accepts by echoing it; refuse other methods with 405 and other bodies with 400."""
    if method not in WRITABLE.get(path, ()):
        raise refused(405, f'Method "{method}" not allowed.')
    try:
        given = json.loads(body)
    except ValueError as exc:
        raise refused(400, f"JSON parse error - {exc}") from exc
    if not isinstance(given, dict):
        raise refused(400, "Expected an object.")
    return one(given, status=201 if method == "POST" else 200)
