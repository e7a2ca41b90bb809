"""Filters and sort of lists: field:operator:value, only the fields and operators a list knows."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from mlc_pipelines.sandbox.bill.answers import invalid, stamp

ONE_FILTER = re.compile(r'([A-Za-z.]+):([A-Za-z]+):("[^"]*"|[^",:]+)(?:,(?=.)|$)')
OPERATORS = frozenset({"eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "sw"})
TIMES = ("gt", "gte", "lt", "lte")
TRUTHS = {"true": True, "false": False}
Value = str | bool | datetime | date | None
Condition = Callable[[Any], bool]
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda held, wanted: bool(held == wanted),
    "ne": lambda held, wanted: bool(held != wanted),
    "gt": lambda held, wanted: bool(held > wanted),
    "gte": lambda held, wanted: bool(held >= wanted),
    "lt": lambda held, wanted: bool(held < wanted),
    "lte": lambda held, wanted: bool(held <= wanted),
    "sw": lambda held, wanted: bool(held.startswith(wanted)),
}


def words(value: str) -> str:
    """Read text."""
    return value


def truth(value: str) -> bool:
    """Read true or false."""
    return TRUTHS[value]


def moment(value: str) -> datetime:
    """Read an ISO 8601 date-time with or without zone, down to a plain date; without zone it is UTC."""
    read = datetime.fromisoformat(value)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Filterable:
    """A field a list can be filtered by: how to find it on a row, its operators, how its values are read."""

    find: Callable[[Any], Value | Sequence[str]]
    operators: tuple[str, ...]
    read: Callable[[str], Value] = words


Rules = Mapping[str, Filterable]
TIME_RULES: Rules = {
    "createdTime": Filterable(lambda row: row.created, TIMES, moment),
    "updatedTime": Filterable(lambda row: row.updated, TIMES, moment),
}
PLAIN_RULES: Rules = {
    "id": Filterable(lambda row: row.id, ("eq", "ne", "in")),
    "archived": Filterable(lambda row: row.archived, ("eq", "ne"), truth),
    **TIME_RULES,
}


def read_filters(given: str, rules: Rules) -> list[Condition]:
    """Return the conditions of a filters parameter; all must hold."""
    conditions: list[Condition] = []
    place = 0
    while place < len(given) or not given:
        found = ONE_FILTER.match(given, place)
        if found is None:
            raise invalid(f"Not <field>:<operator>:<value> from character {place}: {given[place:]!r}.", where="filters")
        conditions.append(_condition(*found.group(1, 2, 3), rules=rules))
        place = found.end()
    return conditions


def _condition(field: str, operator: str, value: str, *, rules: Rules) -> Condition:
    rule = rules.get(field)
    if rule is None:
        raise invalid(f"{field} is not a field to filter by.", where="filters")
    if operator not in OPERATORS or operator not in rule.operators:
        raise invalid(f"{operator} is not an operator of {field}.", where="filters")
    plain, quoted = value.strip('"'), value.startswith('"')
    try:
        if operator in ("in", "nin"):
            if not quoted:
                raise invalid(f"The values of {field}:{operator} stand in double quotes.", where="filters")
            return _among(rule, {rule.read(part) for part in plain.split(",")}, inside=operator == "in")
        return _compared(rule, rule.read(plain), operator=operator)
    except (KeyError, ValueError) as exc:
        raise invalid(f"{plain!r} is not a value of {field}.", where="filters") from exc


def _among(rule: Filterable, wanted: set[Value], *, inside: bool) -> Condition:
    return lambda row: any(held in wanted for held in _held(rule, row)) is inside


def _compared(rule: Filterable, wanted: Value, *, operator: str) -> Condition:
    compare = COMPARE[operator]
    if operator == "ne":
        return lambda row: all(compare(held, wanted) for held in _held(rule, row))
    return lambda row: any(compare(held, wanted) for held in _held(rule, row))


def _held(rule: Filterable, row: Any) -> Sequence[Any]:
    found = rule.find(row)
    if isinstance(found, str) or not isinstance(found, Sequence):
        return [] if found is None else [found]
    return found


@dataclass(frozen=True)
class Order:
    """How a list is sorted; rows with the same value come in order of creation."""

    rule: Filterable | None
    descending: bool = False

    def key(self, row: Any) -> list[Any]:
        """Return the place of a row as JSON values."""
        found = None if self.rule is None else self.rule.find(row)
        if isinstance(found, datetime):
            return [stamp(found), row.seq]
        return ["" if found is None else str(found), row.seq]

    def follows(self, key: list[Any], other: list[Any]) -> bool:
        """Tell whether a row with this key comes after one with the other."""
        return key < other if self.descending else key > other


def read_sort(given: str | None, rules: Rules) -> Order:
    """Return the order asked for; without one it is the order of creation."""
    if given is None:
        return Order(None)
    field, _, direction = given.partition(":")
    if field not in rules or "." in field or direction not in ("asc", "desc"):
        raise invalid(f"Not <field>:asc or <field>:desc of a field to sort by: {given!r}.", where="sort")
    return Order(rules[field], descending=direction == "desc")
