"""How exports are written: the agreed CSV columns and XML elements, as bytes.

No layout of Stampli's is public; these are the defaults of the contract sheet, with columns for what it lacks.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from xml.etree import ElementTree

from mlc_pipelines.sandbox.stampli.records import CREDIT, WORDS, Invoice, Line
from mlc_pipelines.sandbox.stampli.switches import Switches
from mlc_pipelines.sandbox.world import CURRENCY_DIGITS, OrderLine, PurchaseOrder, Supplier

# field -> column, in the order of the file
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "company": "Company",
        "invoice_number": "Invoice Number",
        "vendor_id": "Vendor ID",
        "vendor_name": "Vendor Name",
        "invoice_date": "Invoice Date",
        "due_date": "Due Date",
        "currency": "Currency",
        "total_amount": "Invoice Amount",
        "tax_amount": "Tax Amount",
        "status": "Status",
        "approved_by": "Approved By",
        "po_number": "PO Number",
        "line_no": "Line No",
        "gl_account": "GL Account",
        "cost_center": "Cost Center",
        "amount": "Line Amount",
        "description": "Line Description",
        "document_type": "Document Type",
        "freight_amount": "Freight Amount",
        "gl_date": "GL Date",
        "approved_at": "Approved At",
        "payment_terms": "Payment Terms",
        "stampli_id": "Stampli ID",
        "stampli_url": "Stampli URL",
        "exported_at": "Exported At",
    }
)
# field -> path below the invoice, or below the line for the line's fields
XML_PATHS: Mapping[str, str] = MappingProxyType(
    {
        "invoice_number": "@number",
        "status": "@status",
        "document_type": "@type",
        "stampli_id": "@id",
        "company": "company",
        "vendor_id": "vendor/@id",
        "vendor_name": "vendor",
        "invoice_date": "date",
        "due_date": "dueDate",
        "gl_date": "glDate",
        "currency": "currency",
        "total_amount": "total",
        "tax_amount": "tax",
        "freight_amount": "freight",
        "approved_by": "approvedBy",
        "approved_at": "approvedAt",
        "po_number": "poNumber",
        "payment_terms": "terms",
        "stampli_url": "url",
        "exported_at": "exportedAt",
        "line_no": "@no",
        "gl_account": "account",
        "cost_center": "costCenter",
        "amount": "amount",
        "description": "description",
    }
)
XML_RECORD, XML_LINE = "invoice", "lines/line"
VENDOR_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "vendor_id": "Vendor ID",
        "vendor_name": "Vendor Name",
        "country": "Country",
        "currency": "Currency",
        "email": "Email",
        "phone": "Phone",
        "address": "Address",
        "city": "City",
        "state": "State",
        "zip_code": "Zip Code",
        "tax_id": "Tax ID",
        "payment_terms": "Payment Terms",
        "status": "Status",
        "exported_at": "Exported At",
    }
)
ORDER_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "company": "Company",
        "po_number": "PO Number",
        "vendor_id": "Vendor ID",
        "order_date": "Order Date",
        "currency": "Currency",
        "total_amount": "Order Amount",
        "status": "Status",
        "line_no": "Line No",
        "description": "Line Description",
        "quantity": "Quantity",
        "unit_price": "Unit Price",
        "amount": "Line Amount",
        "gl_account": "GL Account",
        "cost_center": "Cost Center",
        "exported_at": "Exported At",
    }
)


def money(amount: Decimal, currency: str) -> str:
    """Write an amount with as many places as the currency has."""
    return str(amount.quantize(Decimal(1).scaleb(-CURRENCY_DIGITS.get(currency, 2))))


def invoice_cells(invoice: Invoice, *, at: datetime, switches: Switches) -> dict[str, str]:
    """Give the header of an invoice as text by field."""
    sign = -1 if switches.credits_positive and invoice.type == CREDIT else 1
    amounts = {"total_amount": invoice.total, "tax_amount": invoice.tax, "freight_amount": invoice.freight}
    return {
        "company": invoice.company,
        "invoice_number": invoice.number,
        "document_type": invoice.type,
        "vendor_id": invoice.vendor_id,
        "vendor_name": invoice.vendor_name,
        "invoice_date": _day(invoice.invoice_date),
        "due_date": _day(invoice.due_date),
        "gl_date": _day(invoice.gl_date),
        "currency": invoice.currency,
        **{name: money(sign * amount, invoice.currency) for name, amount in amounts.items()},
        "status": WORDS[invoice.status],
        "approved_by": invoice.approved_by,
        "approved_at": moment(invoice.approved_at),
        "po_number": invoice.po_number,
        "payment_terms": invoice.payment_terms,
        "stampli_id": invoice.id,
        "stampli_url": invoice.url,
        "exported_at": moment(at),
    }


def line_cells(invoice: Invoice, line: Line, *, switches: Switches) -> dict[str, str]:
    """Give one line as text by field."""
    sign = -1 if switches.credits_positive and invoice.type == CREDIT else 1
    return {
        "line_no": str(line.no),
        "gl_account": line.account,
        "cost_center": line.cost_center,
        "amount": money(sign * line.amount, invoice.currency),
        "description": line.description,
    }


def invoices_csv(invoices: Iterable[Invoice], *, at: datetime, switches: Switches) -> bytes:
    """Write one row per line, the header's columns repeated."""
    rows = [
        invoice_cells(invoice, at=at, switches=switches) | line_cells(invoice, line, switches=switches)
        for invoice in invoices
        for line in invoice.lines
    ]
    return table(COLUMNS, rows)


def invoices_xml(invoices: Iterable[Invoice], *, at: datetime, switches: Switches) -> bytes:
    """Write one element per invoice."""
    root = ElementTree.Element("invoices")
    for invoice in invoices:
        made = ElementTree.SubElement(root, XML_RECORD)
        _put(made, invoice_cells(invoice, at=at, switches=switches))
        lines = ElementTree.SubElement(made, "lines")
        for line in invoice.lines:
            _put(ElementTree.SubElement(lines, "line"), line_cells(invoice, line, switches=switches))
    ElementTree.indent(root)
    written = io.BytesIO()
    ElementTree.ElementTree(root).write(written, encoding="utf-8", xml_declaration=True)
    return written.getvalue()


def vendors_csv(suppliers: Iterable[Supplier], *, at: datetime, terms: Mapping[str, str]) -> bytes:
    """Write the vendor list."""
    return table(
        VENDOR_COLUMNS,
        [
            {
                "vendor_id": known.id,
                "vendor_name": known.name,
                "country": known.country or "",
                "currency": known.currency,
                "email": known.email or "",
                "phone": known.phone,
                "address": known.address,
                "city": known.city,
                "state": known.state or "",
                "zip_code": known.zip_code,
                "tax_id": known.tax_id,
                "payment_terms": terms[known.pay_term],
                "status": "Active",
                "exported_at": moment(at),
            }
            for known in suppliers
        ],
    )


def orders_csv(orders: Iterable[PurchaseOrder], *, at: datetime) -> bytes:
    """Write purchase orders, one row per line."""
    return table(ORDER_COLUMNS, [_order_cells(order, line, at=at) for order in orders for line in order.lines])


def _order_cells(order: PurchaseOrder, line: OrderLine, *, at: datetime) -> dict[str, str]:
    total = sum((each.quantity * each.price for each in order.lines), Decimal(0))
    return {
        "company": order.company,
        "po_number": order.order_no,
        "vendor_id": order.supplier,
        "order_date": _day(order.order_date),
        "currency": order.currency,
        "total_amount": money(total, order.currency),
        "status": order.state,
        "line_no": line.line_no,
        "description": line.description,
        "quantity": str(line.quantity),
        "unit_price": money(line.price, order.currency),
        "amount": money(line.quantity * line.price, order.currency),
        "gl_account": line.account,
        "cost_center": line.cost_center,
        "exported_at": moment(at),
    }


def table(columns: Mapping[str, str], rows: Iterable[Mapping[str, str]]) -> bytes:
    """Write rows under a header as UTF-8 with CRLF, quoted where needed."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(columns.values())
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    return written.getvalue().encode()


def moment(at: datetime | None) -> str:
    """Write a time in UTC to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _put(parent: ElementTree.Element, cells: Mapping[str, str]) -> None:
    for name, value in cells.items():
        path: Sequence[str] = XML_PATHS[name].split("/")
        at = parent
        for step in path:
            if step.startswith("@"):
                at.set(step[1:], value)
                break
            found = at.find(step)
            at = found if found is not None else ElementTree.SubElement(at, step)
        else:
            at.text = value
