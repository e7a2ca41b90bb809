"""Accounting periods of each company: when it may be posted to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import msgspec

from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.records import TypedReader, readable

SET = "accounting_period"


@dataclass(frozen=True, slots=True)
class Period:
    """One period of one company; both days belong to it."""

    company: str
    year: int
    number: int
    first: date
    last: date
    is_open: bool


class _Period(msgspec.Struct, frozen=True, kw_only=True):
    year: int
    number: int
    first: date
    last: date
    status: str | None = None


def ordinary(periods: Iterable[Period], day: date) -> Period | None:
    """Tell in which of a company's periods a day is booked.

    Periods that open and close a year hold days of ordinary ones (documented), and fewer of them: the longest period
    is taken, of several the one with the lowest number above zero.
    """
    holding = (period for period in periods if period.first <= day <= period.last)
    return max(
        holding, key=lambda period: (period.last - period.first, period.number > 0, -period.number), default=None
    )


class Periods:
    """The accounting periods of one tenant."""

    def __init__(self, client: IfsClient) -> None:
        self._client = client
        self._open_words = frozenset(client.settings.open_periods)
        self._reader = TypedReader(_Period, client.settings.names(SET), where="accounting period")

    @property
    def are_told(self) -> bool:
        """Whether this tenant's periods are asked for: it names the words for an open one."""
        return bool(self._open_words)

    def of(self, company: str) -> Iterator[Period]:
        """Every period of a company, open or not."""
        return readable(self._client.rows(SET, company=company), lambda raw: self._period(raw, company))

    def _period(self, raw: bytes, company: str) -> Period:
        found = self._reader.read(raw)
        return Period(
            company, found.year, found.number, found.first, found.last, is_open=found.status in self._open_words
        )
