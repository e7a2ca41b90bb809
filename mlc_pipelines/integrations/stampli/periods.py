"""Accounting periods of IFS: whether a day can still be booked on, asked before anything is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.periods import Period, Periods


@dataclass(frozen=True, slots=True)
class OpenDays:
    """Open periods by company; with None nobody was asked and every day is taken as open."""

    open: Mapping[str, tuple[Period, ...]] | None = None

    def of(self, company: str, day: date) -> Period | None:
        """Give the open period of a company that holds a day."""
        return next((each for each in (self.open or {}).get(company, ()) if each.first <= day <= each.last), None)

    def is_open(self, company: str, day: date) -> bool:
        """Tell whether a day lies in an open period of a company."""
        return self.open is None or self.of(company, day) is not None


def read_periods(ifs: IfsClient, companies: Iterable[str]) -> OpenDays:
    """Read the open periods of companies, where the tenant says how an open one is called (`ifs.open_periods`)."""
    periods = Periods(ifs)
    if not periods.are_told:
        return OpenDays()
    return OpenDays({company: tuple(each for each in periods.of(company) if each.is_open) for company in companies})
