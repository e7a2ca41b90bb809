"""The office that pays by BILL: bills are approved and paid there."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines.sandbox.bill.records import Bill
from mlc_pipelines.sandbox.office import Amount, Office, Paper, Sample

_SECTION = """\
bill:
  base_url: {url}
  events_url: {events_url}
  organization_id: "{organization}"
  credential: {name}/bill
  create_accounts: true         # what BILL lacks of the chart of accounts may be made there
  create_dimensions: true
{webhook}  read_seconds: {patience}
  write_seconds: {patience}
  settle_after_seconds: {settle}        # the simulators answer at once; a real BILL gets its 120 seconds
  ifs_settle_after_seconds: {settle}    # and a real IFS its 900

mapping:
  accounts: {{file: {name}_accounts.csv}}
  dimensions: {{CodeB: department, CodeC: location, CodeD: class}}
  tax_accounts: {{"*": "1400"}}
"""


class BillOffice(Office):
    """IFS Cloud and BILL."""

    system = "bill"
    title = "BILL"

    def open_system(self, *, seed: int, documents: int, faults: str, port: int) -> BillSandbox:
        """Make BILL."""
        self.bill = BillSandbox(world=self.world, seed=seed, port=port, faults=faults, http_webhooks=True)
        return self.bill

    def addresses(self) -> Mapping[str, str]:
        """Name both."""
        return {"IFS Cloud": self.ifs.url, "BILL": self.bill.url}

    def secrets(self) -> Mapping[str, str]:
        """Give the sync token and the developer key."""
        return {
            f"{self.name}/bill/username": self.bill.token_name,
            f"{self.name}/bill/password": self.bill.token_value,
            f"{self.name}/bill/developer_key": self.bill.dev_key,
        }

    def section(self, sample: Sample) -> str:
        """Write BILL's section."""
        webhook = ""
        if sample.webhooks_at:
            webhook = (
                f"  webhook_url: {sample.webhooks_at}/webhooks/{self.name}\n"
                f"  webhook_secret: {self.name}/bill/webhook\n"
            )
        return _SECTION.format(
            url=self.bill.ap_url,
            events_url=self.bill.events_url,
            organization=self.bill.organization_id,
            name=self.name,
            webhook=webhook,
            patience=sample.patience,
            settle=sample.settle,
        )

    def act(self) -> str:
        """Approve every bill, and pay every approved one."""
        approved = self.bill.people.approve_bills()
        paid = self.bill.people.pay_bills()
        return f"people in BILL approve {len(approved)} bills and make {len(paid)} payments"

    def papers(self) -> Sequence[Paper]:
        """Give invoices and payments."""
        invoices = {f"{invoice.company}^{invoice.id}": invoice for invoice in self.world.invoices}
        paid = {bill.id: bill for bill in self._ours() if bill.payment_status == "PAID"}
        marked = {f"{key[0]}^{key[1]}" for key, row in self.ifs.invoices.items() if row.get("Cf_Paid_Status") == "Paid"}
        return (
            Paper(
                "bills", "invoice", "BILL",
                {key: (invoice.currency, invoice.net + invoice.vat) for key, invoice in invoices.items()},
                {_key(bill): self._amount(bill) for bill in self._ours()},
                {key: f"{invoice.number} of {invoice.supplier}" for key, invoice in invoices.items()},
            ),
            Paper(
                "payments", "payment of bill", "IFS",
                {key: self._amount(bill) for key, bill in paid.items()},
                {key: None for key, bill in paid.items() if _key(bill) in marked},
                {key: bill.invoice_number for key, bill in paid.items()},
            ),
        )  # fmt: skip

    def doubled(self) -> Iterator[str]:
        """Name invoices that stand on two bills."""
        bills = Counter(_key(bill) for bill in self._ours())
        return (f"bill {key} stands {count} times" for key, count in bills.items() if count > 1)

    def _amount(self, bill: Bill) -> Amount:
        return self.bill.store.currency(bill), bill.amount

    def _ours(self) -> list[Bill]:
        return [bill for bill in self.bill.bills.values() if (bill.description or "").startswith("IFS ")]


def _key(bill: Bill) -> str:
    """Read the key of the invoice, which our bills' descriptions begin with: `IFS 10^1001; …`."""
    return (bill.description or "").removeprefix("IFS ").partition(";")[0]


OFFICE = BillOffice
