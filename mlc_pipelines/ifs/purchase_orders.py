"""Purchase orders: what was ordered, from whom, and on which account its lines will land."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import msgspec

from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.names import LETTERS
from mlc_pipelines.ifs.records import TypedReader, told_apart, unreadable
from mlc_pipelines.wire.moments import instant
from mlc_pipelines.wire.rows import Unread

SET = "purchase_order"
CHILDREN = ("part", "nopart")


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """The head of an order; `site` is where the goods go."""

    order_no: str
    supplier: str
    company: str | None = None
    order_date: date | None = None
    currency: str | None = None
    site: str | None = None
    buyer: str | None = None
    state: str | None = None
    modified: datetime | None = None
    etag: str | None = None
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class PurchaseOrderLine:
    """One line of an order; a line without a part number is bought by its description."""

    order_no: str
    line_no: str
    release_no: str
    description: str
    quantity: Decimal
    unit_price: Decimal
    part_no: str | None = None
    unit: str | None = None
    net: Decimal | None = None
    currency: str | None = None
    account: str | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    wanted_date: date | None = None
    state: str | None = None


class _Order(msgspec.Struct, frozen=True, kw_only=True):
    order_no: str
    supplier: str
    company: str | None = None
    order_date: str | None = None
    currency: str | None = None
    site: str | None = None
    buyer: str | None = None
    state: str | None = None
    modified: str | None = None
    etag: str | None = msgspec.field(name="@odata.etag", default=None)


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    order_no: str
    line_no: str
    release_no: str
    quantity: Decimal
    unit_price: Decimal
    description: str | None = None
    part_no: str | None = None
    unit: str | None = None
    net: Decimal | None = None
    currency: str | None = None
    account: str | None = None
    wanted_date: str | None = None
    state: str | None = None
    code_b: str | None = None
    code_c: str | None = None
    code_d: str | None = None
    code_e: str | None = None
    code_f: str | None = None
    code_g: str | None = None
    code_h: str | None = None
    code_i: str | None = None
    code_j: str | None = None


class PurchaseOrders:
    """The purchase orders of one tenant."""

    def __init__(self, client: IfsClient) -> None:
        self._client = client
        self._orders = TypedReader(_Order, client.settings.names(SET), where="purchase order")
        self._lines = {
            child: TypedReader(_Line, client.settings.names(SET, child), where="purchase order line")
            for child in CHILDREN
        }

    def changed_since(self, company: str, since: datetime | None) -> Iterator[PurchaseOrder | Unread]:
        """Orders changed since then; all of the company where the tenant has no modified attribute for orders."""
        if self._client.settings.sets[SET].modified_attribute is None:
            rows = self._client.rows(SET, company=company)
        else:
            rows = self._client.changed_rows(SET, since=since, where=[("company", "eq", company)])
        return told_apart(rows, self.order, key=self._client.settings.names(SET)["order_no"])

    def order(self, raw: bytes) -> PurchaseOrder:
        """Read an order from its JSON; asks IFS nothing."""
        found = self._orders.read(raw)
        ordered = _instant("OrderDate", found.order_date)
        return PurchaseOrder(
            order_no=found.order_no,
            supplier=found.supplier,
            company=found.company,
            order_date=None if ordered is None else ordered.date(),
            currency=found.currency,
            site=found.site,
            buyer=found.buyer,
            state=found.state,
            modified=_instant("ModifiedDate", found.modified),
            etag=found.etag,
            raw=raw,
        )

    def lines(self, order: PurchaseOrder) -> list[PurchaseOrderLine]:
        """The lines of an order, with and without part number, in the order of their line numbers."""
        key = {self._client.settings.names(SET)["order_no"]: order.order_no}
        lines = [self._line(child, row.raw) for child in CHILDREN for row in self._client.children(SET, key, child)]
        return sorted(lines, key=lambda line: (_number(line.line_no), _number(line.release_no)))

    def _line(self, child: str, raw: bytes) -> PurchaseOrderLine:
        found = self._lines[child].read(raw)
        parts = {letter: value for letter in LETTERS if (value := getattr(found, f"code_{letter.lower()}"))}
        wanted = _instant("WantedDeliveryDate", found.wanted_date)
        return PurchaseOrderLine(
            order_no=found.order_no,
            line_no=found.line_no,
            release_no=found.release_no,
            description=found.description or found.part_no or "",
            quantity=found.quantity,
            unit_price=found.unit_price,
            part_no=found.part_no,
            unit=found.unit,
            net=found.net,
            currency=found.currency,
            account=found.account,
            parts=parts,
            wanted_date=None if wanted is None else wanted.date(),
            state=found.state,
        )


def _number(text: str) -> tuple[int, str, str]:
    """Sort by number, however long it is, what is none first."""
    digits = text.lstrip("0") if text.isdecimal() else ""
    return len(digits), digits, text


def _instant(attribute: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else instant(text)
    except ValueError as exc:
        raise unreadable("purchase order", attribute, text, "not a date or time") from exc
