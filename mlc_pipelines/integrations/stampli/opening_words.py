"""Opens the dictionary of invoices: suppliers, accounts, code parts and periods as IFS has them now."""

from mlc_pipelines.ifs.code_parts import CodeParts
from mlc_pipelines.integrations.erp.accounts import AccountSource
from mlc_pipelines.integrations.erp.suppliers import SupplierSource
from mlc_pipelines.integrations.stampli.desk import Desk
from mlc_pipelines.integrations.stampli.fields import DIMENSION
from mlc_pipelines.integrations.stampli.periods import read_periods
from mlc_pipelines.integrations.stampli.vendors import Vendors
from mlc_pipelines.integrations.stampli.words import Words


def open_vendors(desk: Desk) -> Vendors:
    """Read all suppliers for the search of vendors."""
    settings = desk.settings
    return Vendors.of(
        SupplierSource(desk.ifs).all(),
        desk.table("vendors"),
        create=settings.vendor_create,
        names_must_agree=settings.vendor_name_must_agree,
        prefix=settings.vendor_prefix,
    )


def open_words(desk: Desk) -> Words:
    """Read what invoices are checked against."""
    settings, companies = desk.settings, desk.connection.companies
    feed = settings.feeds.invoices
    fields = {*feed.columns, *(feed.xml.fields if feed.xml else ())}
    letters = {settings.cost_center_part, *(name.removeprefix(DIMENSION) for name in fields if DIMENSION in name)}
    values = {
        f"{company}^{letter}^{value.value}": value
        for company in companies
        for letter in sorted(letters)
        for value in CodeParts(desk.ifs).of(company, letter)
    }
    return Words(
        own=companies,
        feed=feed,
        vendors=open_vendors(desk),
        chart=AccountSource(desk.ifs).all(companies),
        code_values=values,
        periods=read_periods(desk.ifs, companies),
        vouchers=settings.vouchers,
        companies=desk.table("companies"),
        accounts=desk.table("accounts"),
        cost_centers=desk.table("cost_centers"),
        tax_accounts=desk.table("tax_accounts"),
        freight_accounts=desk.table("freight_accounts"),
        payment_terms=desk.table("payment_terms"),
    )
