"""The dictionary between Stampli and IFS: invoices become supplier invoices and vouchers, vendors suppliers."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mlc_pipelines.accounting.money import InexactAmountError, Money
from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.erp.vouchers import LONGEST_TEXT, debit_row, voucher
from mlc_pipelines.integrations.stampli.models import Invoice, Vendor, reference_of
from mlc_pipelines.integrations.stampli.settings import StampliSettings
from mlc_pipelines.integrations.stampli.vendors import Match
from mlc_pipelines.integrations.stampli.words import Words

SERIE = "STAMPLI"
Line = dict[str, Any]


def mark_of(key: str, content_hash: str) -> str:
    """Give the word that begins the text of an invoice in IFS: by key and content it is known as ours."""
    return f"{key_mark(key)}:{content_hash[:12]}"


def key_mark(key: str) -> str:
    """Give the part of that word that all contents of one invoice share."""
    return f"{SERIE}:{reference_of(key)}"


def to_document(invoice: Invoice, words: Words, settings: StampliSettings) -> dict[str, Any]:
    """Make the supplier invoice and its voucher: everything is looked up before anything is written."""
    company = words.company(invoice.company)
    words.bookable(company, invoice.posted_on)
    seller = words.vendor(invoice.vendor_id, invoice.vendor_name)
    lines = _coded(invoice, company, words, settings)
    tax, total = _money(invoice, invoice.tax), _money(invoice, invoice.total)
    _settle(invoice, lines, net=(total - tax), settings=settings)
    mark = mark_of(invoice.key, invoice.content_hash())
    kind = "CREDIT" if invoice.total < 0 else invoice.document_type
    head = {
        "company": company,
        "supplier": seller.supplier,
        "number": invoice.number,
        "series": settings.invoice_series,
        "invoice_type": settings.invoice_types[kind],
        "invoice_date": invoice.invoice_date.isoformat(),
        "due_date": _due(invoice, settings).isoformat(),
        "currency": invoice.currency,
        "net": (total - tax).to_text(),
        "vat": tax.to_text(),
        "text": f"{mark} {seller.name} {invoice.number}"[:LONGEST_TEXT],
        "pay_term": words.pay_term(company, invoice.payment_terms),
        "po_reference": invoice.po_number,
        "lines": lines,
    }
    booked = _voucher(invoice, company, seller, lines, words) if settings.vouchers else None
    return {"invoice": head, "voucher": booked}


def _due(invoice: Invoice, settings: StampliSettings) -> date:
    try:
        return invoice.due_date or invoice.invoice_date + timedelta(days=settings.due_days)
    except OverflowError as error:
        problem = f"invoice {invoice.number} is of {invoice.invoice_date}, too late to be due; correct it in Stampli"
        raise RecordError(problem, cause=Cause.UNREADABLE) from error


def _coded(invoice: Invoice, company: str, words: Words, settings: StampliSettings) -> list[Line]:
    on = invoice.posted_on
    lines = []
    for line in invoice.lines:
        wanted = {settings.cost_center_part: line.cost_center} if line.cost_center else {}
        parts = {
            letter: words.code_part(company, letter, word, on) for letter, word in {**wanted, **line.parts}.items()
        }
        account = words.account(company, line.gl_account, on)
        text = line.description or invoice.number
        lines.append(_line(account, parts, _money(invoice, line.amount), text))
    if invoice.freight:
        account = words.charted(company, words.freight_account(company), on)
        lines.append(_line(account, {}, _money(invoice, invoice.freight), "Freight"))
    if not lines:
        raise RecordError(f"invoice {invoice.number} has no lines; code it in Stampli", cause=Cause.UNREADABLE)
    return lines


def _line(account: str, parts: Mapping[str, str], money: Money, text: str) -> Line:
    return {"account": account, "parts": dict(parts), "amount": money.to_text(), "text": text[:LONGEST_TEXT]}


def _settle(invoice: Invoice, lines: Sequence[Line], *, net: Money, settings: StampliSettings) -> None:
    """See that lines and freight are the net amount; a rounding difference goes to the largest line."""
    summed = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
    rest = Money(net.amount - summed, invoice.currency)
    if not rest:
        return
    if abs(rest.to_minor_units()) > settings.tolerance_minor_units:
        raise RecordError(
            f"invoice {invoice.number}: lines and freight are {summed}, with tax of {invoice.tax} that is not the "
            f"total of {invoice.total} {invoice.currency}; correct it in Stampli",
            cause=Cause.AMOUNT_MISMATCH,
        )
    largest = max(lines, key=lambda line: abs(Decimal(line["amount"])))
    largest["amount"] = Money(Decimal(largest["amount"]) + rest.amount, invoice.currency).to_text()


def _voucher(invoice: Invoice, company: str, seller: Match, lines: Sequence[Line], words: Words) -> dict[str, Any]:
    rules = words.vouchers
    credited = words.credit_account(company)
    rows = [debit_row(line["account"], line["parts"], Decimal(line["amount"]), line["text"]) for line in lines]
    if invoice.tax:
        account = words.charted(company, words.tax_account(company), invoice.posted_on)
        rows.append(debit_row(account, {}, _money(invoice, invoice.tax).amount, "Tax"))
    head = {
        "company": company,
        "voucher_type": rules.voucher_type if rules else "",
        "user_group": rules.user_group if rules else "",
        "date": invoice.posted_on.isoformat(),
        "text": f"{seller.name} {invoice.number}",
        "currency": invoice.currency,
        "reference": reference_of(invoice.key),
    }
    period = words.periods.of(company, invoice.posted_on)
    booked = {"year": period.year, "period": period.number} if period is not None else {}
    return voucher(head, rows, total=invoice.total, against=(credited, seller.name)) | booked


def _money(invoice: Invoice, amount: Decimal) -> Money:
    try:
        money = Money(amount, invoice.currency)
        money.to_minor_units()
    except InexactAmountError as error:
        raise RecordError(f"invoice {invoice.number}: {error}", cause=Cause.AMOUNT_INEXACT) from error
    return money


def to_supplier(supplier_id: str, name: str, details: Mapping[str, str], country: str | None) -> dict[str, Any]:
    """Describe a vendor as a supplier to be made; what nobody told is left out."""
    known = {
        field: details.get(field) or None
        for field in ("currency", "email", "phone", "address", "city", "state", "zip_code", "tax_id")
    }
    given = {"id": supplier_id, "name": name, "country": (details.get("country") or country or "").upper() or None}
    return {field: value for field, value in {**given, **known}.items() if value is not None}


def vendor_sides(vendor: Vendor) -> dict[str, str | None]:
    """Give what is compared of a vendor and its supplier."""
    return {"name": vendor.name, "country": vendor.country}
