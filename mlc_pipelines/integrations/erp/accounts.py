"""Accounts at the ERP's end: collected for those who are sent a chart of accounts, or compared with it."""

from collections.abc import Iterator, Mapping, Sequence

from mlc_pipelines.errors import Cause
from mlc_pipelines.flows.content import fingerprint
from mlc_pipelines.flows.flow import Sighting
from mlc_pipelines.ifs.accounts import Account, Accounts
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ledger.records import Entry, Ignored, SourceRecord
from mlc_pipelines.wire.rows import Unread


def company_code(company: str, code: str) -> str:
    """Name a code of one company: `10^4010`."""
    return f"{company}^{code}"


class AccountSource:
    """Reads the charts of accounts for flows that send them: one feed a company, IFS has no changed-since for them."""

    def __init__(self, ifs: IfsClient) -> None:
        self._accounts = Accounts(ifs)

    def sightings(self, company: str) -> Iterator[Sighting]:
        """List all accounts of a company."""
        for account in self._accounts.carried(company):
            if isinstance(account, Unread):
                yield Sighting.of_unread(account, prefix=company_code(company, ""))
            else:
                yield Sighting(company_code(account.company, account.code), carry=account)

    def record(self, sighting: Sighting) -> SourceRecord:
        """Take the account from the list, which has all of it."""
        account: Account = sighting.carry
        return SourceRecord(
            key=sighting.key,
            company=account.company,
            content=account.raw,
            fingerprint=fingerprint([account.code, account.description, account.kind, account.valid_until]),
            label=account.code,
            partner=account.description or "",
        )

    def account(self, entry: Entry) -> Account:
        """Read an account back from our copy."""
        return self._accounts.read(entry.source, company=entry.company)

    def all(self, companies: Sequence[str]) -> Mapping[str, Account]:
        """Read the charts of accounts of companies, by company and code (`10^4010`)."""
        return {
            company_code(company, account.code): account
            for company in companies
            for account in self._accounts.of(company)
        }


def expired(account: Account, entry: Entry) -> Ignored | None:
    """Leave out an account that is no longer valid; None for one that is."""
    if account.valid_until is not None and account.valid_until < entry.since.date():
        return Ignored(Cause.NOT_READY, f"account {account.code} was valid until {account.valid_until}")
    return None
