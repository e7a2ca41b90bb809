"""The accounting period of a voucher: found by its date, and asked whether it is open before anything is written."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import fingerprint
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.periods import Period, Periods, ordinary
from mlc_pipelines.ledger.bindings import Dictionary

KIND = "period"


class OpenPeriods:
    """The periods of some companies, read when a flow prepares."""

    def __init__(self, ifs: IfsClient, dictionary: Dictionary, companies: Sequence[str]) -> None:
        self._periods = Periods(ifs)
        self._dictionary = dictionary
        self._companies = companies
        self._known: Mapping[str, Sequence[Period]] = {}

    def prepare(self) -> None:
        """Read the periods; an open one releases what waits for it, any change of a company's what has none."""
        if not self._periods.are_told:
            return
        self._known = {company: list(self._periods.of(company)) for company in self._companies}
        opened = {_named(each): "open" for periods in self._known.values() for each in periods if each.is_open}
        self._dictionary.learn(KIND, opened | {company: _calendar(periods) for company, periods in self._known.items()})

    def dated(self, voucher: Mapping[str, Any]) -> dict[str, Any]:
        """Give a voucher's payload with its accounting year and period; RecordError while that period is closed.

        A tenant whose periods are not asked for leaves them to the calendar, as `ifs.vouchers` does.
        """
        company, day = voucher["company"], date.fromisoformat(voucher["date"])
        period = ordinary(self._known.get(company, ()), day)
        if period is None:
            if not self._periods.are_told:
                return dict(voucher)
            raise RecordError(
                f"{voucher['text']}: company {company} has no accounting period for {day}; add it in IFS",
                cause=Cause.PERIOD_CLOSED,
                key=f"{KIND}:{company}",
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


def _calendar(periods: Sequence[Period]) -> str:
    """Give a word that changes when a company's periods do."""
    return fingerprint(sorted((str(period.first), str(period.last), _named(period)) for period in periods))
