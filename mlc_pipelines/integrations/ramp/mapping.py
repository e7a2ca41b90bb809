"""The dictionary between IFS and Ramp: suppliers and vendors, code strings and codings, invoices and bills."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from mlc_pipelines.accounting.money import InexactAmountError, Money
from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.accounts import Account
from mlc_pipelines.ifs.posting_proposals import PostingLine, SupplierInvoice
from mlc_pipelines.ifs.suppliers import Supplier
from mlc_pipelines.integrations.erp.accounts import company_code
from mlc_pipelines.integrations.erp.voucher_rules import VoucherRules
from mlc_pipelines.integrations.erp.vouchers import debit_row, voucher
from mlc_pipelines.integrations.ramp.models import GL_FIELD

CLASSES: Mapping[str, str] = {
    "asset": "ASSET",
    "assets": "ASSET",
    "liability": "LIABILITY",
    "liabilities": "LIABILITY",
    "revenue": "REVENUE",
    "revenues": "REVENUE",
    "cost": "EXPENSE",
    "costs": "EXPENSE",
    "equity": "EQUITY",
}
ELSEWHERE = "*"


def field_id(part: str) -> str:
    """Name the Ramp field of a code part: B is `ifs-code-part-b`."""
    return f"ifs-code-part-{part.lower()}"


def to_gl_account(account: Account) -> dict[str, str]:
    """Describe an IFS account as a Ramp GL account."""
    return {
        "id": company_code(account.company, account.code),
        "name": account.description or account.code,
        "code": account.code,
        "classification": CLASSES.get((account.kind or "").lower(), "ANY"),
    }


@dataclass(frozen=True, slots=True)
class Words:
    """What a bill's translation looks up. Tables map IFS codes; `*` in a tax table stands for every company."""

    entities: Mapping[str, str]  # company → Ramp entity id
    vendors: Mapping[str, str]  # supplier → Ramp vendor id
    gl_accounts: Mapping[str, str]  # company^account → id, as uploaded
    options: Mapping[str, str]  # company^part^value → id, as uploaded
    accounts: Mapping[str, str] | None = None  # IFS account → account code in Ramp; none: the same codes
    dimensions: Mapping[str, str] = field(default_factory=dict)  # CodeB → name of the field
    tax_accounts: Mapping[str, str] = field(default_factory=dict)  # company → account
    allocations: Mapping[str, str] = field(default_factory=dict)  # CodeB:900 → "210=60 220=40"
    negative_lines: bool = False

    def vendor(self, supplier: str) -> str:
        """Give the vendor of a supplier, or hold the record until there is one."""
        if supplier not in self.vendors:
            raise RecordError(
                f"supplier {supplier} is not a vendor in Ramp; see why it is held in the vendors flow",
                cause=Cause.SUPPLIER_UNKNOWN,
                key=f"vendor:{supplier}",
            )
        return self.vendors[supplier]

    def entity(self, company: str) -> str:
        """Give the entity of a company."""
        if company not in self.entities:
            raise RecordError(
                f"company {company} has no entity in Ramp; name it under ramp.entities in the connection file",
                cause=Cause.ENTITY_UNMAPPED,
                key=f"entity:{company}",
            )
        return self.entities[company]

    def gl_account(self, company: str, account: str) -> str:
        """Give the GL account of an IFS account: by the table where there is one, and only if Ramp has it."""
        code = account
        if self.accounts is not None:
            if account not in self.accounts:
                raise RecordError(
                    f"account {account} of company {company} is not in the account table of the connection; add it",
                    cause=Cause.ACCOUNT_UNMAPPED,
                    key=f"account:{account}",
                )
            code = self.accounts[account]
        named = company_code(company, code)
        if named not in self.gl_accounts:
            raise RecordError(
                f"account {code} of company {company} is not a GL account in Ramp yet; see the gl_accounts flow",
                cause=Cause.ACCOUNT_UNMAPPED,
                key=f"gl_account:{named}",
            )
        return named

    def option(self, company: str, part: str, value: str) -> str:
        """Give the option of a code part value, if Ramp has it."""
        if f"{company}^{part}^{value}" not in self.options:
            raise RecordError(
                f"code part {part} value {value} of company {company} is no option in Ramp yet; see dimensions",
                cause=Cause.DIMENSION_UNMAPPED,
                key=f"option:{company}^{part}^{value}",
            )
        return company_code(company, value)

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


def to_bill(invoice: SupplierInvoice, words: Words) -> dict[str, Any]:
    """Make a Ramp bill of a supplier invoice: every line coded, tax on a line of its own, the total checked.

    Amounts are text in major units with exactly the places of the currency (ISO 4217).
    """
    if invoice.is_credit:
        raise RecordError(
            f"invoice {invoice.number} is a credit note; Ramp takes none as a bill", cause=Cause.CREDIT_NOTE
        )
    lines = [coded for line in invoice.lines for coded in _coded(invoice, line, words)]
    if invoice.vat:
        tax = _money(invoice, invoice.vat)
        _check_sign(invoice, "tax", tax, words)
        account = words.gl_account(invoice.company, words.tax_account(invoice.company))
        lines.append(_line(tax, "VAT", [[GL_FIELD, account]]))
    _check_total(invoice, lines)
    return {
        "vendor_id": words.vendor(invoice.supplier),
        "entity_id": words.entity(invoice.company),
        "invoice_number": invoice.number,
        "currency": invoice.currency,
        "issued_at": invoice.invoice_date.isoformat(),
        "due_at": (invoice.due_date or invoice.invoice_date).isoformat(),
        "memo": f"IFS PO {invoice.po_reference}" if invoice.po_reference else "",
        "lines": lines,
    }


def _coded(invoice: SupplierInvoice, line: PostingLine, words: Words) -> list[dict[str, Any]]:
    money = _money(invoice, line.amount)
    _check_sign(invoice, f"line {line.line_no}", money, words)
    account = words.gl_account(invoice.company, line.account)
    coded = []
    for part_of, parts in _allocated(money, line.parts, words):
        selections = [[GL_FIELD, account]]
        selections += [
            [field_id(part), words.option(invoice.company, part, parts[part])]
            for part in sorted(parts)
            if f"Code{part}" in words.dimensions and parts[part]
        ]
        coded.append(_line(part_of, line.text or "", selections))
    return coded


def _allocated(money: Money, parts: Mapping[str, str], words: Words) -> list[tuple[Money, Mapping[str, str]]]:
    """Split a line by the first cost allocation that a code part value of it names; the last share takes the rest."""
    for part, value in sorted(parts.items()):
        name = f"Code{part}:{value}"
        rule = words.allocations.get(name)
        if rule is not None:
            targets, amounts = _shares(name, rule, money)
            return [(amount, {**parts, part: target}) for amount, target in zip(amounts, targets, strict=True)]
    return [(money, parts)]


def _shares(name: str, rule: str, money: Money) -> tuple[list[str], list[Money]]:
    shares = [share.partition("=") for share in rule.split()]
    try:
        weights = [Decimal(weight if target else "") for target, _, weight in shares]  # "" is no number
        return [target for target, _, _ in shares], money.split(weights)
    except (InvalidOperation, ValueError) as error:
        raise RecordError(
            f"allocation {name} is {rule!r}; write it as values and shares, such as 210=60 220=40",
            cause=Cause.DIMENSION_UNMAPPED,
            key=f"allocation:{name}",
        ) from error


def _check_sign(invoice: SupplierInvoice, what: str, money: Money, words: Words) -> None:
    if money.amount < 0 and not words.negative_lines:
        raise RecordError(
            f"invoice {invoice.number} {what} is negative ({money}); Ramp takes none", cause=Cause.NEGATIVE_LINE
        )


def _line(money: Money, memo: str, selections: Sequence[Sequence[str]]) -> dict[str, Any]:
    return {"amount": money.to_text(), "memo": memo, "selections": selections}


def _money(invoice: SupplierInvoice, amount: Decimal) -> Money:
    try:
        money = Money(amount, invoice.currency)
        money.to_minor_units()
    except InexactAmountError as error:
        raise RecordError(f"invoice {invoice.number}: {error}", cause=Cause.AMOUNT_INEXACT) from error
    except ValueError as error:
        raise RecordError(f"invoice {invoice.number}: {error}", cause=Cause.UNREADABLE) from error
    return money


def _check_total(invoice: SupplierInvoice, lines: Sequence[Mapping[str, Any]]) -> None:
    total = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
    if total != invoice.gross:
        raise RecordError(
            f"invoice {invoice.number}: lines and tax are {total}, the invoice says {invoice.gross} {invoice.currency}",
            cause=Cause.AMOUNT_MISMATCH,
        )


def to_vendor(supplier: Supplier) -> dict[str, Any]:
    """Describe a supplier as a Ramp vendor; what Ramp demands and IFS lacks holds it."""
    country = supplier.country
    lacks = [name for name, value in (("e-mail", supplier.email), ("country", country)) if not value]
    if country == "US" and not supplier.state:
        lacks.append("state (needed for vendors in the US)")
    if lacks:
        raise RecordError(
            f"supplier {supplier.id} {supplier.name} lacks {' and '.join(lacks)}; complete it in IFS",
            cause=Cause.SUPPLIER_INCOMPLETE,
            key=f"supplier:{supplier.id}",
        )
    return {
        "name": supplier.name,
        "country": country,
        "state": supplier.state if country == "US" else None,
        "email": supplier.email,
        "phone": supplier.phone,
        "address": supplier.address,
        "city": supplier.city,
        "zip_code": supplier.zip_code,
        "external_vendor_id": supplier.id,
    }


def to_voucher(
    bill: Mapping[str, Any], company: str, posted: date, rules: VoucherRules, parts: Mapping[str, str]
) -> dict[str, Any]:
    """Make an IFS voucher of an approved bill: a debit per coded line, one credit, both sides equal.

    `parts` names the code part of each Ramp field id. Every row carries the bill's id as its reference.
    """
    number = bill["invoice_number"]
    rows = []
    for line in bill["lines"]:
        account, code_parts = _code_string(line["selections"], company, parts)
        rows.append(debit_row(account, code_parts, Decimal(line["amount"]), line["memo"] or number))
    head = {
        "company": company,
        "voucher_type": rules.voucher_type,
        "user_group": rules.user_group,
        "date": posted.isoformat(),
        "text": f"{bill['vendor_name']} {number}",
        "currency": bill["currency"],
        "reference": bill["id"],
    }
    credited = rules.credit_account_of(company, setting="ramp.vouchers.credit_account")
    return voucher(head, rows, total=Decimal(bill["amount"]), against=(credited, bill["vendor_name"]))


def _code_string(
    selections: Sequence[Sequence[str]], company: str, parts: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    account = ""
    found: dict[str, str] = {}
    for name, option in selections:
        code_company, separator, code = option.partition("^")
        code = code if separator else option
        if separator and code_company != company:
            raise RecordError(
                f"coding {option} is of company {code_company}, the bill of company {company}; correct it in Ramp",
                cause=Cause.ACCOUNT_UNMAPPED,
            )
        if name == GL_FIELD:
            account = code
        elif name in parts:
            found[parts[name]] = code
    if not account:
        raise RecordError("a line of the bill has no GL account; code it in Ramp", cause=Cause.ACCOUNT_UNMAPPED)
    return account, found
