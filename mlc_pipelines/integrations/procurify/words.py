"""The words that a bill's translation looks up; what is not there holds the bill, under a key that releases it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.accounts import Account
from mlc_pipelines.ifs.code_parts import CodePartValue
from mlc_pipelines.integrations.erp.accounts import company_code
from mlc_pipelines.integrations.erp.voucher_rules import VoucherRules
from mlc_pipelines.integrations.procurify.models import Bill, Department

ELSEWHERE = "*"
Table = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Places:
    """Which company a department belongs to: by its location, else the one company of the tenant.

    `departments` gives the department list for bills that name a department without its location.
    """

    table: Table
    default: str | None
    departments: Callable[[], Mapping[str, Department]]

    def company_of(self, bill: Bill) -> str:
        """Give the company of a bill; one whose allocations belong to two is for a person."""
        charged = [each.department for each in bill.allocations if each.department is not None]
        found = {self._company(department) for department in charged} or {self._company(bill.approver)}
        if len(found) > 1:
            companies = " and ".join(sorted(found))
            raise RecordError(
                f"bill {bill.label} charges departments of company {companies}; enter one bill for each company",
                cause=Cause.ENTITY_UNMAPPED,
            )
        return next(iter(found))

    def _company(self, department: Department | None) -> str:
        branch, external = _branch(department)
        if department is not None and not (branch or external):
            branch, external = _branch(self.departments().get(department.key))
        company = self.table.get(external or "") or self.table.get(branch or "") or self.default
        if company is None:
            where = external or branch or ELSEWHERE
            raise RecordError(
                f"location {where} is no company yet; add it to mapping.companies or set procurify.default_company",
                cause=Cause.ENTITY_UNMAPPED,
                key=f"company:{where}",
            )
        return company


def _branch(department: Department | None) -> tuple[str | None, str | None]:
    return (department.branch, department.branch_external_id) if department else (None, None)


@dataclass(frozen=True, slots=True)
class Words:
    """Tables of the connection file and lists of both sides. `*` in a table stands for all that it does not name."""

    companies: Sequence[str] = ()
    suppliers: Table = field(default_factory=dict)  # vendor id → supplier
    accounts: Table | None = None  # account code → IFS account; none: the same codes
    inactive: frozenset[str] = frozenset()  # account codes switched off in Procurify
    chart: Mapping[str, Account] = field(default_factory=dict)  # company^account
    part: str = "B"
    cost_centers: Table = field(default_factory=dict)  # department → cost center
    values: Mapping[str, CodePartValue] = field(default_factory=dict)  # company^cost center
    tax_accounts: Table = field(default_factory=dict)
    shipping_accounts: Table = field(default_factory=dict)
    payment_terms: Table = field(default_factory=dict)
    orders: Table = field(default_factory=dict)  # order number → word about it
    vouchers: VoucherRules | None = None

    def supplier(self, vendor_id: str) -> str:
        """Give the supplier of a vendor, or hold the bill until there is one."""
        if vendor_id not in self.suppliers:
            raise RecordError(
                f"vendor {vendor_id} is not matched with a supplier; see why it is held in the suppliers flow",
                cause=Cause.VENDOR_UNKNOWN,
                key=f"supplier:{vendor_id}",
            )
        return self.suppliers[vendor_id]

    def account(self, company: str, code: str, on: date) -> str:
        """Give the IFS account of an account code: mapped, active there, in the chart of accounts and valid here."""
        key = f"account:{company}^{code}^{on}"
        wanted = self.accounts.get(company_code(company, code), self.accounts.get(code)) if self.accounts else code
        if wanted is None:
            raise _unmapped(f"account code {code} is not in mapping.accounts; add it", key)
        if code in self.inactive:
            raise _unmapped(f"account code {code} is inactive in Procurify; recode the bill or switch it on", key)
        return self._charted(company, wanted, on, key)

    def _charted(self, company: str, account: str, on: date, key: str) -> str:
        known = self.chart.get(company_code(company, account))
        if known is None or not known.is_valid_on(on):
            raise _unmapped(f"account {account} is not valid in company {company} on {on}; correct table or IFS", key)
        return account

    def cost_center(self, company: str, department: Department, on: date) -> str:
        """Give the cost center of a department: by the table, else its external id, if IFS knows that value."""
        table = self.cost_centers
        known = [company_code(company, name) for name in (department.external_id, department.id) if name]
        plain = [name for name in (department.external_id, department.id) if name]
        value = next((table[name] for name in (*known, *plain) if name in table), department.external_id)
        key = f"cost_center:{company}^{department.external_id or ''}^{department.id or ''}^{on}"
        if value is None:
            raise RecordError(
                f"department {department.said} has no external id; enter one, or add it to mapping.cost_centers",
                cause=Cause.DIMENSION_UNMAPPED,
                key=key,
            )
        there = self.values.get(company_code(company, value))
        if there is None or not there.is_valid_on(on):
            raise RecordError(
                f"department {department.said}: company {company} has no valid code part {self.part} value {value} "
                f"on {on}; add it in IFS, or map the department in mapping.cost_centers",
                cause=Cause.DIMENSION_UNMAPPED,
                key=key,
            )
        return value

    def tax_account(self, company: str, tax: str, on: date) -> str:
        """Give the account of a tax: by its name, else the company's, else the one for all."""
        return self._tabled(self.tax_accounts, "tax_account", company, tax, on)

    def shipping_account(self, company: str, on: date) -> str:
        """Give the account that shipping is booked on."""
        return self._tabled(self.shipping_accounts, "shipping_account", company, "", on)

    def _tabled(self, table: Table, kind: str, company: str, name: str, on: date) -> str:
        names = [company_code(company, name), name] if name else []
        found = next((table[key] for key in (*names, company, ELSEWHERE) if key in table), None)
        key = f"{kind}:{company}^{name}^{on}"
        if found is None:
            said = f"tax {name!r}" if name else kind.replace("_account", "")
            raise RecordError(
                f"{said} has no account in company {company}; add it to mapping.{kind}s",
                cause=Cause.TAX_UNMAPPED if kind == "tax_account" else Cause.ACCOUNT_UNMAPPED,
                key=key,
            )
        return self._charted(company, found, on, key)

    def pay_term(self, company: str, text: str | None) -> str | None:
        """Give the payment term of free words, where the table has one; the due date is sent in any case."""
        if not text:
            return None
        return self.payment_terms.get(company_code(company, text)) or self.payment_terms.get(text)

    def credit_account(self, company: str) -> str:
        """Give the account that a voucher of this company is credited to."""
        if self.vouchers is None:
            return ""
        return self.vouchers.credit_account_of(company, setting="procurify.vouchers.credit_account")

    def resolve(self, kind: str, key: str) -> str | None:
        """Look again for what held a bill: the word that is there now, or None."""
        try:
            return self._found(kind, key.split("^"))
        except (RecordError, ValueError):
            return None

    def _found(self, kind: str, parts: Sequence[str]) -> str | None:
        match kind, parts:
            case "account", [company, code, on]:
                return self.account(company, code, date.fromisoformat(on))
            case "cost_center", [company, external, known, on]:
                return self.cost_center(
                    company, Department(known or None, None, external or None), date.fromisoformat(on)
                )
            case "tax_account", [company, name, on]:
                return self.tax_account(company, name, date.fromisoformat(on))
            case "shipping_account", [company, _, on]:
                return self.shipping_account(company, date.fromisoformat(on))
            case "credit_account", [company]:
                return self.credit_account(company)
            case _:
                return None


LOOKED_UP = ("account", "cost_center", "tax_account", "shipping_account", "credit_account")
"""The kinds of words that `resolve` knows."""


def _unmapped(message: str, key: str) -> RecordError:
    return RecordError(message, cause=Cause.ACCOUNT_UNMAPPED, key=key)
