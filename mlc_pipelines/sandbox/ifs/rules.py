"""What the business logic insists on; a document it does not accept is answered with an ORA-20110 text."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.ifs.answers import business_refusal
from mlc_pipelines.sandbox.ifs.services import CODE_PARTS
from mlc_pipelines.sandbox.ifs.store import Row, Store

CURRENCIES = frozenset({"EUR", "USD", "JPY", "GBP", "CHF", "CZK", "DKK", "CAD"})
VOUCHER_TYPES = frozenset({"M", "K", "I"})
INVOICE_TYPES = frozenset({"SUPPINV", "SUPPCREDIT"})
USER_GROUPS = frozenset({"AC"})
VOUCHER_KEY = ("Company", "VoucherType", "AccountingYear", "VoucherNo")
CENT = Decimal("0.01")


class Rules:
    """Checks and computed attributes of proposals, vouchers and their lines."""

    def __init__(self, store: Store, *, grants: Callable[[str | None], bool]) -> None:
        self._store = store
        self._grants = grants

    def company(self, company: str) -> None:
        """Refuse a company that does not exist or is not granted to the service user."""
        if self._store.find("Company", (company,)) is None or not self._grants(company):
            raise business_refusal(f"Company.NOTALLOWED: Company {company} does not exist or is not allowed.")

    def proposal(self, values: dict[str, Any]) -> None:
        """Check a proposal's header and compute what follows from it."""
        self.company(values["Company"])
        supplier = self._store.find("SupplierInfoGeneral", (values["Identity"],))
        if supplier is None or values["PartyType"] != "Supplier":
            raise business_refusal(f"Identity.NOTEXIST: Supplier {values['Identity']} does not exist.")
        if values["InvoiceType"] not in INVOICE_TYPES:
            raise business_refusal(f"InvoiceType.NOTEXIST: Invoice type {values['InvoiceType']} does not exist.")
        self._currency(values["Currency"])
        term = values.get("PayTermId")
        if term is not None and self._store.find("PaymentTerm", (values["Company"], term)) is None:
            raise business_refusal(f"PaymentTerm.NOTEXIST: Payment term {term} does not exist.")
        net, vat, rate = values["NetCurrAmount"], values["VatCurrAmount"], values.get("CurrRate") or Decimal(1)
        values["GrossAmount"] = net + vat
        values["NetDomAmount"] = (net * rate).quantize(CENT)
        values["VatDomAmount"] = (vat * rate).quantize(CENT)

    def proposal_balance(self, head: Row) -> None:
        """Compare a proposal's lines with its net amount; it is balanced when nothing is left."""
        wanted = {name: head.values[name] for name in ("Company", "InvoiceId")}
        lines = self._store.matching("PostingProposalLine", wanted)
        coded = sum((line.values["CurrencyAmount"] for line in lines), Decimal(0))
        balance, state = head.values["NetCurrAmount"] - coded, head.values["Objstate"]
        if state != "Cancelled":
            state = "Balanced" if lines and balance == 0 else "Preliminary"
        self._store.correct(head, {"Balance": balance, "Objstate": state})

    def code_string(self, values: dict[str, Any], *, company: str, on: date) -> None:
        """Refuse an account or code part that does not exist or is not valid on the day."""
        self._code("Account", "Account", values["Account"], company=company, on=on)
        for letter in CODE_PARTS:
            code = values.get(f"Code{letter}")
            if code is not None:
                self._code(f"Code{letter}", f"Code part {letter}", code, company=company, on=on)

    def voucher(self, values: dict[str, Any]) -> None:
        """Check a voucher's header: company, type, user group, and an open period that holds its date."""
        self.company(values["Company"])
        if values["VoucherType"] not in VOUCHER_TYPES:
            raise business_refusal(f"VoucherType.NOTEXIST: Voucher type {values['VoucherType']} does not exist.")
        if values["UserGroup"] not in USER_GROUPS:
            raise business_refusal(f"UserGroup.NOTEXIST: User group {values['UserGroup']} does not exist.")
        key = (values["Company"], values["AccountingYear"], values["AccountingPeriod"])
        period = self._store.find("AccountingPeriod", key)
        if period is None:
            raise business_refusal(f"AccountingPeriod.NOTEXIST: Period {key[1]} {key[2]} does not exist.")
        if not period.values["DateFrom"] <= values["VoucherDate"] <= period.values["DateUntil"]:
            raise business_refusal(f"Voucher.WRONGPERIOD: {values['VoucherDate']} is not in period {key[1]} {key[2]}.")
        if period.values["PeriodStatus"] != "Open":
            raise business_refusal(f"AccountingPeriod.CLOSED: Period {key[1]} {key[2]} is closed in {key[0]}.")

    def voucher_row(self, values: dict[str, Any], *, voucher: Row) -> None:
        """Check a voucher's row and compute its base amounts."""
        self.code_string(values, company=voucher.values["Company"], on=voucher.values["VoucherDate"])
        self._currency(values["CurrencyCode"])
        debet, credit = values.get("CurrencyDebetAmount"), values.get("CurrencyCreditAmount")
        amount = values.get("CurrencyAmount")
        if debet is None and credit is None and amount is None:
            raise business_refusal("VoucherRow.NOAMOUNT: A row needs a debit or a credit amount.")
        if debet and credit:
            raise business_refusal("VoucherRow.BOTHSIDES: A row cannot have a debit and a credit amount.")
        if debet is not None or credit is not None:
            computed = (debet or Decimal(0)) - (credit or Decimal(0))
            if amount is not None and amount != computed:
                raise business_refusal("VoucherRow.AMOUNTDIFF: The amount is not debit less credit.")
            values["CurrencyAmount"] = amount = computed
        base = ((amount or Decimal(0)) * (values.get("CurrencyRate") or Decimal(1))).quantize(CENT)
        if values.get("Amount") is None:
            debit_base, credit_base = values.get("DebetAmount"), values.get("CreditAmount")
            known = debit_base is not None or credit_base is not None
            values["Amount"] = (debit_base or Decimal(0)) - (credit_base or Decimal(0)) if known else base
            if not known:
                values["DebetAmount" if base >= 0 else "CreditAmount"] = abs(base)

    def difference(self, voucher: Row) -> str | None:
        """Say why a voucher does not balance, per currency and in the company's currency; None when it does."""
        rows = self.voucher_rows(voucher)
        if not rows:
            return "it has no rows"
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for row in rows:
            sums[row.values["CurrencyCode"]] += row.values["CurrencyAmount"]
            sums["base currency"] += row.values["Amount"]
        open_sums = [f"{amount} {currency}" for currency, amount in sums.items() if amount]
        return f"{', '.join(open_sums)} left" if open_sums else None

    def voucher_rows(self, voucher: Row) -> list[Row]:
        """Return a voucher's rows."""
        return self._store.matching("VoucherRow", {name: voucher.values[name] for name in VOUCHER_KEY})

    def _code(self, table: str, kind: str, code: str, *, company: str, on: date) -> None:
        row = self._store.find(table, (company, code))
        if row is None:
            raise business_refusal(f"{table}.NOTEXIST: {kind} {code} does not exist in company {company}.")
        if not row.values["ValidFrom"] <= on <= row.values["ValidUntil"]:
            raise business_refusal(f"{table}.NOTVALID: {kind} {code} is not valid on {on} in company {company}.")

    def _currency(self, currency: str) -> None:
        if currency not in CURRENCIES:
            raise business_refusal(f"CurrencyCode.NOTEXIST: Currency {currency} does not exist.")
