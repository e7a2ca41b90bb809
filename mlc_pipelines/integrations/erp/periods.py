"""The accounting period of a voucher: found by its date, and asked whether it is open before anything is written."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.periods import Period, Periods
from mlc_pipelines.ledger.bindings import Dictionary

KIND = "period"


class OpenPeriods:
    """The periods of some companies, read when a flow prepares."""

    def __init__(self, ifs: IfsClient, dictionary: Dictionary, companies: Sequence[str]) -> None:
        self._periods = Periods(ifs)
        self._dictionary = dictionary
        self._companies = companies
        self._known: list[Period] = []

    def prepare(self) -> None:
        """Read the periods; the open ones go into the dictionary, where they release what waits for them."""
        if not self._periods.are_told:
            return
        self._known = [period for company in self._companies for period in self._periods.of(company)]
        self._dictionary.learn(KIND, {_named(period): "open" for period in self._known if period.is_open})

    def dated(self, voucher: Mapping[str, Any]) -> dict[str, Any]:
        """Give a voucher's payload with its accounting year and period; RecordError while that period is closed.

        A tenant whose periods are not asked for leaves them to the calendar, as `ifs.vouchers` does.
        """
        company, day = voucher["company"], date.fromisoformat(voucher["date"])
        period = next(
            (item for item in self._known if item.company == company and item.first <= day <= item.last), None
        )
        if period is None:
            if not self._periods.are_told:
                return dict(voucher)
            raise RecordError(
                f"{voucher['text']}: company {company} has no accounting period for {day}; add it in IFS",
                cause=Cause.PERIOD_CLOSED,
                key=f"{KIND}:{company}^{day.year}^{day.month}",
            )
        if not period.is_open:
            raise RecordError(
                f"{voucher['text']}: period {period.number} of {period.year} is closed in company {company}; "
                "open it in IFS, or give the document another posting date",
                cause=Cause.PERIOD_CLOSED,
                key=f"{KIND}:{_named(period)}",
            )
        return {**voucher, "year": period.year, "period": period.number}


def _named(period: Period) -> str:
    return f"{period.company}^{period.year}^{period.number}"
