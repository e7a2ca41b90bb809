"""Payment terms of each company."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.records import TypedReader, readable

SET = "payment_term"


@dataclass(frozen=True, slots=True)
class PaymentTerm:
    """One payment term of one company."""

    company: str
    id: str
    description: str


class _Term(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    description: str | None = None


class PaymentTerms:
    """The payment terms of one tenant."""

    def __init__(self, client: IfsClient) -> None:
        self._client = client
        self._reader = TypedReader(_Term, client.settings.names(SET), where="payment term")

    def of(self, company: str) -> Iterator[PaymentTerm]:
        """Every payment term of a company."""
        return readable(self._client.rows(SET, company=company), lambda raw: self._term(raw, company))

    def _term(self, raw: bytes, company: str) -> PaymentTerm:
        found = self._reader.read(raw)
        return PaymentTerm(company, found.id, found.description or found.id)
