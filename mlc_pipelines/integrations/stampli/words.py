"""What the translation of an invoice looks up: company, vendor, account, code parts, period, and the tables beside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.accounts import Account
from mlc_pipelines.ifs.code_parts import CodePartValue
from mlc_pipelines.integrations.erp.accounts import company_code
from mlc_pipelines.integrations.erp.voucher_rules import EVERY_COMPANY, VoucherRules
from mlc_pipelines.integrations.stampli.feeds import InvoiceFeed, Status
from mlc_pipelines.integrations.stampli.models import status_of
from mlc_pipelines.integrations.stampli.periods import OpenDays
from mlc_pipelines.integrations.stampli.values import normalised
from mlc_pipelines.integrations.stampli.vendors import Match, Vendors

Table = Mapping[str, str]
NOBODY_ASKED = OpenDays()


@dataclass(frozen=True, slots=True)
class Words:
    """Words of both sides. A look-up gives the word, or holds the record under a key that `has` answers later."""

    own: tuple[str, ...]
    feed: InvoiceFeed
    vendors: Vendors
    chart: Mapping[str, Account]
    code_values: Mapping[str, CodePartValue]
    periods: OpenDays = NOBODY_ASKED
    vouchers: VoucherRules | None = None
    companies: Table = field(default_factory=dict)
    accounts: Table = field(default_factory=dict)
    cost_centers: Table = field(default_factory=dict)
    tax_accounts: Table = field(default_factory=dict)
    freight_accounts: Table = field(default_factory=dict)
    payment_terms: Table = field(default_factory=dict)

    def status(self, word: str) -> Status:
        """Give the status that a word stands for."""
        found = status_of(word, self.feed)
        if found is None:
            raise RecordError(
                f"status {word!r} is not in the status map; add it to stampli.feeds.invoices.status_map",
                cause=Cause.UNREADABLE,
                key=f"status:{normalised(word)}",
            )
        return found

    def company(self, word: str) -> str:
        """Give the company of IFS that a file's company stands for."""
        company = self.companies.get(word, word)
        if company not in self.own:
            raise RecordError(
                f"company {word} is no company of this connection; add it to mapping.companies, or to companies",
                cause=Cause.ENTITY_UNMAPPED,
                key=f"company:{word}",
            )
        return company

    def vendor(self, vendor_id: str | None, name: str | None) -> Match:
        """Give the supplier of a vendor."""
        return self.vendors.match(vendor_id, name)

    def account(self, company: str, word: str, on: date) -> str:
        """Give the account of a file's account."""
        code = self.accounts.get(company_code(company, word)) or self.accounts.get(word) or word
        return self.charted(company, code, on)

    def charted(self, company: str, code: str, on: date) -> str:
        """Give an account back that is in the chart of accounts and valid on the day."""
        account = self.chart.get(company_code(company, code))
        if account is None or not account.is_valid_on(on):
            why = "is not in the chart of accounts" if account is None else f"is not valid on {on}"
            raise RecordError(
                f"account {code} of company {company} {why}",
                cause=Cause.ACCOUNT_UNMAPPED,
                key=f"account:{company}^{code}^{on}",
            )
        return code

    def code_part(self, company: str, letter: str, word: str, on: date) -> str:
        """Give the code part value of a file's cost center or dimension."""
        table = self.cost_centers
        code = table.get(f"{letter}^{word}") or table.get(company_code(company, word)) or table.get(word) or word
        value = self.code_values.get(f"{company}^{letter}^{code}")
        if value is None or not value.is_valid_on(on):
            why = "is not in IFS" if value is None else f"is not valid on {on}"
            raise RecordError(
                f"code part {letter} value {code} of company {company} {why}",
                cause=Cause.DIMENSION_UNMAPPED,
                key=f"code_part:{company}^{letter}^{word}^{on}",
            )
        return code

    def bookable(self, company: str, on: date) -> date:
        """Give a day back that lies in an open period."""
        if not self.periods.is_open(company, on):
            raise RecordError(
                f"no open accounting period of company {company} holds {on}; open it, or change the date in Stampli",
                cause=Cause.PERIOD_CLOSED,
                key=f"period:{company}^{on}",
            )
        return on

    def tax_account(self, company: str) -> str:
        """Give the account of a company's tax."""
        return _of_company(self.tax_accounts, company, "tax", Cause.TAX_UNMAPPED)

    def freight_account(self, company: str) -> str:
        """Give the account of a company's freight."""
        return _of_company(self.freight_accounts, company, "freight", Cause.ACCOUNT_UNMAPPED)

    def credit_account(self, company: str) -> str:
        """Give the account that vouchers of a company are credited to."""
        rules = self.vouchers
        return rules.credit_account_of(company, setting="stampli.vouchers.credit_account") if rules else ""

    def pay_term(self, company: str, word: str | None) -> str | None:
        """Give the payment term, where the table has one: due dates of a file are weak evidence of terms."""
        table = self.payment_terms
        return (table.get(company_code(company, word)) or table.get(word)) if word else None

    def has(self, kind: str, key: str) -> bool:
        """Tell whether a look-up that held records before would succeed now."""
        look = _LOOKUPS.get(kind)
        if look is None:
            return False
        try:
            look(self, key)
        except (RecordError, ValueError):
            return False
        return True


def _of_company(table: Table, company: str, what: str, cause: Cause) -> str:
    account = table.get(company) or table.get(EVERY_COMPANY)
    if account is None:
        raise RecordError(
            f"company {company} has no {what} account; add it to mapping.{what}_accounts of the connection",
            cause=cause,
            key=f"{what}_account:{company}",
        )
    return account


def _account(words: Words, key: str) -> object:
    company, word, on = _parts(key, 3)
    return words.charted(company, word, date.fromisoformat(on))


def _code_part(words: Words, key: str) -> object:
    company, letter, word, on = _parts(key, 4)
    return words.code_part(company, letter, word, date.fromisoformat(on))


def _period(words: Words, key: str) -> object:
    company, on = _parts(key, 2)
    return words.bookable(company, date.fromisoformat(on))


def _vendor(words: Words, key: str) -> object:
    vendor_id, _, name = key.partition("|")
    return words.vendor(vendor_id or None, name or None)


def _parts(key: str, number: int) -> list[str]:
    """Part a key that ends with a day; a `^` in its first parts stays there."""
    head, *rest = key.rsplit("^", number - 1)
    return [head, *rest]


_LOOKUPS: Mapping[str, Callable[[Words, str], object]] = {
    "status": Words.status,
    "company": Words.company,
    "vendor": _vendor,
    "account": _account,
    "code_part": _code_part,
    "period": _period,
    "tax_account": Words.tax_account,
    "freight_account": Words.freight_account,
    "credit_account": Words.credit_account,
}
KINDS = tuple(_LOOKUPS)
