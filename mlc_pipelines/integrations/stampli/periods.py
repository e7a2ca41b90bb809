"""Accounting periods of IFS: whether a day can still be booked on, asked before anything is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.periods import Period, Periods, ordinary


@dataclass(frozen=True, slots=True)
class OpenDays:
    """Periods by company, open or not; with None nobody was asked and every day is taken as open."""

    known: Mapping[str, tuple[Period, ...]] | None = None

    @property
    def open(self) -> Mapping[str, tuple[Period, ...]]:
        """Give the open periods by company."""
        known = (self.known or {}).items()
        return {company: tuple(each for each in periods if each.is_open) for company, periods in known}

    def of(self, company: str, day: date) -> Period | None:
        """Give the period of a company in which a day is booked, if it is open."""
        period = ordinary((self.known or {}).get(company, ()), day)
        return period if period is not None and period.is_open else None

    def is_open(self, company: str, day: date) -> bool:
        """Tell whether a day lies in an open period of a company."""
        return self.known is None or self.of(company, day) is not None


def read_periods(ifs: IfsClient, companies: Iterable[str]) -> OpenDays:
    """Read the periods of companies, where the tenant says how an open one is called (`ifs.open_periods`)."""
    periods = Periods(ifs)
    if not periods.are_told:
        return OpenDays()
    return OpenDays({company: tuple(periods.of(company)) for company in companies})
