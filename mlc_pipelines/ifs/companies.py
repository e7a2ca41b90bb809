"""Companies: the legal books our user may see."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.records import TypedReader, readable

SET = "company"


@dataclass(frozen=True, slots=True)
class Company:
    """One company."""

    code: str
    name: str
    currency: str | None = None


class _Company(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: str | None = None
    currency: str | None = None


class Companies:
    """The companies of one tenant."""

    def __init__(self, client: IfsClient) -> None:
        self._client = client
        self._reader = TypedReader(_Company, client.settings.names(SET), where="company")

    def all(self) -> Iterator[Company]:
        """Every company our user is allowed."""
        return readable(self._client.rows(SET), self._company)

    def find(self, code: str) -> Company | None:
        """One company; None when it does not exist or our user is not allowed (IFS does not say which)."""
        rows = self._client.rows(SET, where=[("code", "eq", code)])
        return next((self._company(row.raw) for row in rows), None)

    def _company(self, raw: bytes) -> Company:
        found = self._reader.read(raw)
        return Company(found.code, found.name or found.code, found.currency)
