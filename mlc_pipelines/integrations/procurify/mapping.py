"""The dictionary between Procurify and IFS: bills become supplier invoices and vouchers, vendors suppliers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from mlc_pipelines.accounting.money import Money
from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.erp.suppliers import born_id
from mlc_pipelines.integrations.erp.vouchers import LONGEST_TEXT, debit_row, voucher
from mlc_pipelines.integrations.procurify.amounts import rounded, spread, stated
from mlc_pipelines.integrations.procurify.matching import plain
from mlc_pipelines.integrations.procurify.models import Allocation, Bill, Vendor
from mlc_pipelines.integrations.procurify.settings import ProcurifySettings
from mlc_pipelines.integrations.procurify.words import Words

SERIE = "PROCURIFY"
LONGEST_ORDERS = 50
Line = dict[str, Any]


def bill_mark(bill_id: str) -> str:
    """Give the word in an invoice's text that all contents of one bill share."""
    return f"{SERIE}:{bill_id}:"


def bill_of(text: str | None) -> str | None:
    """Read the bill's id back from the text of an invoice; None for an invoice that is not ours."""
    serie, _, rest = (text or "").partition(":")
    bill_id, colon, _ = rest.partition(":")
    return bill_id if serie == SERIE and colon and bill_id else None


def invoice_number(bill: Bill) -> str:
    """Give the invoice number as it is compared and booked; a bill without one is known by its own id."""
    return plain(bill.label)


@dataclass(frozen=True, slots=True)
class Coded:
    """A bill with everything looked up: lines, tax postings, and where approver and charged department differ."""

    company: str
    supplier: str
    lines: Sequence[Line]
    taxes: Sequence[Line]
    net: Money
    tax: Money
    total: Money
    invoiced: date
    posted: date
    notes: Mapping[str, str]


def to_document(bill: Bill, company: str, words: Words, settings: ProcurifySettings, *, content: str) -> dict[str, Any]:
    """Make the supplier invoice and its voucher; all is looked up and added up before anything is written.

    `content` is the fingerprint of the bill: by it an invoice is known as one of this very content.
    """
    coded = code(bill, company, words, settings)
    number = invoice_number(bill)
    mark = f"{bill_mark(bill.id)}{content[:12]}"
    head = {
        "company": company,
        "supplier": coded.supplier,
        "number": number,
        "series": settings.invoice_series,
        "invoice_type": settings.credit_type if coded.total.amount < 0 else settings.invoice_type,
        "invoice_date": coded.invoiced.isoformat(),
        "due_date": (bill.due_date or coded.invoiced).isoformat(),
        "currency": bill.currency,
        "net": coded.net.to_text(),
        "vat": coded.tax.to_text(),
        "text": f"{mark} {bill.vendor_name} {number}"[:LONGEST_TEXT],
        "pay_term": words.pay_term(company, bill.terms),
        "po_reference": _order_reference(bill.orders),
        "lines": list(coded.lines),
    }
    booked = _voucher(bill, coded, words) if words.vouchers else None
    return {"invoice": head, "voucher": booked, "notes": dict(coded.notes), "as_typed": bill.number}


def code(bill: Bill, company: str, words: Words, settings: ProcurifySettings) -> Coded:
    """Look up all words of a bill and see that it adds up."""
    invoiced = bill.invoice_date
    if invoiced is None:
        raise RecordError(f"bill {bill.label} has no invoice date; enter it in Procurify", cause=Cause.UNREADABLE)
    if bill.vendor_id is None:
        raise RecordError(f"bill {bill.label} names no vendor; enter it in Procurify", cause=Cause.VENDOR_UNKNOWN)
    total = _total(bill)
    if total.amount < 0 and settings.credit_notes == "hold":
        raise RecordError(f"bill {bill.label} is a credit note of {total}; enter it in IFS", cause=Cause.CREDIT_NOTE)
    if bill.uncoded or not bill.allocations:
        lacking = ", ".join(bill.uncoded[:3]) or "the bill"
        raise RecordError(
            f"bill {bill.label}: {lacking} has no cost allocation; code it in Procurify", cause=Cause.ACCOUNT_UNMAPPED
        )
    supplier = words.supplier(bill.vendor_id)
    posted = bill.posting_date or invoiced
    taxes = _taxes(bill, settings)
    shipping = stated(bill.shipping, bill.currency, what=f"bill {bill.label}: shipping")
    tax = Money(sum((amount.amount for _, amount in taxes), Decimal(0)), bill.currency)
    amounts = _amounts(bill, total - tax - shipping, tax=tax, shipping=shipping, total=total)
    lines = _lines(bill, amounts, company, words, on=posted, approver=settings.cost_center_source == "approver")
    if shipping:
        lines.append(_line(words.shipping_account(company, posted), {}, shipping, "Shipping"))
    if not lines:
        raise RecordError(f"bill {bill.label} is about no money; withdraw it in Procurify", cause=Cause.AMOUNT_MISMATCH)
    postings = [_line(words.tax_account(company, name, posted), {}, amount, name or "Tax") for name, amount in taxes]
    notes = _notes(bill, company, words, posted)
    return Coded(company, supplier, lines, postings, total - tax, tax, total, invoiced, posted, notes)


def _total(bill: Bill) -> Money:
    try:
        return stated(bill.total, bill.currency, what=f"bill {bill.label}: the total")
    except ValueError as error:
        raise RecordError(f"bill {bill.label}: {error}", cause=Cause.UNREADABLE) from error


def _taxes(bill: Bill, settings: ProcurifySettings) -> list[tuple[str, Money]]:
    """Give the tax that is posted on its own, by name; what the lines do not explain goes to the largest."""
    apart = settings.inclusive_tax == "apart"
    wanted = bill.tax + (bill.inclusive_tax if apart else Decimal(0))
    found: dict[str, Decimal] = {}
    for tax in bill.taxes:
        if apart or not tax.inclusive:
            found[tax.name] = found.get(tax.name, Decimal(0)) + tax.amount
    whole = stated(wanted, bill.currency, what=f"bill {bill.label}: tax")
    if not found and whole:
        return [("", whole)]
    try:
        parts = spread(list(found.values()), whole)
    except ValueError as error:
        raise _does_not_add_up(
            bill, f"taxes of the lines are {error} {bill.currency} off the tax of {whole}"
        ) from error
    return [(name, part) for name, part in zip(found, parts, strict=True) if part]


def _amounts(bill: Bill, net: Money, *, tax: Money, shipping: Money, total: Money) -> list[Money]:
    try:
        return spread([each.amount for each in bill.allocations], net)
    except ValueError as error:
        raise _does_not_add_up(
            bill,
            f"allocations with tax of {tax} and shipping of {shipping} are {error} {bill.currency} "
            f"off the total of {total}",
        ) from error


def _does_not_add_up(bill: Bill, how: str) -> RecordError:
    return RecordError(f"bill {bill.label}: {how}; correct it in Procurify", cause=Cause.AMOUNT_MISMATCH)


def _lines(bill: Bill, amounts: Sequence[Money], company: str, words: Words, *, on: date, approver: bool) -> list[Line]:
    lines = []
    for allocation, amount in zip(bill.allocations, amounts, strict=True):
        if not allocation.account:
            raise RecordError(
                f"bill {bill.label}: {allocation.text or 'a line'} has no account code; code it in Procurify",
                cause=Cause.ACCOUNT_UNMAPPED,
            )
        account = words.account(company, allocation.account, on)
        # Without an approver (automatic approval, deleted user) the charged department is what is left to go by.
        department = (bill.approver if approver else None) or allocation.department
        parts = {words.part: words.cost_center(company, department, on)} if department else {}
        if amount:
            lines.append(_line(account, parts, amount, allocation.text or bill.label))
    return lines


def _line(account: str, parts: Mapping[str, str], amount: Money, text: str) -> Line:
    return {"account": account, "parts": dict(parts), "amount": amount.to_text(), "text": text[:LONGEST_TEXT]}


def _notes(bill: Bill, company: str, words: Words, on: date) -> dict[str, str]:
    """Say what the trail should know: who was charged by whom, and what is known of the orders."""
    notes = {}
    differ = [each for each in bill.allocations if _differs(bill, each, company, words, on)]
    if differ:
        notes["cost_center_differs"] = f"{len(differ)} of {len(bill.allocations)} allocations"
    if bill.orders:
        unknown = [number for number in bill.orders if number not in words.orders]
        other = [
            number for number in bill.orders
            if number in words.orders and words.orders[number].split("^")[0] != bill.vendor_id
        ]  # fmt: skip
        said = [f"{', '.join(numbers)} {what}" for numbers, what in
                ((unknown, "not among the orders read"), (other, "of another vendor")) if numbers]  # fmt: skip
        notes["orders"] = "; ".join(said) or f"{', '.join(bill.orders)} known"
    return notes


def _differs(bill: Bill, allocation: Allocation, company: str, words: Words, on: date) -> bool:
    if bill.approver is None or allocation.department is None:
        return False
    try:
        ours, charged = (words.cost_center(company, each, on) for each in (bill.approver, allocation.department))
    except RecordError:
        return bill.approver.key != allocation.department.key
    return ours != charged


def _order_reference(orders: Sequence[str]) -> str | None:
    """Name the orders of a bill, as many whole numbers as fit."""
    named = ""
    for number in orders:
        longer = f"{named}, {number}" if named else number
        if len(longer) > LONGEST_ORDERS:
            break
        named = longer
    return named or None


def _voucher(bill: Bill, coded: Coded, words: Words) -> dict[str, Any]:
    rules = words.vouchers
    rows = [debit_row(line["account"], line["parts"], Decimal(line["amount"]), line["text"]) for line in
            (*coded.lines, *coded.taxes)]  # fmt: skip
    head = {
        "company": coded.company,
        "voucher_type": rules.voucher_type if rules else "",
        "user_group": rules.user_group if rules else "",
        "date": coded.posted.isoformat(),
        "text": f"{bill.vendor_name} {invoice_number(bill)}",
        "currency": bill.currency,
        "reference": bill.id,
    }
    against = (words.credit_account(coded.company), bill.vendor_name)
    return voucher(head, rows, total=coded.total.amount, against=against)


def shown_total(bill: Bill) -> Money | None:
    """Give the total as the ledger shows it, rounded; None where the currency is unknown."""
    try:
        return rounded(bill.total, bill.currency)
    except ValueError:
        return None


def to_supplier(vendor: Vendor, *, country: str | None, currency: str | None) -> dict[str, Any]:
    """Describe a vendor as a supplier to be made; what nobody told is left out."""
    lacks = [name for name, value in (("name", vendor.name), ("country", country)) if not value]
    if lacks:
        raise RecordError(
            f"vendor {vendor.name or vendor.id} lacks {' and '.join(lacks)} ({vendor.country or 'no country'}); "
            "complete it in Procurify, or add the country to mapping.countries",
            cause=Cause.SUPPLIER_INCOMPLETE,
            key=f"country:{vendor.country}",
        )
    told = {
        "id": born_id("P", vendor.id),
        "name": vendor.name,
        "country": country,
        "currency": currency,
        "tax_id": vendor.tax_number,
        "email": vendor.email,
        "phone": vendor.phone,
        "address": vendor.address,
        "city": vendor.city,
        "state": vendor.state,
        "zip_code": vendor.zip_code,
    }
    return {name: value for name, value in told.items() if value is not None}
