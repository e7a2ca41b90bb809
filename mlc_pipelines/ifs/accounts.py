"""Accounts: code part A of each company's chart of accounts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import msgspec

from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.records import TypedReader, readable, told_apart
from mlc_pipelines.wire.rows import Unread

SET = "account"


@dataclass(frozen=True, slots=True)
class Account:
    """One account of one company. `kind` is the account type in the tenant's words."""

    company: str
    code: str
    description: str
    valid_from: date | None = None
    valid_until: date | None = None
    kind: str | None = None
    raw: bytes = b""

    def is_valid_on(self, day: date) -> bool:
        """Whether postings of that day may land here."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


class _Account(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    description: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    kind: str | None = None


class Accounts:
    """The charts of accounts of one tenant."""

    def __init__(self, client: IfsClient) -> None:
        self._client = client
        self._reader = TypedReader(_Account, client.settings.names(SET), where="account")

    def of(self, company: str) -> Iterator[Account]:
        """Every account of a company, valid or not; one that cannot be read is logged and left out."""
        return readable(self._client.rows(SET, company=company), lambda raw: self.read(raw, company=company))

    def carried(self, company: str) -> Iterator[Account | Unread]:
        """Every account of a company, those that cannot be read too."""
        rows, key = self._client.rows(SET, company=company), self._client.settings.names(SET)["code"]
        return told_apart(rows, lambda raw: self.read(raw, company=company), key=key)

    def read(self, raw: bytes, *, company: str) -> Account:
        """Read an account from its JSON; asks IFS nothing."""
        found = self._reader.read(raw)
        return Account(
            company=company,
            code=found.code,
            description=found.description or found.code,
            valid_from=found.valid_from,
            valid_until=found.valid_until,
            kind=found.kind,
            raw=raw,
        )
