"""The office that buys by Airbase: requests are approved and payments made there, orders come from IFS."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from mlc_pipelines.sandbox.airbase import AirbaseSandbox, WebhookSigning
from mlc_pipelines.sandbox.airbase.records import LedgerEntry
from mlc_pipelines.sandbox.office import PAYABLES, USER_GROUP, VOUCHER_TYPE, Amount, Office, Paper, Sample
from mlc_pipelines.sandbox.world import PurchaseOrder

_APPROVED_A_DAY = 2
_PAID_A_DAY = 2
_PART = 3  # one document of each kind for so many invoices of other offices
_SECTION = """\
airbase:
  base_url: {url}
  credential: {name}/airbase
  auth_scheme: Token
  paths: {{purchase_orders: /v1/purchase_orders/, purchase_requests: /v1/purchase_requests/, payments: /v1/payments/, vendor_terms: /v1/vendor_terms/}}
  requests:
    voucher_type: {voucher_type}
    user_group: {user_group}
    credit_account: {{"*": "{payables}"}}
  payments:
    voucher_type: {voucher_type}
    user_group: {user_group}
    credit_account: {{"*": "{payables}"}}
    types: {{bill_payment: payable, vendor_credit: lines, reimbursement: lines}}
    credit_types: [vendor_credit]
  verify:
    modes: [hmac]
    hmac: {{header: X-Airbase-Signature, secrets: [{name}/airbase/webhook]}}
  requests_per_second: 1000     # a real Airbase gets 5
  read_seconds: {patience}
  write_seconds: {patience}
  settle_after_seconds: {settle}        # the simulators answer at once; a real Airbase gets its 75 seconds
  ifs_settle_after_seconds: {settle}    # and a real IFS its 900

mapping:
  dimensions: {{CodeB: cost_center}}
  purchase_types: {{services: "4600", software: "4500", goods: "4000"}}
  payment_terms: {{Due on receipt: "0", Net 14: "14", Net 30: "30", Net 45: "45"}}
"""  # noqa: E501  # a table is one line in YAML


class AirbaseOffice(Office):
    """IFS Cloud and Airbase."""

    system = "airbase"
    title = "Airbase"
    sells_into_ifs = True

    def open_system(self, *, seed: int, documents: int, faults: str, port: int) -> AirbaseSandbox:
        """Make Airbase."""
        share = max(10, documents // _PART)
        self.airbase = AirbaseSandbox(
            world=self.world,
            seed=seed,
            port=port,
            faults=faults,
            requests=share,
            payments=share,
            calls_per_window=0,
            webhook_signing=WebhookSigning(modes=("hmac",)),
        )
        return self.airbase

    def addresses(self) -> Mapping[str, str]:
        """Name both."""
        return {"IFS Cloud": self.ifs.url, "Airbase": self.airbase.url}

    def secrets(self) -> Mapping[str, str]:
        """Give both tokens, and what signs the webhooks."""
        return {
            f"{self.name}/airbase/token": self.airbase.token,
            f"{self.name}/airbase/token_next": self.airbase.token_next,
            f"{self.name}/airbase/webhook": self.airbase.signing.secret,
        }

    def section(self, sample: Sample) -> str:
        """Write Airbase's section; somebody enters our address in its portal."""
        if sample.webhooks_at:
            self.airbase.people.subscribe(f"{sample.webhooks_at}/webhooks/{self.name}")
        return _SECTION.format(
            url=self.airbase.url,
            name=self.name,
            patience=sample.patience,
            settle=sample.settle,
            voucher_type=VOUCHER_TYPE,
            user_group=USER_GROUP,
            payables=PAYABLES,
        )

    def tables(self) -> Mapping[str, Sequence[Sequence[str]]]:
        """Give no table: the codes are the same."""
        return {}

    def act(self) -> str:
        """Approve some requests, and pay."""
        approved = self.airbase.people.approve_requests(_APPROVED_A_DAY)
        paid = self.airbase.people.pay(_PAID_A_DAY)
        return f"people in Airbase approve {len(approved)} requests and make {len(paid)} payments"

    def papers(self) -> Sequence[Paper]:
        """Give orders, approved requests, and payments that wait in the ledger of Airbase."""
        orders = {order.order_no: order for order in self.world.orders}
        sent = {order.po_number: None for order in self.airbase.orders.values()}
        requests = {key: row for key, row in self.airbase.requests.items() if row.status == "approved"}
        entries = {key: row for key, row in self.airbase.entries.items() if not _is_of_others(row)}
        booked = self._booked()
        return (
            Paper(
                "purchase_orders", "order", "Airbase",
                {key: (order.currency, _worth(order)) for key, order in orders.items()},
                sent, {key: key for key in orders},
            ),
            Paper(
                "request_vouchers", "request", "IFS",
                {key: (row.currency, row.total) for key, row in requests.items()},
                _signed({key: row.total for key, row in requests.items()}, booked, "PR-"),
                {key: row.number for key, row in requests.items()},
            ),
            Paper(
                "payment_vouchers", "payment", "IFS",
                {key: (row.currency, row.total) for key, row in entries.items()},
                _signed({key: row.total for key, row in entries.items()}, booked, "PAY-"),
                {key: str(row.number) for key, row in entries.items()},
            ),
        )  # fmt: skip

    def doubled(self) -> Iterator[str]:
        """Name orders that stand twice in Airbase."""
        numbers = Counter(order.po_number for order in self.airbase.orders.values())
        return (f"order {key} stands {count} times" for key, count in numbers.items() if count > 1)

    def _booked(self) -> dict[str, Amount]:
        """Give currency and the sum of one side of every voucher, by the reference on its rows."""
        found: dict[str, Amount] = {}
        for voucher in self.ifs.vouchers:
            rows = voucher["VoucherRows"]
            side = sum((Decimal(row["CurrencyCreditAmount"] or 0) for row in rows), Decimal(0))
            found[str(rows[0]["ReferenceNumber"])] = (str(rows[0]["CurrencyCode"]), side)
        return found


def _is_of_others(entry: LedgerEntry) -> bool:
    """Tell whether somebody else's connector has posted an entry; our references are keys of vouchers."""
    return entry.status == "sync_complete" and "^" not in entry.erp_reference_id


def _worth(order: PurchaseOrder) -> Decimal:
    return sum((line.quantity * line.price for line in order.lines), Decimal(0))


def _signed(totals: Mapping[str, Decimal], booked: Mapping[str, Amount], prefix: str) -> dict[str, Amount | None]:
    """Find the vouchers of documents; both sides of one are equal, so the document's sign tells which way it goes."""
    found: dict[str, Amount | None] = {}
    for reference, (currency, side) in booked.items():
        if reference.startswith(prefix):
            key = reference.removeprefix(prefix)
            found[key] = (currency, -side if totals.get(key, side) < 0 else side)
    return found


OFFICE = AirbaseOffice
