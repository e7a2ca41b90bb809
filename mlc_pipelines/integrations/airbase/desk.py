"""What every Airbase flow is handed: both clients, the settings, and the connection's dictionary."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.integrations.airbase.book import VendorBook
from mlc_pipelines.integrations.airbase.booking import VoucherWords, inverted
from mlc_pipelines.integrations.airbase.client import AirbaseClient
from mlc_pipelines.integrations.airbase.settings import AirbaseSettings
from mlc_pipelines.integrations.erp.accounts import AccountSource
from mlc_pipelines.integrations.erp.dimensions import mapped_code_parts
from mlc_pipelines.ledger.bindings import Dictionary
from mlc_pipelines.ledger.ledger import Books

CURRENCY = "currency"
VENDOR_LINK = "vendor_link"


@dataclass(frozen=True, slots=True)
class Desk:
    """One connection's clients and settings."""

    connection: Connection
    books: Books
    ifs: IfsClient
    airbase: AirbaseClient
    vendors: VendorBook

    @property
    def dictionary(self) -> Dictionary:
        """What the connection knows of names."""
        return self.books.dictionary

    @property
    def settings(self) -> AirbaseSettings:
        """The connection's `airbase` section."""
        return self.connection.section(AirbaseSettings)

    def table(self, name: str) -> dict[str, str] | None:
        """Give a mapping table of the connection file; None where it has none of that name."""
        table = self.connection.mapping.table(name)
        return dict(table) if table is not None else None

    def dimensions(self) -> dict[str, str]:
        """Give what each mapped code part (`CodeB`) is called there."""
        return mapped_code_parts(self.connection)

    def wanted_subsidiaries(self) -> dict[str, str]:
        """Give the subsidiary's reference of each company as the settings have it: else the company's own code."""
        return {company: self.settings.subsidiaries.get(company, company) for company in self.connection.companies}

    def companies(self) -> dict[str, str]:
        """Give the company of each subsidiary's reference."""
        return {reference: company for company, reference in self.wanted_subsidiaries().items()}

    def entities(self) -> dict[str, str]:
        """Give the subsidiary of each company that Airbase has; it is asked only when something is new."""
        wanted = self.wanted_subsidiaries()
        known = self.dictionary.known("entity")
        if set(known) == set(wanted) and self.dictionary.known("entity_name") == wanted:
            return known
        there = {subsidiary.erp_reference_id for subsidiary in self.airbase.subsidiaries()}
        found = {company: reference for company, reference in wanted.items() if reference in there}
        self.dictionary.learn("entity", found)
        self.dictionary.learn("entity_name", wanted)
        return found

    def currencies(self) -> dict[str, str] | None:
        """Read the ERP's code of each currency; None where the tenant has no such list."""
        found = self.airbase.currencies()
        if found is not None:
            self.dictionary.learn(CURRENCY, found)
        return found

    def links(self) -> None:
        """Learn which vendor is linked to which supplier, which releases what waits for a link."""
        linked = {vendor.id: vendor.reference for vendor in self.vendors.all().values() if vendor.reference}
        self.dictionary.learn(VENDOR_LINK, linked)

    def voucher_words(self) -> VoucherWords:
        """Open the dictionary of charges: charts of accounts, currencies, tables; each word may release a record."""
        companies = self.companies()
        self._refuse_shared_subsidiaries()
        chart = AccountSource(self.ifs).all(self.connection.companies)
        accounts = inverted(self.table("accounts"))
        parts = {kind: part.removeprefix("Code") for part, kind in self.dimensions().items()}
        usual = {part.removeprefix("Code"): value for part, value in self.settings.code_parts.items()}
        self.dictionary.learn("subsidiary", companies)
        self.dictionary.learn("account", {code: account.description for code, account in chart.items()})
        self.dictionary.learn("account_of", accounts or {})
        self.dictionary.learn("credit_account", self._credited())
        return VoucherWords(
            companies=companies,
            currencies=self.currencies(),
            chart=frozenset(chart),
            accounts=accounts,
            parts=parts,
            usual_parts=usual,
            links=self.dictionary.known(VENDOR_LINK),
        )

    def _refuse_shared_subsidiaries(self) -> None:
        """Refuse two companies on one subsidiary: what Airbase tells of it could be booked in either."""
        sharing: dict[str, list[str]] = {}
        for company, reference in self.wanted_subsidiaries().items():
            sharing.setdefault(reference, []).append(company)
        for reference, companies in sharing.items():
            if len(companies) > 1:
                raise ConfigurationError(
                    f"{self.connection.path}: companies {' and '.join(companies)} have subsidiary {reference} under "
                    "airbase.subsidiaries, and a voucher could be booked in any of them; give each its own"
                )

    def _credited(self) -> Mapping[str, str]:
        """Give what each company credits in any flow, so that every flow teaches the dictionary the same."""
        found: dict[str, str] = {}
        for rules in (self.settings.requests, self.settings.payments):
            for company, account in (rules.credited(self.connection.companies) if rules else {}).items():
                found[company] = f"{found.get(company, '')} {account}".strip()
        return found
