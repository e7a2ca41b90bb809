"""Chart of accounts: accounts of IFS and of BILL, matched by number; missing ones are made where policy says so."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.bill.classification_client import MOST_AT_ONCE
from mlc_pipelines.integrations.bill.classifying import Classifier
from mlc_pipelines.integrations.bill.desk import Desk
from mlc_pipelines.integrations.bill.matching import account_number, same_account, to_account
from mlc_pipelines.integrations.bill.models import CHART, Classification
from mlc_pipelines.integrations.erp.accounts import AccountSource, expired
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated


class AccountsToBill:
    """Finds the account of BILL's chart that each IFS account (code part A) means. Nothing is renamed or archived."""

    name = "chart_of_accounts"
    sentence = "Accounts of IFS are matched with BILL's chart of accounts by number; missing ones are held, or made."
    kind = "bill_account"
    assets = Assets(
        collect=Asset("accounts", "Accounts (code part A) as IFS has them, per company.", ("ifs",)),
        translate=Asset("numbered_accounts", "The same accounts with their numbers in BILL."),
        deliver=Asset("chart_of_accounts", "Accounts of BILL's chart that IFS accounts are bound to.", ("bill",)),
    )
    deliver_batch = MOST_AT_ONCE
    confirm_batch = 1
    amends = True

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._accounts = AccountSource(desk.ifs)
        self._numbers: dict[str, str] | None = None
        self._there: list[Classification] = []
        self._classifier = Classifier(
            desk.bill,
            same=lambda rows, payload: same_account(rows, payload["account"]["number"], payload["name"]),
            body=lambda payload: {"name": payload["name"], "account": payload["account"]},
            known=lambda payload: payload["account"]["number"],
        )
        self.settle_after = desk.settings.settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed a company."""
        return self._desk.connection.companies

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List all accounts of a company: IFS has no changed-since for them."""
        return self._accounts.sightings(feed)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing: IFS sends no events."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the account from the list, which has all of it."""
        return self._accounts.record(sighting)

    def prepare(self) -> None:
        """Read the account table, and the numbers that BILL's chart has."""
        self._numbers = self._desk.table("accounts")
        self._there = list(self._desk.bill.classifications_known(CHART))
        numbered = {row.account.number: row.id for row in self._there if row.account.number and not row.archived}
        self._desk.dictionary.learn("account", self._numbers or {})
        self._desk.dictionary.learn("account_number", numbered)

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Name the account; one that is no longer valid, or not in the table, is left out."""
        account = self._accounts.account(entry)
        number = account_number(account.code, self._numbers)
        if number is None:
            return Ignored(
                Cause.ACCOUNT_UNMAPPED,
                f"account {account.code} is not in the account table of the connection",
                key=f"account:{account.code}",
            )
        left_out = expired(account, entry)
        if left_out is not None:
            return left_out
        payload: dict[str, Any] = {"kind": CHART} | to_account(account, number, self._desk.settings.account_types)
        if not self._desk.settings.create_accounts and same_account(self._there, number, payload["name"]) is None:
            raise RecordError(
                f"BILL's chart has no account {number}; make it there, or set bill.create_accounts",
                cause=Cause.ACCOUNT_UNMAPPED,
                key=f"account_number:{number}",
            )
        return Translated(encode(payload), entry.key)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look the accounts up by number."""
        return self._classifier.find(batch)

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Bind those that are there, make the others in one call."""
        return self._classifier.deliver(batch)

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: IFS is not told."""
        return [Landed("") for _ in batch]
