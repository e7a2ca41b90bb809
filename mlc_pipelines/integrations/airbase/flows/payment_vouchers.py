"""Payment vouchers: payments of Airbase become vouchers in IFS, and ledger entries are acknowledged."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.airbase.booking import VoucherWords, to_payment_voucher
from mlc_pipelines.integrations.airbase.charges import Charge, read_charge
from mlc_pipelines.integrations.airbase.desk import Desk
from mlc_pipelines.integrations.airbase.models import SYNC_COMPLETE, SYNC_READY, LedgerEntry, read_entry
from mlc_pipelines.integrations.airbase.posting import (
    GONE,
    SERIE,
    changed_since_posted,
    check_unchanged,
    gone_record,
    posted,
    posted_record,
    sightings,
    unread_record,
    withdrawn,
)
from mlc_pipelines.integrations.airbase.settings import ENTRY_POINTERS, AirbaseSettings, ChargePointers, PaymentSettings
from mlc_pipelines.integrations.erp.periods import OpenPeriods
from mlc_pipelines.integrations.erp.vouchers import VoucherDesk
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated

NOTHING_SET = PaymentSettings(voucher_type="", user_group="", credit_account={})


def payment_fields(settings: AirbaseSettings) -> ChargePointers:
    """Tell how payments are read: ledger entries as they were seen, payments by the tenant's pointers."""
    if settings.payments_source == "ledger_entries":
        return ENTRY_POINTERS
    return (settings.payments or NOTHING_SET).fields


class PaymentVouchersToIfs:
    """Books payments; which list tells of them is the setting `payments_source`."""

    name = "payment_vouchers"
    sentence = "Payments of Airbase become vouchers in IFS; ledger entries are then marked as synced."
    kind = "payment_voucher"
    assets = Assets(
        collect=Asset("payments", "Payments, or ledger entries that are ready to sync.", ("airbase",)),
        translate=Asset("coded_payments", "The same payments as vouchers, posted as the settings say of their type."),
        deliver=Asset("payment_vouchers", "Vouchers of payments in IFS.", ("ifs",)),
        confirm=Asset("entry_acknowledgements", "The voucher's number on the ledger entry in Airbase.", ("airbase",)),
    )
    deliver_batch = 1
    confirm_batch = 1
    amends = False

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._from_ledger = desk.settings.payments_source == "ledger_entries"
        self._rules = desk.settings.payments or NOTHING_SET
        self._fields = payment_fields(desk.settings)
        self._vouchers = VoucherDesk(desk.ifs, SERIE)
        self._periods = OpenPeriods(desk.ifs, desk.dictionary, desk.connection.companies)
        self._words: VoucherWords | None = None
        self.settle_after = desk.settings.ifs_settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed, where the tenant has said how payments are booked, and named the path if it is gated."""
        if self._desk.settings.payments is None:
            return []
        if self._from_ledger:
            return [SYNC_READY]
        return ["payments"] if self._desk.settings.paths.payments else []

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List what is ready: a queue of ledger entries, or all payments, of which only new ones are read."""
        rows = self._desk.airbase.ledger_entries(feed) if self._from_ledger else self._desk.airbase.payments()
        yield from sightings(self._desk, self.name, rows, self._fields)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """A payment, where payments can be read one by one; ledger entries are found by the list of this very run."""
        return None if self._from_ledger or not self.feeds() else Sighting(object_id)

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the payment from the list, or read the one that a webhook named or the list leaves out."""
        read = self._desk.airbase.entry if self._from_ledger else self._desk.airbase.payment
        raw: bytes | None = sighting.carry or read(sighting.key)
        if raw is None:
            return gone_record(sighting)
        try:
            charge = read_charge(raw, self._fields)
        except RecordError as error:
            return unread_record(sighting, raw, error)
        return posted_record(
            self._desk, sighting, raw, charge, matters=[self._is_ready(charge), *charge.what_matters()]
        )

    def prepare(self) -> None:
        """Read charts of accounts, currencies and open periods; teach the dictionary which types are posted."""
        if not self.feeds():
            return
        desk, rules = self._desk, self._rules
        desk.dictionary.learn("payment_type", rules.types)
        desk.dictionary.learn("credit_type", dict.fromkeys(rules.credit_types, "credit"))
        owed = {company: rules.owed_on(company) or "" for company in desk.connection.companies}
        desk.dictionary.learn("payable_account", {company: account for company, account in owed.items() if account})
        self._words = desk.voucher_words()
        self._periods.prepare()

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Make a voucher; a vendor without a supplier, a type nobody mapped and a negative total are held."""
        made = self._desk.dictionary.by_key(self.kind, entry.key)
        if entry.source == GONE:
            return withdrawn(f"payment {entry.key}", "no longer in Airbase", made)
        charge = read_charge(entry.source, self._fields)
        if charge.subsidiary in self._desk.settings.foreign_subsidiaries:
            return Ignored(Cause.NOT_OURS, f"{charge.number} belongs to subsidiary {charge.subsidiary}, another's")
        changed_since_posted(charge.number, made)
        if not self._is_ready(charge):
            wanted = "ready to sync" if self._from_ledger else "paid"
            return Ignored(Cause.NOT_READY, f"{charge.number} is {charge.status or 'without a status'}, not {wanted}")
        if self._words is None:
            raise RecordError(f"{charge.number}: payments are no longer booked here", cause=Cause.NOT_READY)
        voucher = to_payment_voucher(charge, self._words, self._rules, today=entry.since.date())
        return posted(self._periods.dated(voucher))

    def _is_ready(self, charge: Charge) -> bool:
        """Tell whether money has left, and nobody took it back; of an entry without a status its queue says so."""
        if self._from_ledger:
            return charge.status in ("", SYNC_READY, SYNC_COMPLETE)  # by whom it was completed is asked before posting
        return self._fields.status is None or charge.status in self._rules.paid

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for a voucher whose rows carry the payment's reference."""
        return self._vouchers.find_all(batch)

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Create the voucher, header and rows in one change set, if the entry is still what it was."""
        (outgoing,) = batch
        if self._from_ledger:
            raw = self._desk.airbase.entry(outgoing.entry.key)
            there = read_entry(raw) if raw is not None else None
            if there is not None and there.status == SYNC_COMPLETE:
                raise _completed(outgoing, there, "nothing was posted")
            check_unchanged(outgoing.entry, raw, self._fields, self._is_ready)
        return [self._vouchers.create(outgoing.payload)]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Mark the entry as synced, with the voucher's key; one that says so already is left as it is."""
        (outgoing,) = batch
        voucher = outgoing.entry.external_id or ""
        if not self._from_ledger:
            return [Landed("not acknowledged: the list of payments takes no word back")]
        there = self._desk.airbase.ledger_entry(outgoing.entry.key)
        if there.status != SYNC_COMPLETE:
            self._desk.airbase.complete_entry(outgoing.entry.key, voucher)
        elif there.erp_reference_id != voucher:
            raise _completed(outgoing, there, f"voucher {voucher} was posted too: reverse one of them")
        return [Landed(voucher)]


def _completed(outgoing: Outgoing, there: LedgerEntry, said: str) -> RecordError:
    return RecordError(
        f"ledger entry {outgoing.entry.key} was completed by somebody else as {there.erp_reference_id or 'nothing'}; "
        f"{said}; find the other connector that is active on this tenant",
        cause=Cause.DUPLICATE_SUSPECTED,
    )
