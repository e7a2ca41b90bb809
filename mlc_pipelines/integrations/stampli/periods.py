"""Accounting periods of IFS: whether a day can still be booked on, asked before anything is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from mlc_pipelines.errors import ConfigurationError, TransientError
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.errors import AbsentError
from mlc_pipelines.ifs.odata import Query, compare
from mlc_pipelines.integrations.stampli.settings import PeriodSet

PAGE = 500


class _Page(msgspec.Struct):
    value: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Periods:
    """Open periods by company, as first and last day; with None nobody was asked and every day is taken as open."""

    open: Mapping[str, tuple[tuple[date, date], ...]] | None = None

    def is_open(self, company: str, day: date) -> bool:
        """Tell whether a day lies in an open period of a company."""
        if self.open is None:
            return True
        return any(first <= day <= last for first, last in self.open.get(company, ()))


def read_periods(ifs: IfsClient, companies: Iterable[str], names: PeriodSet | None) -> Periods:
    """Read the open periods of companies; the names of set and attributes are the tenant's."""
    if names is None:
        return Periods()
    return Periods({company: tuple(_open(ifs, company, names)) for company in companies})


def _open(ifs: IfsClient, company: str, names: PeriodSet) -> list[tuple[date, date]]:
    found: list[tuple[date, date]] = []
    query = Query(filter=compare(names.company, "eq", company), orderby=(names.first,), top=PAGE)
    while True:
        rows = _rows(ifs, query.address(names.path))
        try:
            found += [
                (date.fromisoformat(row[names.first]), date.fromisoformat(row[names.last]))
                for row in rows
                if row[names.status] in names.open
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"ifs: accounting periods cannot be read ({error}); correct stampli.periods, or set it to null"
            ) from error
        if len(rows) < PAGE:
            return found
        query = query.after(PAGE)


def _rows(ifs: IfsClient, address: str) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(ifs.ask(address).body, type=_Page).value
    except AbsentError as error:
        raise ConfigurationError(
            f"{error}; IFS has no accounting periods there: correct stampli.periods, or set it to null"
        ) from error
    except msgspec.MsgspecError as error:
        raise TransientError(f"ifs: accounting periods: the answer is not an OData page ({error})") from error
