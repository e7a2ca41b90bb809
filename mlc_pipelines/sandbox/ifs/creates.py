"""New records: numbers the server assigns, values it computes, rows that go with others."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.ifs.answers import BAD_BODY, OdataError, business_refusal
from mlc_pipelines.sandbox.ifs.bodies import require
from mlc_pipelines.sandbox.ifs.rules import VOUCHER_KEY, Rules
from mlc_pipelines.sandbox.ifs.schema import EntityType
from mlc_pipelines.sandbox.ifs.store import Row, Store
from mlc_pipelines.sandbox.kernel.clock import SandboxClock

FIRST_INVOICE_ID = 900001
FIRST_VOUCHER = 17
YEAR_BLOCK = 1_000_000
INVOICE_KEY = ("Company", "InvoiceId")
Make = Callable[[EntityType, dict[str, Any], Row | None], Row]


class Creates:
    """Makes records as the server would; nothing here is idempotent, so a second post is a second record."""

    def __init__(self, store: Store, rules: Rules, clock: SandboxClock) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._makers: dict[str, Make] = {
            "PostingProposalHead": self._proposal,
            "PostingProposalLine": self._proposal_line,
            "Voucher": self._voucher,
            "VoucherRow": self._voucher_row,
            "SupplierInfoGeneral": self._supplier,
        }

    def create(self, entity_type: EntityType, columns: dict[str, Any], *, parent: Row | None) -> Row:
        """Make a record of this type; a child belongs to its parent and may repeat the parent's company only."""
        if parent is None:
            require(columns, entity_type)
        elif columns.get("Company", parent.values["Company"]) != parent.values["Company"]:
            raise OdataError(400, BAD_BODY, f"Company {columns['Company']} is not the company of the parent.")
        return self._makers[entity_type.name](entity_type, columns, parent)

    def settle(self, entity_type: EntityType, row: Row, *, changed: set[str]) -> None:
        """Check a changed record and compute again what depends on it; a refusal undoes the change."""
        if entity_type.name == "PostingProposalHead" and changed & _MATTERS:
            self._rules.proposal(row.values)
            self._rules.proposal_balance(row)
        if entity_type.name == "PostingProposalLine":
            head = self._head(row)
            self._rules.code_string(row.values, company=row.values["Company"], on=head.values["InvoiceDate"])
            self._rules.proposal_balance(head)
            self._store.touch(head)
        if entity_type.name == "VoucherRow":
            voucher = self._store.find("Voucher", tuple(row.values[name] for name in VOUCHER_KEY))
            if voucher is not None:
                self._rules.code_string(row.values, company=row.values["Company"], on=voucher.values["VoucherDate"])
                self._analyse(row, voucher)

    def remove(self, row: Row, *, parent: Row | None) -> None:
        """Take a record away with everything below it."""
        self._store.remove(row)
        if row.table == "PostingProposalHead":
            for line in self._store.matching("PostingProposalLine", {name: row.values[name] for name in INVOICE_KEY}):
                self._store.remove(line)
        if row.table == "Voucher":
            for table in ("VoucherRow", "VoucherRowAnalysis"):
                for line in self._store.matching(table, {name: row.values[name] for name in VOUCHER_KEY}):
                    self._store.remove(line)
        if row.table == "PostingProposalLine" and parent is not None:
            self._rules.proposal_balance(parent)
            self._store.touch(parent)

    def _proposal(self, entity_type: EntityType, columns: dict[str, Any], parent: Row | None) -> Row:
        self._rules.proposal(columns)
        invoice_id = columns.get("InvoiceId") or self._store.following("InvoiceId", start=FIRST_INVOICE_ID)
        assigned = {
            "InvoiceId": invoice_id,
            "Creator": "MAN_SUPP_INVOICE_API",
            "CreationDate": self._today(),
            "CurrRate": columns.get("CurrRate") or Decimal(1),
            "DivFactor": Decimal(1),
            "Balance": columns["NetCurrAmount"],
            "ProposalExist": "TRUE",
            "MultiCompanyInvoice": "FALSE",
            "Cash": "FALSE",
            "SiiProposal": False,
            "DigitalInvoice": False,
            "Objstate": "Preliminary",
        }
        return self._store.insert(entity_type.name, {"AdvInv": False} | columns | assigned)

    def _proposal_line(self, entity_type: EntityType, columns: dict[str, Any], parent: Row | None) -> Row:
        head = _needed(parent)
        key = {name: head.values[name] for name in INVOICE_KEY}
        values = columns | key | {"RowId": self._next_row("PostingProposalLine", key, "RowId")}
        require(values, entity_type)
        self._rules.code_string(values, company=key["Company"], on=head.values["InvoiceDate"])
        row = self._store.insert(entity_type.name, values)
        self._rules.proposal_balance(head)
        self._store.touch(head)
        return row

    def _voucher(self, entity_type: EntityType, columns: dict[str, Any], parent: Row | None) -> Row:
        self._rules.voucher(columns)
        if not columns.get("VoucherNo"):
            year = columns["AccountingYear"]
            sequence = f"VoucherNo {columns['Company']} {columns['VoucherType']} {year}"
            columns["VoucherNo"] = self._store.following(sequence, start=year * YEAR_BLOCK + FIRST_VOUCHER)
        if self._store.find("Voucher", tuple(columns[name] for name in VOUCHER_KEY)) is not None:
            raise business_refusal(f"Voucher.EXIST: Voucher {columns['VoucherNo']} exists already.")
        assigned = {"EntryDate": self._clock.now(), "Userid": "IFSAPP", "Objstate": "Error"}
        return self._store.insert(entity_type.name, columns | assigned)

    def _voucher_row(self, entity_type: EntityType, columns: dict[str, Any], parent: Row | None) -> Row:
        voucher = _needed(parent)
        key = {name: voucher.values[name] for name in VOUCHER_KEY}
        values = columns | key | {"RowNo": self._next_row("VoucherRow", key, "RowNo")}
        require(values, entity_type)
        self._rules.voucher_row(values, voucher=voucher)
        row = self._store.insert(entity_type.name, values)
        self._analyse(row, voucher)
        state = "Error" if self._rules.difference(voucher) else "Confirmed"
        self._store.change(voucher, {"Objstate": state})
        return row

    def _analyse(self, row: Row, voucher: Row) -> None:
        account = self._store.find("Account", (row.values["Company"], row.values["Account"]))
        told = {name: voucher.values[name] for name in ("AccountingPeriod", "VoucherDate", "EntryDate")}
        told["Reference_Account"] = account.values["Description"] if account else None
        key = (*(row.values[name] for name in VOUCHER_KEY), row.values["RowNo"])
        known = self._store.find("VoucherRowAnalysis", key)
        if known is None:
            self._store.insert("VoucherRowAnalysis", row.values | told)
        else:
            self._store.change(known, row.values)

    def _supplier(self, entity_type: EntityType, columns: dict[str, Any], parent: Row | None) -> Row:
        supplier_id = columns.get("SupplierId") or f"S-{self._store.following('SupplierId', start=9001)}"
        if self._store.find("SupplierInfoGeneral", (supplier_id,)) is not None:
            raise business_refusal(f"SupplierInfoGeneral.EXIST: Supplier {supplier_id} exists already.")
        assigned = {"SupplierId": supplier_id, "PartyType": "Supplier", "CreationDate": self._today()}
        return self._store.insert(entity_type.name, columns | assigned | {"Objstate": "Active"})

    def _next_row(self, table: str, key: dict[str, Any], number: str) -> int:
        return max((row.values[number] for row in self._store.matching(table, key)), default=0) + 1

    def _head(self, line: Row) -> Row:
        return _needed(self._store.find("PostingProposalHead", tuple(line.values[name] for name in INVOICE_KEY)))

    def _today(self) -> date:
        return self._clock.now().date()


_MATTERS = frozenset({"Identity", "Currency", "CurrRate", "NetCurrAmount", "VatCurrAmount", "PayTermId"})


def _needed(row: Row | None) -> Row:
    if row is None:
        raise business_refusal("Parent.NOTEXIST: The record this one belongs to does not exist.")
    return row
