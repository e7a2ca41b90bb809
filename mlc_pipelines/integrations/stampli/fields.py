"""The fields of Stampli's records in our words; which column or path holds each is the tenant's layout."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of record: its header and line fields, what must be there, and what makes rows one record.

    `codes` are fields that a spreadsheet may have damaged by taking them for numbers. A must with several names is
    met by any of them.
    """

    header: frozenset[str]
    lines: frozenset[str]
    musts: tuple[tuple[str, ...], ...]
    group: tuple[str, ...]
    codes: frozenset[str]

    @property
    def fields(self) -> frozenset[str]:
        """All fields."""
        return self.header | self.lines


INVOICE = Shape(
    header=frozenset(
        {
            "company", "invoice_number", "document_type", "vendor_id", "vendor_name", "invoice_date", "due_date",
            "gl_date", "currency", "total_amount", "tax_amount", "freight_amount", "status", "approved_by",
            "approved_at", "po_number", "payment_terms", "stampli_id", "stampli_url", "exported_at",
        }
    ),
    lines=frozenset(
        {
            "line_no", "gl_account", "cost_center", "amount", "description", "tax_code", "po_line", "quantity",
            "unit_price",
        }
    ),
    musts=(
        ("invoice_number",), ("vendor_id", "vendor_name"), ("invoice_date",), ("total_amount",), ("status",),
        ("gl_account",), ("amount",), ("company",), ("currency",),
    ),
    group=("company", "vendor_id", "vendor_name", "invoice_number", "document_type"),
    codes=frozenset({"company", "invoice_number", "vendor_id", "po_number", "gl_account", "cost_center", "stampli_id"}),
)  # fmt: skip
VENDOR = Shape(
    header=frozenset(
        {
            "vendor_id", "vendor_name", "country", "currency", "email", "phone", "address", "city", "state", "zip_code",
            "tax_id", "payment_terms", "status", "exported_at",
        }
    ),
    lines=frozenset(),
    musts=(("vendor_id",), ("vendor_name",)),
    group=("vendor_id",),
    codes=frozenset({"vendor_id", "tax_id", "zip_code"}),
)  # fmt: skip
ORDER = Shape(
    header=frozenset(
        {"company", "po_number", "vendor_id", "vendor_name", "order_date", "currency", "total_amount", "status",
         "exported_at"}
    ),
    lines=frozenset({"line_no", "description", "quantity", "unit_price", "amount", "gl_account", "cost_center"}),
    musts=(("po_number",),),
    group=("company", "po_number"),
    codes=frozenset({"company", "po_number", "vendor_id", "gl_account", "cost_center"}),
)  # fmt: skip
DIMENSION = "dimension_"
"""Begins the line field of a further code part: `dimension_C`."""
