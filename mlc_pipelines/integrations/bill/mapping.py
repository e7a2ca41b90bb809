"""The dictionary between IFS and BILL: suppliers and vendors, invoices and bills."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from mlc_pipelines.accounting.money import InexactAmountError, Money
from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.posting_proposals import PostingLine, SupplierInvoice
from mlc_pipelines.ifs.suppliers import Supplier
from mlc_pipelines.integrations.bill.matching import account_number
from mlc_pipelines.integrations.bill.models import CHART_FIELD, LINE_FIELDS, Vendor
from mlc_pipelines.integrations.bill.settings import BillSettings
from mlc_pipelines.integrations.erp.accounts import company_code

ELSEWHERE = "*"
UNREADABLE = "no readable currency"
"""The word for a vendor that cannot be read or is not there: no invoice is in it, so each of its invoices waits."""

_MARK = re.compile(r"IFS (\S+\^\d+)(?=;|$)")
_ORDERS = re.compile(r"[,;\s]+")


def mark(key: str) -> str:
    """Write an invoice's key as a bill's description begins: `IFS 10^1001`. By it our bills are known in BILL."""
    return f"IFS {key}"


def marked(description: str | None) -> str | None:
    """Read the key of the invoice from a bill's description; None for a bill that is not ours."""
    found = _MARK.match(description or "")
    return found[1] if found else None


# Suppliers and vendors


def short_name(supplier_id: str) -> str:
    """Write a supplier's id where people see it; never into `accountNumber`, which is printed on payments."""
    return f"IFS-{supplier_id}"


def to_vendor(supplier: Supplier, home_currency: str) -> dict[str, Any]:
    """Describe a supplier as a vendor; what BILL demands and IFS lacks holds it."""
    demanded = {
        "address": supplier.address,
        "city": supplier.city,
        "zip code": supplier.zip_code,
        "country": supplier.country,
    }
    lacks = [name for name, value in demanded.items() if not value]
    if lacks:
        raise RecordError(
            f"supplier {supplier.id} {supplier.name} lacks {' and '.join(lacks)}; complete it in IFS",
            cause=Cause.SUPPLIER_INCOMPLETE,
            key=f"supplier:{supplier.id}",
        )
    address = {
        "line1": supplier.address,
        "city": supplier.city,
        "stateOrProvince": supplier.state or None,
        "zipOrPostalCode": supplier.zip_code,
        "country": supplier.country,
    }
    vendor = {
        "name": supplier.name,
        "shortName": short_name(supplier.id),
        "accountType": "BUSINESS",
        "address": _given(address),
        "email": supplier.email or None,
        "phone": supplier.phone or None,
        "billCurrency": supplier.currency or home_currency,
    }
    return _given(vendor)


def to_supplier(vendor: Vendor, supplier_id: str) -> dict[str, str]:
    """Describe a vendor born in BILL as a new supplier."""
    if not vendor.name or not vendor.address.country:
        raise RecordError(
            f"vendor {vendor.id} has no name or country; complete it in BILL", cause=Cause.SUPPLIER_INCOMPLETE
        )
    where = vendor.address
    born = {
        "id": supplier_id,
        "name": vendor.name,
        "country": where.country,
        "currency": vendor.bill_currency,
        "email": vendor.email,
        "phone": vendor.phone,
        "address": where.line1,
        "city": where.city,
        "state": where.state_or_province,
        "zip_code": where.zip_or_postal_code,
    }
    return {name: value for name, value in born.items() if value}


def differing(vendor: Vendor, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of a payload that a vendor has otherwise; what IFS lacks is no difference."""
    there: dict[str, Any] = {"name": vendor.name, "email": vendor.email, "phone": vendor.phone}
    differs = {name: payload[name] for name, value in there.items() if payload.get(name) and payload[name] != value}
    address = {
        "line1": vendor.address.line1,
        "city": vendor.address.city,
        "stateOrProvince": vendor.address.state_or_province,
        "zipOrPostalCode": vendor.address.zip_or_postal_code,
        "country": vendor.address.country,
    }
    if any(address[name] != value for name, value in payload["address"].items()):
        differs["address"] = payload["address"]
    return differs


def changes(vendor: Vendor, payload: Mapping[str, Any], settings: BillSettings) -> dict[str, Any]:
    """Give what is to be changed on a vendor; a field that is to be held for a person holds the record."""
    differs = differing(vendor, payload)
    held = sorted(name for name in differs if settings.authority(name) == "hold")
    if held:
        raise RecordError(
            f"vendor {vendor.id} {vendor.name} and its supplier differ in {', '.join(held)}; make them agree",
            cause=Cause.VENDOR_CONFLICT,
        )
    return {name: value for name, value in differs.items() if settings.authority(name) == "ifs"}


# Invoices and bills


@dataclass(frozen=True, slots=True)
class Words:
    """What a bill's translation looks up. Tables map IFS codes; `*` in a tax table stands for every company."""

    settings: BillSettings
    vendors: Mapping[str, str] = field(default_factory=dict)  # supplier → vendor id
    currencies: Mapping[str, str] = field(default_factory=dict)  # vendor id → currency it is billed in
    chart: Mapping[str, str] = field(default_factory=dict)  # company^account → id in BILL's chart
    numbers: Mapping[str, str] = field(default_factory=dict)  # number in BILL's chart → id
    classes: Mapping[str, str] = field(default_factory=dict)  # company^part^value → id of its classification
    accounts: Mapping[str, str] | None = None  # IFS account → account number in BILL; none: the same numbers
    dimensions: Mapping[str, str] = field(default_factory=dict)  # CodeB → class, department or location
    tax_accounts: Mapping[str, str] = field(default_factory=dict)  # company → account

    def vendor(self, supplier: str, currency: str) -> str:
        """Give the vendor of a supplier, if it is billed in the currency; the currency of a bill is its vendor's."""
        if supplier not in self.vendors:
            raise RecordError(
                f"supplier {supplier} is not a vendor in BILL; see why it is held in the vendors flow",
                cause=Cause.SUPPLIER_UNKNOWN,
                key=f"vendor:{supplier}",
            )
        vendor = self.vendors[supplier]
        billed = self.currencies.get(vendor, UNREADABLE)
        if billed != currency:
            raise RecordError(
                f"the invoice is in {currency}, and vendor {vendor} of supplier {supplier} is billed in {billed}; "
                "enter the bill by hand, or change the vendor's currency in BILL",
                cause=Cause.VENDOR_CONFLICT,
                key=f"vendor_currency:{vendor}",
            )
        return vendor

    def account(self, company: str, account: str) -> str:
        """Give the id of an account in BILL's chart."""
        number = account_number(account, self.accounts)
        if number is None:
            raise RecordError(
                f"account {account} of company {company} is not in the account table of the connection; add it",
                cause=Cause.ACCOUNT_UNMAPPED,
                key=f"account:{account}",
            )
        named = company_code(company, account)
        if named not in self.chart:
            raise RecordError(
                f"account {account} of company {company} is not in BILL's chart of accounts; see that flow",
                cause=Cause.ACCOUNT_UNMAPPED,
                key=f"bill_account:{named}",
            )
        return self._numbered(account, number, self.chart[named])

    def _numbered(self, account: str, number: str, bound: str) -> str:
        """Give the account that the table means now; what was bound may have the number that it meant before."""
        if self.accounts is None or self.numbers.get(number) == bound or bound not in set(self.numbers.values()):
            return bound
        if number not in self.numbers:
            raise RecordError(
                f"account {account} is {number} by the account table, and BILL's chart has no {number}; make it there",
                cause=Cause.ACCOUNT_UNMAPPED,
                key=f"account_number:{number}",
            )
        return self.numbers[number]

    def classified(self, company: str, parts: Mapping[str, str]) -> dict[str, str]:
        """Give the classifications of the mapped code parts of a line."""
        found = {}
        for part, value in sorted(parts.items()):
            kind = self.dimensions.get(f"Code{part}")
            if kind is None or not value:
                continue
            named = f"{company}^{part}^{value}"
            if named not in self.classes:
                raise RecordError(
                    f"code part {part} value {value} of company {company} is no {kind} in BILL yet; see dimensions",
                    cause=Cause.DIMENSION_UNMAPPED,
                    key=f"bill_dimension:{named}",
                )
            found[LINE_FIELDS[kind]] = self.classes[named]
        return found

    def tax_account_of(self, company: str) -> str | None:
        """Look up the account that tax is coded to: the company's own, else the one for every company."""
        return self.tax_accounts.get(company) or self.tax_accounts.get(ELSEWHERE)

    def tax_account(self, company: str) -> str:
        """Give the account that tax is coded to, or hold the record until there is one."""
        account = self.tax_account_of(company)
        if account is None:
            raise RecordError(
                f"company {company} has no tax account; add it to mapping.tax_accounts of the connection",
                cause=Cause.TAX_UNMAPPED,
                key=f"tax_account:{company}",
            )
        return account


def to_bill(invoice: SupplierInvoice, key: str, words: Words) -> dict[str, Any]:
    """Make a bill of a supplier invoice: every line coded, tax on a line of its own, the total checked.

    Amounts are text in major units with exactly the places of the currency (ISO 4217).
    """
    if invoice.is_credit:
        raise RecordError(
            f"invoice {invoice.number} is a credit note; no way to give one to BILL is known", cause=Cause.CREDIT_NOTE
        )
    lines = [_coded(invoice, line, words) for line in invoice.lines]
    if invoice.vat:
        account = words.account(invoice.company, words.tax_account(invoice.company))
        lines.append(_line(_money(invoice, invoice.vat, "tax", words), "VAT", {CHART_FIELD: account}))
    total = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
    if total != invoice.gross:
        raise RecordError(
            f"invoice {invoice.number}: lines and tax are {total}, the invoice says {invoice.gross} {invoice.currency}",
            cause=Cause.AMOUNT_MISMATCH,
        )
    return {
        "vendor_id": words.vendor(invoice.supplier, invoice.currency),
        "invoice_number": invoice.number,
        "invoice_date": invoice.invoice_date.isoformat(),
        "due_date": (invoice.due_date or invoice.invoice_date).isoformat(),
        "currency": invoice.currency,
        **_orders(invoice.po_reference, key, words.settings),
        "lines": lines,
    }


def _orders(reference: str | None, key: str, settings: BillSettings) -> dict[str, str]:
    """Write the orders: their numbers where BILL has a field, all with their lines in the description.

    BILL has no purchase orders, only a text on the bill. `P-4711/2/1` is line 2, release 1 of order P-4711.
    """
    named = [part for part in _ORDERS.split(reference or "") if part]
    numbers = ""
    for number in dict.fromkeys(part.split("/", 1)[0] for part in named):
        longer = f"{numbers}, {number}" if numbers else number
        if len(longer) > settings.purchase_order_length:
            break
        numbers = longer
    description = f"{mark(key)}; PO {', '.join(named)}" if named else mark(key)
    return {"description": description[: settings.description_length], "purchase_order_number": numbers}


def _coded(invoice: SupplierInvoice, line: PostingLine, words: Words) -> dict[str, Any]:
    money = _money(invoice, line.amount, f"line {line.line_no}", words)
    coding = {CHART_FIELD: words.account(invoice.company, line.account)}
    return _line(money, line.text or "", coding | words.classified(invoice.company, line.parts))


def _line(money: Money, description: str, coding: Mapping[str, str]) -> dict[str, Any]:
    return {"amount": money.to_text(), "description": description, "classifications": dict(coding)}


def _money(invoice: SupplierInvoice, amount: Decimal, what: str, words: Words) -> Money:
    try:
        money = Money(amount, invoice.currency)
        money.to_minor_units()
    except InexactAmountError as error:
        raise RecordError(f"invoice {invoice.number}: {error}", cause=Cause.AMOUNT_INEXACT) from error
    except ValueError as error:
        raise RecordError(f"invoice {invoice.number}: {error}", cause=Cause.UNREADABLE) from error
    if money.amount < 0 and not words.settings.negative_lines:
        raise RecordError(
            f"invoice {invoice.number} {what} is negative ({money}); whether BILL takes it is not known: "
            "set bill.negative_lines if it does",
            cause=Cause.NEGATIVE_LINE,
        )
    return money


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
