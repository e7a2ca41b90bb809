"""The office that pays by Ramp: drafts are submitted, approved and paid there."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from mlc_pipelines.sandbox.office import PAYABLES, USER_GROUP, VOUCHER_TYPE, Amount, Office, Paper, Sample
from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines.sandbox.ramp.records import Bill

_SECTION = """\
ramp:
  base_url: {url}
  credential: {name}/ramp
  webhook_secret: {name}/ramp/webhook
{webhook}  entities:
{entities}
  read_seconds: {patience}
  write_seconds: {patience}
  settle_after_seconds: {settle}        # the simulators answer at once; a real Ramp gets its 75 seconds
  ifs_settle_after_seconds: {settle}    # and a real IFS its 900
  vouchers:
    bills: all
    voucher_type: {voucher_type}
    user_group: {user_group}
    credit_account: {{"*": "{payables}"}}

mapping:
  accounts: {{file: {name}_accounts.csv}}
  dimensions: {{CodeB: Cost center, CodeC: Plant, CodeD: Project}}
  tax_accounts: {{"*": "1400"}}
"""


class RampOffice(Office):
    """IFS Cloud and Ramp."""

    system = "ramp"
    title = "Ramp"

    def open_system(self, *, seed: int, documents: int, faults: str, port: int) -> RampSandbox:
        """Make Ramp."""
        self.ramp = RampSandbox(
            world=self.world, seed=seed, port=port, faults=faults, http_webhooks=True, calls_per_window=0
        )
        return self.ramp

    def addresses(self) -> Mapping[str, str]:
        """Name both."""
        return {"IFS Cloud": self.ifs.url, "Ramp": self.ramp.url}

    def secrets(self) -> Mapping[str, str]:
        """Give Ramp's app."""
        return {
            f"{self.name}/ramp/client_id": self.ramp.client_id,
            f"{self.name}/ramp/client_secret": self.ramp.client_secret,
        }

    def section(self, sample: Sample) -> str:
        """Write Ramp's section."""
        webhook = f"  webhook_url: {sample.webhooks_at}/webhooks/{self.name}\n" if sample.webhooks_at else ""
        return _SECTION.format(
            url=self.ramp.url,
            name=self.name,
            webhook=webhook,
            entities="\n".join(f'    "{company.code}": {company.name}' for company in self.world.companies),
            patience=sample.patience,
            settle=sample.settle,
            voucher_type=VOUCHER_TYPE,
            user_group=USER_GROUP,
            payables=PAYABLES,
        )

    def act(self) -> str:
        """Submit and approve every draft, and pay every approved bill."""
        approved, paid = self.approve_and_pay()
        return f"people in Ramp approve {approved} bills and pay {paid}"

    def approve_and_pay(self) -> tuple[int, int]:
        """Submit and approve every draft, and pay every approved bill; give both counts."""
        self.ramp.people.submit_drafts()
        return len(self.ramp.people.approve_bills()), len(self.ramp.people.pay_bills())

    def papers(self) -> Sequence[Paper]:
        """Give invoices, approved bills and payments."""
        invoices = {f"{invoice.company}^{invoice.id}": invoice for invoice in self.world.invoices}
        approved = {bill.id: bill for bill in self.ramp.bills.values() if bill.approval_status == "APPROVED"}
        paid = {key: bill for key, bill in approved.items() if bill.status == "PAID"}
        marks = {f"{key[0]}^{key[1]}": row.get("Cf_Payment_Reference") for key, row in self.ifs.invoices.items()}
        return (
            Paper(
                "bills", "invoice", "Ramp",
                {key: (invoice.currency, invoice.net + invoice.vat) for key, invoice in invoices.items()},
                self.sent(),
                {key: f"{invoice.number} of {invoice.supplier}" for key, invoice in invoices.items()},
            ),
            Paper("vouchers", "bill", "IFS", _amounts(approved), self.voucher_totals(), _numbers(approved)),
            Paper(
                "payments", "payment of bill", "IFS", _amounts(paid),
                {key: None for key, bill in paid.items() if marks.get(bill.remote_id or "") == f"ramp:{key}"},
                _numbers(paid),
            ),
        )  # fmt: skip

    def sent(self) -> dict[str, Amount]:
        """Give what Ramp holds by our reference: currency and amount of every draft and bill."""
        return {str(bill.remote_id): (bill.currency, bill.amount) for bill in self._bills()}

    def doubled(self) -> Iterator[str]:
        """Name references that stand on two bills."""
        bills = Counter(bill.remote_id for bill in self._bills())
        return (f"bill {key} stands {count} times" for key, count in bills.items() if count > 1)

    def _bills(self) -> list[Bill]:
        rows = [*self.ramp.drafts.values(), *self.ramp.bills.values()]
        return [bill for bill in rows if bill.remote_id]


def _amounts(bills: Mapping[str, Bill]) -> dict[str, Amount]:
    return {key: (bill.currency, bill.amount) for key, bill in bills.items()}


def _numbers(bills: Mapping[str, Bill]) -> dict[str, str]:
    return {key: bill.invoice_number or key for key, bill in bills.items()}


OFFICE = RampOffice
