"""GL accounts: the chart of accounts of IFS, as Ramp's accounting connection offers it for coding."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mlc_pipelines.flows.content import encode
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.erp.accounts import AccountSource, expired
from mlc_pipelines.integrations.ramp.desk import Desk, landed_as
from mlc_pipelines.integrations.ramp.mapping import to_gl_account
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated


class AccountsToRamp:
    """Sends accounts (code part A) to Ramp and keeps their names the same."""

    name = "gl_accounts"
    sentence = "Accounts of IFS become GL accounts in Ramp; what exists only in Ramp is reported."
    kind = "gl_account"
    assets = Assets(
        collect=Asset("accounts", "Accounts (code part A) as IFS has them, per company.", ("ifs",)),
        translate=Asset("coded_accounts", "The same accounts in Ramp's words."),
        deliver=Asset("gl_accounts", "GL accounts in Ramp's accounting connection.", ("ramp",)),
    )
    deliver_batch = 500
    confirm_batch = 1
    amends = True

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._accounts = AccountSource(desk.ifs)
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
        """Nothing to open: the record carries all that is needed."""

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Describe the account; one that is no longer valid is not offered."""
        account = self._accounts.account(entry)
        return expired(account, entry) or Translated(encode(to_gl_account(account)), entry.key)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look the accounts up by our id; an accounting connection is made first where there is none."""
        self._desk.ramp.ensure_connection(self._desk.settings.provider_name)
        there = {account.id: account for account in self._desk.ramp.accounts()}
        return {o.entry.id: Landed(there[o.entry.key].ramp_id) for o in batch if o.entry.key in there}

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Upload the new ones in one call, rename the others one by one."""
        new = [outgoing for outgoing in batch if outgoing.bound is None]
        for outgoing in batch:
            if outgoing.bound is not None:
                self._desk.ramp.update_account(
                    outgoing.bound, name=outgoing.payload["name"], code=outgoing.payload["code"]
                )
        if new:
            self._desk.ramp.create_accounts([outgoing.payload for outgoing in new])
        made = dict(self.find(new)) if new else {}
        made |= {o.entry.id: Landed(o.bound) for o in batch if o.bound is not None}
        return landed_as(batch, made, "accounts")

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: IFS is not told."""
        return [Landed("") for _ in batch]
