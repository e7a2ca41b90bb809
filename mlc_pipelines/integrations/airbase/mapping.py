"""The dictionary between IFS and Airbase: suppliers and vendors, orders, and their keys as a tenant calls them."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from mlc_pipelines.accounting.money import InexactAmountError, Money
from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.purchase_orders import PurchaseOrder, PurchaseOrderLine
from mlc_pipelines.ifs.suppliers import Supplier
from mlc_pipelines.integrations.airbase.models import Vendor
from mlc_pipelines.integrations.airbase.settings import OrderSettings


def to_vendor(supplier: Supplier, subsidiaries: Sequence[str]) -> dict[str, Any]:
    """Describe a supplier as an Airbase vendor; what IFS does not tell is left out."""
    if not subsidiaries:
        raise RecordError(
            f"supplier {supplier.id}: no company of the connection has a subsidiary in Airbase; "
            "name them under airbase.subsidiaries",
            cause=Cause.ENTITY_UNMAPPED,
        )
    email = {"email": supplier.email} if supplier.email else {}
    return {"name": supplier.name, **email, "subsidiaries": sorted(subsidiaries)}


def upserted(reference: str, wanted: Mapping[str, Any], vendor: Vendor | None) -> dict[str, Any] | None:
    """Make the entity of a bulk call; None for a vendor that is as wanted.

    The list of subsidiaries takes the place of the one there (assumed), so it always has those of the vendor too. The
    reference can not be changed once it is set (seen in public code) and then is left out.
    """
    theirs = list(vendor.subsidiaries) if vendor else []
    known = {each.erp_reference_id for each in theirs}
    subsidiaries: list[dict[str, str]] = [
        {name: value for name in ("airbase_id", "erp_reference_id") if (value := getattr(each, name))}
        for each in theirs
    ]
    subsidiaries += [{"erp_reference_id": each} for each in wanted["subsidiaries"] if each not in known]
    entity = {name: wanted[name] for name in ("name", "email") if name in wanted}
    entity["subsidiary_reference_ids"] = subsidiaries
    if vendor is None:
        return entity | {"erp_reference_id": reference, "is_active": True}
    if not vendor.reference:
        return entity | {"airbase_id": vendor.id, "erp_reference_id": reference}
    is_same = (
        vendor.name == entity["name"]
        and vendor.email == entity.get("email", vendor.email)
        and set(wanted["subsidiaries"]) <= known
    )
    return None if is_same else entity | {"airbase_id": vendor.id}


@dataclass(frozen=True, slots=True)
class OrderWords:
    """What the translation of an order looks up; a list that cannot be read in Airbase is None and not asked."""

    vendors: Container[str]  # suppliers that are vendors
    subsidiaries: Mapping[str, str]  # company → subsidiary's reference
    currencies: Mapping[str, str] | None  # ISO code → the ERP's code
    gl_accounts: Container[str] | None  # references of the accounts that Airbase has
    accounts: Mapping[str, str] | None  # IFS account → reference; none: the same codes
    dimensions: Mapping[str, str]  # CodeB → type of tag

    def vendor(self, supplier: str) -> str:
        """Name the vendor of a supplier by its reference, or hold the order until there is one."""
        if supplier not in self.vendors:
            raise RecordError(
                f"supplier {supplier} is not a vendor in Airbase; see why it is held in the vendors flow",
                cause=Cause.SUPPLIER_UNKNOWN,
                key=f"vendor:{supplier}",
            )
        return supplier

    def subsidiary(self, company: str) -> str:
        """Name the subsidiary of a company."""
        if company not in self.subsidiaries:
            raise RecordError(
                f"company {company} has no subsidiary in Airbase; name it under airbase.subsidiaries",
                cause=Cause.ENTITY_UNMAPPED,
                key=f"entity:{company}",
            )
        return self.subsidiaries[company]

    def account(self, account: str) -> str:
        """Name the account of Airbase; one that is missing there is reported and never created."""
        code = account
        if self.accounts is not None:
            if account not in self.accounts:
                raise RecordError(
                    f"account {account} is not in the account table of the connection; add it",
                    cause=Cause.ACCOUNT_UNMAPPED,
                    key=f"account_word:{account}",
                )
            code = self.accounts[account]
        if self.gl_accounts is not None and code not in self.gl_accounts:
            raise RecordError(
                f"account {code} is not a GL account in Airbase; add it there, it is never created from here",
                cause=Cause.ACCOUNT_UNMAPPED,
                key=f"gl_account:{code}",
            )
        return code

    def currency(self, code: str) -> str:
        """Give the ISO code of the ERP's currency, if Airbase has it by reference."""
        if self.currencies is None:
            return code
        found = next((iso for iso, reference in self.currencies.items() if reference == code), None)
        if found is None:
            raise no_currency(code)
        return found


def no_currency(code: str) -> RecordError:
    """Hold a document in a currency that the ERP has not given to Airbase."""
    return RecordError(
        f"currency {code or 'without a code'} has no ERP reference in Airbase (a transaction may have brought it); "
        "set it in the portal",
        cause=Cause.REJECTED_BY_TARGET,
        key=f"currency:{code}",
    )


def to_order(
    order: PurchaseOrder, lines: Sequence[PurchaseOrderLine], words: OrderWords, settings: OrderSettings
) -> dict[str, Any]:
    """Make an Airbase purchase order with its lines, under the keys that the tenant uses; amounts are text."""
    status = settings.statuses.get(order.state or "")
    if status is None:
        raise RecordError(
            f"order {order.order_no} is {order.state}; add this state to airbase.purchase_orders.statuses",
            cause=Cause.UNREADABLE,
            key=f"order_state:{order.state}",
        )
    currency = words.currency(order.currency or "")
    kept = [line for line in lines if line.state not in settings.dropped_lines]
    body = {
        "po_number": order.order_no,
        "vendor": {"erp_reference_id": words.vendor(order.supplier)},
        "subsidiary": {"erp_reference_id": words.subsidiary(order.company or "")},
        "currency": currency,
        "issued_date": order.order_date.isoformat() if order.order_date else None,
        "status": status,
        "memo": f"IFS {order.site}" if order.site else "",
        "lines": [_renamed(_order_line(line, currency, words), settings.line_keys) for line in kept],
    }
    return _renamed({name: value for name, value in body.items() if value is not None}, settings.keys)


def _order_line(line: PurchaseOrderLine, currency: str, words: OrderWords) -> dict[str, Any]:
    tags = [
        {"type": words.dimensions[f"Code{part}"], "erp_reference_id": value}
        for part, value in sorted(line.parts.items())
        if f"Code{part}" in words.dimensions
    ]
    return {
        "line_number": f"{line.line_no}-{line.release_no}",
        "description": line.description,
        "quantity": f"{line.quantity:f}",
        "unit_price": f"{line.unit_price:f}",
        "amount": exact(line_amount(line), currency, f"order {line.order_no} line {line.line_no}"),
        "account": {"erp_reference_id": words.account(line.account)} if line.account else None,
        "tags": tags,
    }


def line_amount(line: PurchaseOrderLine) -> Decimal:
    """Give what a line comes to: as IFS says, else quantity times price."""
    return line.net if line.net is not None else line.quantity * line.unit_price


def exact(amount: Decimal, currency: str, named: str) -> str:
    """Write an amount with exactly the places of its currency."""
    try:
        return Money(amount, currency).to_text()
    except InexactAmountError as error:
        raise RecordError(f"{named}: {error}", cause=Cause.AMOUNT_INEXACT) from error
    except ValueError as error:
        raise RecordError(f"{named}: {error}", cause=Cause.UNREADABLE) from error


def _renamed(body: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    return {keys.get(name, name): value for name, value in body.items()}


def says_the_same(ours: Any, theirs: Any) -> bool:
    """Tell whether a record of Airbase has all that we would write; what it has beyond that does not matter."""
    if isinstance(ours, Mapping):
        return isinstance(theirs, Mapping) and all(says_the_same(ours[name], theirs.get(name)) for name in ours)
    if isinstance(ours, list):
        return (
            isinstance(theirs, list)
            and len(ours) == len(theirs)
            and all(says_the_same(mine, other) for mine, other in zip(ours, theirs, strict=True))
        )
    return bool(ours == theirs) or (isinstance(ours, str) and _equal_numbers(ours, theirs))


def _equal_numbers(ours: str, theirs: Any) -> bool:
    """Compare amounts by value: `4` is `4.00`."""
    try:
        return isinstance(theirs, str | int | Decimal) and Decimal(ours) == Decimal(theirs)
    except InvalidOperation:
        return False
