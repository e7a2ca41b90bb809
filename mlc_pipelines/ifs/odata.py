"""OData v4 as text: literals, key predicates, filters, and the addresses made of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

from mlc_pipelines.errors import Cause, ConfigurationError, RecordError, legible

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEEP_IN_QUERY = "',():"
_QUOTES = "'"
# A link from the server may hold raw spaces and quotes; what is already encoded stays as it is.
_KEEP_IN_LINK = "%/:?&=$,'()@!*;+~"


def literal(value: Any, edm_type: str | None = None) -> str:
    """Write a value as an OData literal, guided by its EDM type when that is known.

    Text is quoted and its quotes doubled; numbers, dates and timestamps stand bare; an enumeration member carries the
    name of its type, as in `IfsApp.SupplierHandling.PartyType'Supplier'`. RecordError for a value that its type does
    not have.
    """
    try:
        return _literal(value, edm_type)
    except (ValueError, ArithmeticError) as error:
        shown = legible(str(value), 60)
        raise RecordError(f"ifs: {shown!r} is no {edm_type or 'value'} for OData", cause=Cause.UNREADABLE) from error


def _literal(value: Any, edm_type: str | None) -> str:
    match value:
        case None:
            text = "null"
        case str():
            text = _text_literal(value, edm_type)
        case bool():
            text = "true" if value else "false"
        case int():
            text = str(value)
        case Decimal():
            text = _decimal_literal(value)
        case datetime():
            text = value.astimezone(UTC).date().isoformat() if edm_type == "Edm.Date" else timestamp(value)
        case date():
            text = f"{value.isoformat()}T00:00:00Z" if edm_type == "Edm.DateTimeOffset" else value.isoformat()
        case _:
            raise TypeError(f"no OData literal for {type(value).__name__}")
    return text


def _text_literal(value: str, edm_type: str | None) -> str:
    if edm_type is not None and not edm_type.startswith("Edm."):
        if not _NAME.fullmatch(value):
            raise ValueError(f"{value!r} is not a member of {edm_type}")
        return f"{edm_type}'{value}'"
    if edm_type in {"Edm.Int16", "Edm.Int32", "Edm.Int64"}:
        return str(int(value))
    if edm_type in {"Edm.Decimal", "Edm.Double"}:
        return _decimal_literal(Decimal(value))
    return "'" + value.replace("'", "''") + "'"


def _decimal_literal(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is not a number that OData knows")
    return format(value, "f")


def timestamp(moment: datetime) -> str:
    """Write an aware time as UTC with `Z`, keeping fractions of a second when there are any."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def key_predicate(keys: Mapping[str, Any], types: Mapping[str, str]) -> str:
    """Write `(Company='10',InvoiceId=1234)` in the order and with the types of the metadata, percent-encoded."""
    missing = [name for name in types if name not in keys]
    if missing:
        raise ValueError(f"key without {', '.join(missing)}")
    parts = (f"{name}={quote(literal(keys[name], edm_type), safe=_QUOTES)}" for name, edm_type in types.items())
    return f"({','.join(parts)})"


def name(text: str) -> str:
    """Give back an attribute name, refusing what could be anything else in a filter."""
    if not _NAME.fullmatch(text):
        raise ConfigurationError(f"{text!r} is not an attribute name")
    return text


def compare(attribute: str, operator: str, value: Any, edm_type: str | None = None) -> str:
    """Write one comparison, as `InvoiceNo eq 'INV-7'`."""
    return f"{name(attribute)} {operator} {literal(value, edm_type)}"


def both(*filters: str | None) -> str | None:
    """Join the filters that are there by `and`."""
    given = [text for text in filters if text]
    return " and ".join(given) or None


@dataclass(frozen=True, slots=True)
class Query:
    """The query options of one read."""

    filter: str | None = None
    orderby: Sequence[str] = ()
    top: int | None = None
    skip: int | None = None
    select: Sequence[str] = ()

    def after(self, rows: int) -> "Query":
        """The same read, so many rows further on."""
        return replace(self, skip=(self.skip or 0) + rows)

    def address(self, path: str) -> str:
        """Path and query, spaces as `%20` and the `$` of the option names literal."""
        options = {
            "$filter": self.filter,
            "$orderby": ",".join(self.orderby),
            "$select": ",".join(self.select),
            "$top": self.top,
            "$skip": self.skip,
        }
        text = "&".join(f"{key}={quote(str(value), safe=_KEEP_IN_QUERY)}" for key, value in options.items() if value)
        return f"{path}?{text}" if text else path


def follow(link: str, *, root: str, base_url: str) -> str:
    """Turn a next link into a path below `base_url`, refusing one that leads out of the service.

    IFS gives next links absolute, from the host's root, from the folder above the service (`<Service>.svc/…`) or from
    the service root; never from the current address, which would break for nested collections.
    """
    base = urlsplit(base_url)
    target = urlsplit(quote(link, safe=_KEEP_IN_LINK))
    service = root.rstrip("/").rsplit("/", 1)[1]
    if target.scheme or target.netloc:
        if (target.scheme or base.scheme, target.netloc) != (base.scheme, base.netloc):
            raise ConfigurationError(f"ifs: next link leads to another host: {target.scheme}://{target.netloc}")
        path = target.path
    elif target.path.startswith("/"):
        path = target.path
    elif target.path.startswith(f"{service}/"):
        path = root.removesuffix(f"{service}/") + target.path
    else:
        path = root + target.path
    if not path.startswith(root) or ".." in path.split("/"):
        raise ConfigurationError(f"ifs: next link leads out of {root}: {path}")
    return f"{path}?{target.query}" if target.query else path
