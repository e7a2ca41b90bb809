"""What people do in the simulated IFS Cloud while nobody looks: edit, cancel, post, close, update."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.ifs.rules import VOUCHER_KEY
from mlc_pipelines.sandbox.ifs.schema import Attribute, EntityType
from mlc_pipelines.sandbox.ifs.store import Row
from mlc_pipelines.sandbox.ifs.tenant import Tenant

TERM_DAYS = 30
Record = dict[str, Any]


class People:
    """Actions of the tenant's staff; amounts and dates may come as text, since JSON has neither."""

    def __init__(self, tenant: Callable[[], Tenant]) -> None:
        self._tenant_now = tenant
        self.finally_posted: list[Record] = []

    def actions(self) -> Mapping[str, Callable[..., Any]]:
        """Return the actions by the name the control endpoint knows."""
        return {
            "edit_invoice": self.edit_invoice,
            "add_invoice": self.add_invoice,
            "cancel_invoice": self.cancel_invoice,
            "final_post": self.final_post,
            "close_period": self.close_period,
            "open_period": self.open_period,
            "add_period": self.add_period,
            "update_gl": self.update_gl,
            "add_supplier": self.add_supplier,
            "edit_supplier": self.edit_supplier,
            "deploy": self.deploy,
            "revoke_grant": self.revoke_grant,
        }

    def edit_invoice(
        self, company: str, invoice_id: int, *, lines: Sequence[Record] | None = None, **attributes: Any
    ) -> Record:
        """Change attributes of a proposal, and its lines when they are given; return the proposal."""
        tenant = self._tenant_now()
        with tenant.store.lock:
            head = self._invoice(company, invoice_id)
            tenant.store.change(head, self._columns("PostingProposalHead", attributes))
            if lines is not None:
                self._replace_lines(head, lines)
            if {"NetCurrAmount", "VatCurrAmount"} & set(attributes):
                head.values["GrossAmount"] = head.values["NetCurrAmount"] + head.values["VatCurrAmount"]
            if "Objstate" not in attributes and (lines is not None or "NetCurrAmount" in attributes):
                tenant.rules.proposal_balance(head)
            return dict(head.values)

    def add_invoice(
        self, company: str, supplier: str, number: str, *, lines: Sequence[Record] | None = None, **attributes: Any
    ) -> int:
        """Enter a balanced invoice and return its id; without lines it has one of 100.00 on account 4010."""
        tenant = self._tenant_now()
        with tenant.store.lock:
            given = self._columns("PostingProposalHead", attributes)
            coding = (
                list(lines) if lines is not None else [{"Account": "4010", "CodeB": "210", "CurrencyAmount": "100"}]
            )
            net = sum((Decimal(str(line["CurrencyAmount"])) for line in coding), Decimal(0))
            invoice_date = given.get("InvoiceDate", tenant.clock.now().date())
            seller = self._supplier(supplier).values
            values = {
                "Company": company,
                "Identity": supplier,
                "PartyType": "Supplier",
                "SeriesId": "SI",
                "InvoiceNo": number,
                "InvoiceType": "SUPPCREDIT" if net < 0 else "SUPPINV",
                "InvoiceDate": invoice_date,
                "DueDate": invoice_date + timedelta(days=TERM_DAYS),
                "Currency": seller["Cf_Currency"] or "EUR",
                "PayTermId": seller["Cf_Pay_Term"],
                "NetCurrAmount": net,
                "VatCurrAmount": Decimal(0),
            }
            head_type = tenant.schema.types["PostingProposalHead"]
            head = tenant.creates.create(head_type, values | given, parent=None)
            self._replace_lines(head, coding)
            return int(head.values["InvoiceId"])

    def cancel_invoice(self, company: str, invoice_id: int) -> Record:
        """Cancel an invoice; its proposal stays readable."""
        return self.edit_invoice(company, invoice_id, Objstate="Cancelled")

    def final_post(self, company: str, invoice_id: int) -> Record:
        """Post an invoice finally; its proposal leaves the set, the invoice stays."""
        tenant = self._tenant_now()
        with tenant.store.lock:
            head = self._invoice(company, invoice_id)
            record = dict(head.values)
            tenant.creates.remove(head, parent=None)
            tenant.store.insert("ManSuppInvoice", record | {"Objstate": "Posted"})
            self.finally_posted.append(record)
            return record

    def close_period(self, company: str, year: int, period: int) -> None:
        """Close an accounting period for vouchers."""
        self._set_period((company, year, period), "Closed")

    def open_period(self, company: str, year: int, period: int) -> None:
        """Open an accounting period for vouchers."""
        self._set_period((company, year, period), "Open")

    def add_period(self, company: str, year: int, period: int, *, first: str, last: str, status: str = "Open") -> None:
        """Set up one more accounting period; those that open and close a year hold days of others."""
        key = {"Company": company, "AccountingYear": year, "AccountingPeriod": period}
        values = key | {"DateFrom": first, "DateUntil": last, "PeriodStatus": status}
        tenant = self._tenant_now()
        with tenant.store.lock:
            tenant.store.insert("AccountingPeriod", self._columns("AccountingPeriod", values))

    def update_gl(self, company: str | None = None) -> int:
        """Move balanced vouchers from the hold table to the general ledger; return how many."""
        tenant = self._tenant_now()
        moved = 0
        with tenant.store.lock:
            for voucher in list(tenant.store.rows("Voucher")):
                if company not in (None, voucher.values["Company"]) or tenant.rules.difference(voucher):
                    continue
                for row in tenant.store.matching("VoucherRow", {name: voucher.values[name] for name in VOUCHER_KEY}):
                    tenant.store.remove(row)
                tenant.store.remove(voucher)
                moved += 1
        return moved

    def add_supplier(self, **attributes: Any) -> str:
        """Register a supplier and return its id."""
        tenant = self._tenant_now()
        with tenant.store.lock:
            columns = self._columns("SupplierInfoGeneral", attributes)
            row = tenant.creates.create(tenant.schema.types["SupplierInfoGeneral"], columns, parent=None)
            return str(row.values["SupplierId"])

    def edit_supplier(self, supplier_id: str, **attributes: Any) -> Record:
        """Change attributes of a supplier; return the supplier."""
        tenant = self._tenant_now()
        with tenant.store.lock:
            row = self._supplier(supplier_id)
            tenant.store.change(row, self._columns("SupplierInfoGeneral", attributes))
            return dict(row.values)

    def deploy(self, service: str, status: int = 500) -> None:
        """Deploy a projection: the next call to it answers MI_MODIFIED_ERROR once."""
        tenant = self._tenant_now()
        with tenant.store.lock:
            tenant.stale[service] = status

    def revoke_grant(self, projection: str) -> None:
        """Take a projection away from the service user."""
        switches = self._tenant_now().switches
        switches.forbidden_projections = switches.forbidden_projections | {projection}

    def _set_period(self, key: tuple[str, int, int], status: str) -> None:
        tenant = self._tenant_now()
        with tenant.store.lock:
            tenant.store.change(_found(tenant.store.find("AccountingPeriod", key), key), {"PeriodStatus": status})

    def _replace_lines(self, head: Row, lines: Sequence[Record]) -> None:
        tenant = self._tenant_now()
        key = {name: head.values[name] for name in ("Company", "InvoiceId")}
        for old in tenant.store.matching("PostingProposalLine", key):
            tenant.store.remove(old)
        line_type = tenant.schema.types["PostingProposalLine"]
        for line in lines:
            columns = self._columns("PostingProposalLine", {name: line[name] for name in line if name != "RowId"})
            tenant.creates.create(line_type, columns, parent=head)

    def _invoice(self, company: str, invoice_id: int) -> Row:
        key = (company, invoice_id)
        return _found(self._tenant_now().store.find("PostingProposalHead", key), key)

    def _supplier(self, supplier_id: str) -> Row:
        return _found(self._tenant_now().store.find("SupplierInfoGeneral", (supplier_id,)), supplier_id)

    def _columns(self, table: str, attributes: Mapping[str, Any]) -> Record:
        entity_type = self._tenant_now().schema.types[table]
        return {name: _coerced(_column(entity_type, name), value) for name, value in attributes.items()}


def _found(row: Row | None, key: object) -> Row:
    if row is None:
        raise KeyError(f"nothing has the key {key!r}")
    return row


def _column(entity_type: EntityType, name: str) -> Attribute:
    attribute = entity_type.column(name)
    if attribute is None:
        raise KeyError(f"{entity_type.name} has no attribute {name}")
    return attribute


def _coerced(attribute: Attribute, value: Any) -> Any:
    if value is None:
        return None
    if attribute.kind == "decimal":
        return Decimal(str(value))
    if attribute.kind == "date" and isinstance(value, str):
        return date.fromisoformat(value)
    if attribute.kind == "time" and isinstance(value, str):
        return datetime.fromisoformat(value).astimezone(UTC)
    return value
