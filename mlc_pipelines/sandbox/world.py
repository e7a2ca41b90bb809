"""The world all simulators share: one made-up manufacturer, the same for the same seed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self

from mlc_pipelines.sandbox import world_data as data
from mlc_pipelines.sandbox.world_documents import make_invoices, make_orders
from mlc_pipelines.sandbox.world_records import (
    AS_OF,
    CURRENCY_DIGITS,
    Account,
    CodePartValue,
    Company,
    Invoice,
    InvoiceLine,
    OrderLine,
    PaymentTerm,
    PurchaseOrder,
    Supplier,
    User,
)

__all__ = [
    "AS_OF",
    "CURRENCY_DIGITS",
    "Account",
    "CodePartValue",
    "Company",
    "Invoice",
    "InvoiceLine",
    "OrderLine",
    "PaymentTerm",
    "PurchaseOrder",
    "Supplier",
    "User",
    "World",
]

OPEN_FROM = date(2020, 1, 1)
OPEN_UNTIL = date(2099, 12, 31)


@dataclass(frozen=True)
class World:
    """Everything the manufacturer has on its first day in the sandbox."""

    seed: int
    as_of: datetime
    companies: tuple[Company, ...]
    accounts: tuple[Account, ...]
    code_parts: tuple[CodePartValue, ...]
    terms: tuple[PaymentTerm, ...]
    suppliers: tuple[Supplier, ...]
    invoices: tuple[Invoice, ...]
    orders: tuple[PurchaseOrder, ...]
    users: tuple[User, ...]
    unmapped_accounts: frozenset[str]

    @classmethod
    def make(cls, seed: int = 1, invoices: int = 120) -> Self:
        """Make the manufacturer with this many supplier invoices (at least one)."""
        suppliers = tuple(_suppliers())
        orders = make_orders(suppliers, seed=seed)
        return cls(
            seed=seed,
            as_of=AS_OF,
            companies=tuple(Company(*row) for row in data.COMPANIES),
            accounts=tuple(_accounts()),
            code_parts=tuple(_code_parts()),
            terms=tuple(PaymentTerm(company[0], *term) for company in data.COMPANIES for term in data.TERMS),
            suppliers=suppliers,
            invoices=make_invoices(suppliers, orders, seed=seed, count=max(1, invoices)),
            orders=orders,
            users=tuple(User(*row) for row in data.USERS),
            unmapped_accounts=data.UNMAPPED_ACCOUNTS,
        )

    def supplier(self, supplier_id: str) -> Supplier:
        """Return the supplier with this id."""
        return next(supplier for supplier in self.suppliers if supplier.id == supplier_id)

    def company(self, code: str) -> Company:
        """Return the company with this code."""
        return next(company for company in self.companies if company.code == code)


def _accounts() -> list[Account]:
    return [
        Account(company[0], code, text, kind, OPEN_FROM, date.fromisoformat(until) if until else OPEN_UNTIL)
        for company in data.COMPANIES
        for code, text, kind, until in data.ACCOUNTS
    ]


def _code_parts() -> list[CodePartValue]:
    values: list[CodePartValue] = []
    for company in (row[0] for row in data.COMPANIES):
        for part, rows in (("B", data.COST_CENTERS), ("C", data.PLANTS[company]), ("D", data.PROJECTS)):
            values += [CodePartValue(company, part, code, text, OPEN_FROM, OPEN_UNTIL) for code, text in rows]
    return values


def _suppliers() -> list[Supplier]:
    suppliers = []
    for day, row in enumerate(data.SUPPLIERS, start=1):
        number, name, country, currency, language, street, city, state, zip_code, tax_id, phone, email, terms = row
        suppliers.append(
            Supplier(
                id=number,
                name=name,
                country=country or None,
                currency=currency,
                language=language,
                address=street,
                city=city,
                state=state or None,
                zip_code=zip_code,
                tax_id=tax_id,
                phone=phone,
                email=email or None,
                pay_term=terms,
                modified=datetime(2026, 8, day, 7, day, 30, tzinfo=UTC),
            )
        )
    return suppliers
