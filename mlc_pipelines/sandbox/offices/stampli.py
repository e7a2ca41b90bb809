"""The office that codes invoices in Stampli: it exports files to a drop server, and IFS is given what is in them."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence

from mlc_pipelines.sandbox.office import PAYABLES, USER_GROUP, VOUCHER_TYPE, Amount, Office, Paper, Sample
from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.sandbox.stampli.records import Invoice

_SECTION = """\
stampli:
  host: {host}
  port: {port}
  user: {user}
  credential: {name}/stampli
  login: password
  host_keys: ["{host_key}"]
  ifs_settle_after_seconds: {settle}    # a real IFS gets its 900
  vouchers:
    voucher_type: {voucher_type}
    user_group: {user_group}
    credit_account: {{"*": "{payables}"}}
  feeds:
    invoices:
      directory: /outbound/invoices
      ready: {{rule: stable, settle_seconds: 0}}    # two looks; a real drop gets 30 seconds between them
      columns: {columns}
      status_map: {{Approved: APPROVED, Exported: APPROVED, Paid: PAID, Pending Approval: PENDING, Rejected: REJECTED, Cancelled: CANCELLED}}
    vendors:
      directory: /outbound/vendors
      ready: {{rule: stable, settle_seconds: 0}}
      columns: {vendor_columns}
    purchase_orders:
      directory: /outbound/purchase_orders
      ready: {{rule: stable, settle_seconds: 0}}
      columns: {order_columns}

mapping:
  accounts: {{file: {name}_accounts.csv}}
  tax_accounts: {{"*": "1400"}}
  freight_accounts: {{"*": "4200"}}
"""  # noqa: E501  # a table is one line in YAML


class StampliOffice(Office):
    """IFS Cloud and Stampli's drop server."""

    system = "stampli"
    title = "Stampli"
    sells_into_ifs = True

    def open_system(self, *, seed: int, documents: int, faults: str, port: int) -> StampliSandbox:
        """Make the drop server."""
        self.stampli = StampliSandbox(world=self.world, seed=seed, port=port, faults=faults, invoices=documents)
        return self.stampli

    def addresses(self) -> Mapping[str, str]:
        """Name both."""
        return {"IFS Cloud": self.ifs.url, "Stampli": self.stampli.url}

    def secrets(self) -> Mapping[str, str]:
        """Give the password of the drop server."""
        return {f"{self.name}/stampli/password": self.stampli.password}

    def section(self, sample: Sample) -> str:
        """Write Stampli's section."""
        return _SECTION.format(
            host=self.stampli.host,
            port=self.stampli.port,
            user=self.stampli.username,
            host_key=self.stampli.host_key,
            name=self.name,
            settle=sample.settle,
            voucher_type=VOUCHER_TYPE,
            user_group=USER_GROUP,
            payables=PAYABLES,
            columns=json.dumps(dict(self.stampli.columns)),
            vendor_columns=json.dumps(dict(self.stampli.vendor_columns)),
            order_columns=json.dumps(dict(self.stampli.order_columns)),
        )

    def act(self) -> str:
        """Approve and pay what waits, and export what changed."""
        people = self.stampli.people
        approved = people.approve()
        paid = people.pay()
        files = people.export_invoices()
        return f"people in Stampli approve {len(approved)} invoices, pay {len(paid)} and export {len(files)} files"

    def papers(self) -> Sequence[Paper]:
        """Give the invoices; those that IFS has are vouchers under the reference of their key, with their invoice."""
        exported = {_key(invoice): invoice for invoice in self.stampli.invoices.values()}
        references = {hashlib.sha256(key.encode()).hexdigest()[:20]: key for key in exported}
        grosses: dict[tuple[str, str], set[Amount]] = {}
        for row in self.ifs.invoices.values():  # its text says whose it is, but people write over texts
            gross = (str(row["Currency"]), row["NetCurrAmount"] + row["VatCurrAmount"])
            grosses.setdefault((str(row["Company"]), str(row["InvoiceNo"])), set()).add(gross)
        there: dict[str, Amount | None] = {}
        for reference, total in self.voucher_totals().items():
            key = references.get(reference, reference)
            company, _, number, _ = key.split("^") if key in exported else ("", "", "", "")
            invoiced = total in grosses.get((company, number), set())
            there[key] = total if invoiced else ("???", total[1])
        return (
            Paper(
                "invoices", "invoice", "IFS",
                {key: (invoice.currency, invoice.total) for key, invoice in exported.items()},
                there,
                {key: f"{invoice.number} of {invoice.vendor_name}" for key, invoice in exported.items()},
            ),
        )  # fmt: skip


def _key(invoice: Invoice) -> str:
    """Name an invoice as the contract does: company, vendor, normalised number and type."""
    parts = (invoice.company, invoice.vendor_id or invoice.vendor_name, invoice.number, invoice.type)
    plain = (" ".join(unicodedata.normalize("NFKC", part).split()).upper() for part in parts)
    return "^".join(part.replace("%", "%25").replace("^", "%5E") for part in plain)


OFFICE = StampliOffice
