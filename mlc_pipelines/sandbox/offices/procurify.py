"""The office that buys by Procurify: bills are approved there, and IFS is given their invoices and postings."""

from collections.abc import Mapping, Sequence

from mlc_pipelines.sandbox.office import PAYABLES, USER_GROUP, VOUCHER_TYPE, Amount, Office, Paper, Sample
from mlc_pipelines.sandbox.procurify import ProcurifySandbox

_APPROVED_A_DAY = 6
_SECTION = """\
procurify:
  base_url: {url}
  credential: {name}/procurify
  time_zone: Europe/Berlin
  first_day: 2026-08-01
  backfill_days: 366
  lag_minutes: 0                # a real Procurify gets a minute to finish what it is writing
  calls_per_second: 100         # and five calls a second
  read_seconds: {patience}
  ifs_settle_after_seconds: {settle}    # a real IFS gets its 900
  vouchers:
    voucher_type: {voucher_type}
    user_group: {user_group}
    credit_account: {{"*": "{payables}"}}

mapping:
  accounts: {{file: {name}_accounts.csv}}
  companies: {{P1: "10", P2: "10", P3: "20"}}
  cost_centers: {{"{nameless}": "120"}}
  tax_accounts: {{"*": "1400"}}
  shipping_accounts: {{"*": "4200"}}
  payment_terms: {{Due on receipt: "0", Net 14: "14", Net 30: "30", Net 45: "45"}}
  countries: {{Germany: DE, Österreich: AT, USA: US, The Netherlands: NL}}
"""


class ProcurifyOffice(Office):
    """IFS Cloud and Procurify."""

    system = "procurify"
    title = "Procurify"
    sells_into_ifs = True

    def open_system(self, *, seed: int, documents: int, faults: str, port: int) -> ProcurifySandbox:
        """Make Procurify."""
        self.procurify = ProcurifySandbox(world=self.world, seed=seed, port=port, faults=faults, bills=documents)
        return self.procurify

    def addresses(self) -> Mapping[str, str]:
        """Name both."""
        return {"IFS Cloud": self.ifs.url, "Procurify": self.procurify.url}

    def secrets(self) -> Mapping[str, str]:
        """Give Procurify's application."""
        return {
            f"{self.name}/procurify/client_id": self.procurify.client_id,
            f"{self.name}/procurify/client_secret": self.procurify.client_secret,
        }

    def section(self, sample: Sample) -> str:
        """Write Procurify's section."""
        departments = self.procurify.departments.values()
        return _SECTION.format(
            url=self.procurify.url,
            name=self.name,
            patience=sample.patience,
            settle=sample.settle,
            voucher_type=VOUCHER_TYPE,
            user_group=USER_GROUP,
            payables=PAYABLES,
            nameless=next(row.id for row in departments if row.external_id is None),
        )

    def act(self) -> str:
        """Approve some of the bills that wait."""
        approved = self.procurify.people.approve_bills(_APPROVED_A_DAY)
        return f"people in Procurify approve {len(approved)} bills"

    def papers(self) -> Sequence[Paper]:
        """Give the bills; those that IFS has are invoices and vouchers with the bill's id as their reference."""
        bills = {str(bill.id): bill for bill in self.procurify.bills.values()}
        vouchers = self.voucher_totals()
        invoices: dict[str, Amount | None] = {}
        for row in self.ifs.invoices.values():
            _, _, rest = str(row["VoucherText"] or "").partition("PROCURIFY:")
            key = rest.partition(":")[0]
            gross = (str(row["Currency"]), row["NetCurrAmount"] + row["VatCurrAmount"])
            invoices[key] = gross if vouchers.get(key) == gross else ("???", gross[1])
        return (
            Paper(
                "bills", "bill", "IFS",
                {key: (bill.currency.name, bill.total) for key, bill in bills.items()},
                invoices,
                {key: bill.invoice_number or key for key, bill in bills.items()},
            ),
        )  # fmt: skip


OFFICE = ProcurifyOffice
