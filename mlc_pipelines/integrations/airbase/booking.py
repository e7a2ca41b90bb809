"""The dictionary between Airbase's charges and IFS vouchers: companies, accounts, code parts, both sides equal."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.airbase.charges import Charge, ChargeLine
from mlc_pipelines.integrations.airbase.mapping import exact, no_currency
from mlc_pipelines.integrations.airbase.settings import PaymentSettings, RequestSettings
from mlc_pipelines.integrations.erp.accounts import company_code
from mlc_pipelines.integrations.erp.voucher_rules import VoucherRules
from mlc_pipelines.integrations.erp.vouchers import debit_row, short_reference, voucher


def request_reference(request_id: str) -> str:
    """Name a request on the rows of its voucher."""
    return short_reference(f"PR-{request_id}")


def payment_reference(payment_id: str) -> str:
    """Name a payment on the rows of its voucher."""
    return short_reference(f"PAY-{payment_id}")


@dataclass(frozen=True, slots=True)
class VoucherWords:
    """What the translation of a charge looks up."""

    companies: Mapping[str, str]  # subsidiary's reference → company
    currencies: Mapping[str, str] | None  # ISO code → the ERP's; none: the same codes
    chart: Container[str]  # company^account, as IFS has them
    accounts: Mapping[str, str] | None = None  # Airbase's reference → IFS account; none: the same codes
    parts: Mapping[str, str] | None = None  # type of tag → letter of the code part
    usual_parts: Mapping[str, str] | None = None  # letter → value, for lines that have none
    links: Mapping[str, str] | None = None  # vendor's id → supplier

    def company(self, charge: Charge) -> str:
        """Give the company of a charge, or hold it until its subsidiary is named."""
        if charge.subsidiary not in self.companies:
            raise RecordError(
                f"{charge.number}: subsidiary {charge.subsidiary or 'without a reference'} is no company of this "
                "connection; name it under airbase.subsidiaries or airbase.foreign_subsidiaries",
                cause=Cause.ENTITY_UNMAPPED,
                key=f"subsidiary:{charge.subsidiary}",
            )
        return self.companies[charge.subsidiary]

    def currency(self, charge: Charge) -> str:
        """Give the ERP's currency: from the charge, else from the row of that ISO code that has a reference."""
        if charge.currency_reference:
            return charge.currency_reference
        if self.currencies is None:
            return charge.currency
        if charge.currency not in self.currencies:
            raise no_currency(charge.currency)
        return self.currencies[charge.currency]

    def account(self, company: str, reference: str, named: str) -> str:
        """Give the IFS account of an account in Airbase, only if IFS has it."""
        code = reference
        if self.accounts is not None:
            if reference not in self.accounts:
                raise RecordError(
                    f"{named}: account {reference} of Airbase is not in the account table of the connection; add it",
                    cause=Cause.ACCOUNT_UNMAPPED,
                    key=f"account_of:{reference}",
                )
            code = self.accounts[reference]
        return self.in_chart(company, code, named)

    def in_chart(self, company: str, code: str, named: str) -> str:
        """Give an IFS account back if the company has it."""
        if company_code(company, code) not in self.chart:
            raise RecordError(
                f"{named}: company {company} has no account {code} in IFS; correct the coding or add the account",
                cause=Cause.ACCOUNT_UNMAPPED,
                key=f"account:{company_code(company, code)}",
            )
        return code

    def code_parts(self, line: ChargeLine) -> dict[str, str]:
        """Give the code parts of a line: the usual ones, over them those that its tags name."""
        known = self.parts or {}
        return dict(self.usual_parts or {}) | {known[kind]: value for kind, value in line.tags if kind in known}

    def supplier(self, charge: Charge) -> str:
        """Give the supplier who is paid; a vendor that is not linked yet holds the charge until it is."""
        supplier = charge.vendor or (self.links or {}).get(charge.vendor_id, "")
        if charge.has_vendor and not supplier:
            raise RecordError(
                f"{charge.number}: vendor {charge.vendor_name or charge.vendor_id} is not linked to a supplier; "
                "make or link the supplier, see the suppliers flow",
                cause=Cause.VENDOR_UNKNOWN,
                key=f"vendor_link:{charge.vendor_id}",
            )
        return supplier


def to_request_voucher(
    charge: Charge, words: VoucherWords, rules: RequestSettings, purchase_types: Mapping[str, str], *, today: date
) -> dict[str, Any]:
    """Make a voucher of an approved request: a debit per line on its account, or on that of the purchase type."""
    company, currency = words.company(charge), words.currency(charge)
    rows = []
    for line in charge.lines:
        account = (
            words.account(company, line.account, charge.number)
            if line.account
            else _of_type(charge, company, words, purchase_types)
        )
        rows.append(_row(charge, line, account, words))
    head = _head(charge, company, currency=currency, rules=rules, reference=request_reference(charge.id), today=today)
    credited = rules.credit_account_of(company, setting="airbase.requests.credit_account")
    return voucher(head, rows, total=charge.total, against=(credited, head["text"])) | {
        "erp_invoice": charge.erp_invoice
    }


def _of_type(charge: Charge, company: str, words: VoucherWords, purchase_types: Mapping[str, str]) -> str:
    """Give the IFS account of a purchase type, for a line that nobody coded."""
    if charge.kind not in purchase_types:
        raise RecordError(
            f"{charge.number}: a line has no account, and purchase type {charge.kind or 'without a name'} has none; "
            "add it to mapping.purchase_types",
            cause=Cause.ACCOUNT_UNMAPPED,
            key=f"purchase_type:{charge.kind}",
        )
    return words.in_chart(company, purchase_types[charge.kind], f"{charge.number} (purchase type {charge.kind})")


def to_payment_voucher(charge: Charge, words: VoucherWords, rules: PaymentSettings, *, today: date) -> dict[str, Any]:
    """Make a voucher of a payment, posted as the settings say of its type."""
    posting = rules.types.get(charge.kind)
    if posting is None:
        raise RecordError(
            f"{charge.number} is of type {charge.kind or 'without a name'}; add the type to airbase.payments.types",
            cause=Cause.ACCOUNT_UNMAPPED,
            key=f"payment_type:{charge.kind}",
        )
    if charge.total < 0 and charge.kind not in rules.credit_types:
        raise RecordError(
            f"{charge.number} is {charge.total} {charge.currency}, and {charge.kind} is no type of credit; "
            "add it to airbase.payments.credit_types if it is one",
            cause=Cause.CREDIT_NOTE,
            key=f"credit_type:{charge.kind}",
        )
    company, currency = words.company(charge), words.currency(charge)
    words.supplier(charge)
    _check_lines(charge)
    head = _head(charge, company, currency=currency, rules=rules, reference=payment_reference(charge.id), today=today)
    if posting == "payable":
        rows = [debit_row(_owed(charge, company, words, rules), {}, charge.total, head["text"])]
    else:
        rows = [
            _row(charge, line, words.account(company, _coded(charge, line), charge.number), words)
            for line in charge.lines
        ]
    exact(charge.total, charge.currency, charge.number)
    against = _other_side(charge, company, words, rules, payable=posting == "payable")
    return voucher(head, rows, total=charge.total, against=(against, head["text"]))


def _coded(charge: Charge, line: ChargeLine) -> str:
    if not line.account:
        raise RecordError(
            f"{charge.number}: line {line.text or line.amount} has no account; code it in Airbase",
            cause=Cause.ACCOUNT_UNMAPPED,
        )
    return line.account


def _check_lines(charge: Charge) -> None:
    summed = sum(line.amount for line in charge.lines)
    if charge.lines and summed != charge.total:
        raise RecordError(
            f"{charge.number}: lines are {summed}, the document says {charge.total} {charge.currency}",
            cause=Cause.AMOUNT_MISMATCH,
        )


def _owed(charge: Charge, company: str, words: VoucherWords, rules: PaymentSettings) -> str:
    if charge.ap_account:
        return words.account(company, charge.ap_account, charge.number)
    owed = rules.owed_on(company)
    if owed is None:
        raise RecordError(
            f"{charge.number} has no AP account, and company {company} has none; add it to "
            "airbase.payments.payable_account",
            cause=Cause.ACCOUNT_UNMAPPED,
            key=f"payable_account:{company}",
        )
    return owed


def _other_side(charge: Charge, company: str, words: VoucherWords, rules: PaymentSettings, *, payable: bool) -> str:
    reference = charge.bank_account or ("" if payable else charge.ap_account)
    if reference:
        return words.account(company, reference, charge.number)
    return rules.credit_account_of(company, setting="airbase.payments.credit_account")


def _row(charge: Charge, line: ChargeLine, account: str, words: VoucherWords) -> dict[str, Any]:
    text = line.text or charge.number
    exact(line.amount, charge.currency, f"{charge.number}: {text}")
    return debit_row(account, words.code_parts(line), line.amount, text)


def _head(
    charge: Charge, company: str, *, currency: str, rules: VoucherRules, reference: str, today: date
) -> dict[str, str]:
    return {
        "company": company,
        "voucher_type": rules.voucher_type,
        "user_group": rules.user_group,
        "date": (charge.dated or today).isoformat(),
        "text": " ".join(part for part in (charge.vendor_name, charge.invoice_number or charge.number) if part),
        "currency": currency,
        "reference": reference,
    }


def inverted(table: Mapping[str, str] | None) -> dict[str, str] | None:
    """Turn a table of IFS codes to Airbase's around; a code that stands for two is left out, it names neither."""
    if table is None:
        return None
    values: Sequence[str] = list(table.values())
    return {value: key for key, value in table.items() if values.count(value) == 1}
