"""Files that a reader of drop folders must meet once: bytes of one invoice file each, good, odd or broken."""

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from xml.sax.saxutils import escape, quoteattr

from mlc_pipelines.sandbox.stampli.layouts import COLUMNS

Row = dict[str, str]
BOM = b"\xef\xbb\xbf"
WORDS_OF_CARE = "Gehäuse, groß, 5 µm, 3 €"
# Names that are to be refused unread; those with a slash no disk can hold: give them to `show_names`.
ODD_NAMES = (
    b"../invoices.csv",
    b"..\\invoices.csv",
    b"../../etc/passwd.csv",
    b"a/b.csv",
    b"line\nbreak.csv",
    b"bell\x07.csv",
    b"\x1b[31mred.csv",
    b"caf\xe9.csv",
    b"..",
    b"...csv",
)
TEMPORARY_NAMES = (
    "a.csv.tmp",
    "a.csv.part",
    "a.csv.filepart",
    "a.csv.partial",
    "a.csv.crdownload",
    "~a.csv",
    ".a.csv",
    "a.csv.lock",
)
_US: Mapping[str, str] = MappingProxyType(
    {"company": "20", "vendor_id": "S-2001", "vendor_name": "Buckeye Castings LLC", "currency": "USD"}
)


def invoice_rows(
    number: str = "NT-118",
    *,
    amounts: Sequence[str] = ("700.00", "500.00"),
    tax: str = "50.00",
    freight: str = "0.00",
    status: str = "Approved",
    **changes: str,
) -> list[Row]:
    """Give the rows of one invoice by field; `changes` replace fields in all of them. The total is exact."""
    total = sum((Decimal(amount) for amount in amounts), Decimal(tax)) + Decimal(freight)
    header = {
        **_US,
        "invoice_number": number,
        "document_type": "CREDIT" if total < 0 else "INVOICE",
        "invoice_date": "2026-10-30",
        "due_date": "2026-11-29",
        "total_amount": str(total),
        "tax_amount": tax,
        "freight_amount": freight,
        "status": status,
        "approved_by": "j.holm",
        "po_number": "",
        "payment_terms": "Net 30",
        "stampli_id": f"ST-{number}",
    }
    accounts = (("4400", "230"), ("4410", "200"), ("4200", "310"))
    return [
        header
        | {
            "line_no": str(no),
            "gl_account": accounts[no % 3][0],
            "cost_center": accounts[no % 3][1],
            "amount": amount,
            "description": f"Calibration, part {no}",
        }
        | changes
        for no, amount in enumerate(amounts, start=1)
    ]


def csv_file(
    *rows: Row,
    encoding: str = "utf-8",
    delimiter: str = ",",
    newline: str = "\r\n",
    columns: Mapping[str, str] = COLUMNS,
) -> bytes:
    """Write rows under the usual header."""
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter, lineterminator=newline)
    writer.writerow(columns.values())
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    return written.getvalue().encode(encoding)


def xml_file(*invoices: Sequence[Row]) -> bytes:
    """Write invoices as the short XML of the contract."""
    return f"<invoices>{''.join(_xml_invoice(rows) for rows in invoices)}</invoices>".encode()


def _xml_invoice(rows: Sequence[Row]) -> str:
    head = rows[0]
    lines = "".join(
        f"<line no={quoteattr(row['line_no'])}><account>{row['gl_account']}</account>"
        f"<costCenter>{row['cost_center']}</costCenter><amount>{row['amount']}</amount>"
        f"<description>{escape(row['description'])}</description></line>"
        for row in rows
    )
    return (
        f"<invoice number={quoteattr(head['invoice_number'])} status={quoteattr(head['status'])}"
        f" type={quoteattr(head['document_type'])} id={quoteattr(head['stampli_id'])}>"
        f"<company>{head['company']}</company><vendor id={quoteattr(head['vendor_id'])}>"
        f"{escape(head['vendor_name'])}</vendor><date>{head['invoice_date']}</date><dueDate>{head['due_date']}</dueDate>"
        f"<currency>{head['currency']}</currency><total>{head['total_amount']}</total><tax>{head['tax_amount']}</tax>"
        f"<freight>{head['freight_amount']}</freight><lines>{lines}</lines></invoice>"
    )


# Encodings and signs


def without_bom() -> bytes:
    """UTF-8 as it is."""
    return csv_file(*invoice_rows(description=WORDS_OF_CARE))


def with_bom() -> bytes:
    """UTF-8 with a byte order mark, as spreadsheets write it."""
    return BOM + without_bom()


def cp1252() -> bytes:
    """Windows' western code page: not valid UTF-8."""
    return csv_file(*invoice_rows(description=WORDS_OF_CARE), encoding="cp1252")


def utf_16() -> bytes:
    """UTF-16 with its mark."""
    return csv_file(*invoice_rows(description=WORDS_OF_CARE), encoding="utf-16")


def semicolons_and_decimal_commas() -> bytes:
    """As a German spreadsheet writes it, with points between thousands."""
    rows = invoice_rows(amounts=("7000.00", "500.50"))
    commas = str.maketrans(".,", ",.")
    for row in rows:
        for name in ("total_amount", "tax_amount", "freight_amount", "amount"):
            row[name] = f"{Decimal(row[name]):,}".translate(commas)
    return csv_file(*rows, delimiter=";")


def quoted_newline() -> bytes:
    """A description over two lines, with quotes and a comma."""
    return csv_file(*invoice_rows(description='Travel,\n"zone 2"'))


# Rows


def lines_not_adjacent() -> bytes:
    """The lines of two invoices take turns."""
    first, second = invoice_rows("NT-118"), invoice_rows("NT-119")
    return csv_file(first[0], second[0], first[1], second[1])


def headers_that_differ() -> bytes:
    """One group whose rows disagree about the total, and a good invoice beside it."""
    odd = invoice_rows("NT-118")
    odd[1]["total_amount"] = "1520.00"
    return csv_file(*odd, *invoice_rows("NT-119"))


def twice_the_same() -> bytes:
    """One invoice twice in a file, the same both times."""
    return csv_file(*invoice_rows(), *invoice_rows())


def twice_with_other_amounts() -> bytes:
    """One invoice twice in a file, with different lines."""
    return csv_file(*invoice_rows(), *invoice_rows(amounts=("700.00", "501.00")))


def same_number_of_two_vendors() -> bytes:
    """Two vendors happen to use one number."""
    other = invoice_rows("7001", vendor_id="S-2002", vendor_name="Great Lakes Freight Inc.", amounts=("88.10",))
    return csv_file(*invoice_rows("7001"), *other)


def unknown_status() -> bytes:
    """A status word nobody has heard of, and a good invoice beside it."""
    return csv_file(*invoice_rows("NT-118", status="Quarantined"), *invoice_rows("NT-119"))


def spreadsheet_damage() -> bytes:
    """A number that a spreadsheet took for a large one."""
    return csv_file(*invoice_rows("1.23E+11"), *invoice_rows("NT-119"))


def ambiguous_date() -> bytes:
    """The third of April, or the fourth of March."""
    return csv_file(*invoice_rows("NT-118", invoice_date="03/04/2026"), *invoice_rows("NT-119"))


def sum_off(by: str = "0.02") -> bytes:
    """Lines, tax and freight that miss the total by so much."""
    total = str(Decimal("1250.00") + Decimal(by))
    return csv_file(*invoice_rows("NT-118", total_amount=total), *invoice_rows("NT-119"))


def leading_zeros() -> bytes:
    """Numbers that are text: 00123 is not 123."""
    return csv_file(*invoice_rows("00123"), *invoice_rows("123"))


def many_rows(count: int = 10_000) -> bytes:
    """A large file, one line per invoice."""
    return csv_file(*(row for no in range(count) for row in invoice_rows(f"M-{no:06}", amounts=("10.01",), tax="0.00")))


# Whole files that are empty, cut or forbidden


def empty() -> bytes:
    """No byte at all."""
    return b""


def header_only() -> bytes:
    """No invoice today."""
    return csv_file()


def trailer(rows: Sequence[Row], *, count: int | None = None) -> bytes:
    """A file that ends with a row of TRAILER, the number of rows and the sum of the line amounts."""
    total = sum((Decimal(row["amount"]) for row in rows), Decimal(0))
    return csv_file(*rows) + f"TRAILER,{len(rows) if count is None else count},{total}\r\n".encode()


def missing_trailer() -> bytes:
    """A file that ought to have one: cut between two rows."""
    return csv_file(*invoice_rows())


def half_row() -> bytes:
    """Cut within a row."""
    whole = csv_file(*invoice_rows())
    return whole[: len(whole) - 60]


def unclosed_quote() -> bytes:
    """Cut within quotes."""
    whole = csv_file(*invoice_rows(), *invoice_rows("NT-119", description='He said "no"'))
    return whole[: whole.rindex(b'no""')]


def nul_byte() -> bytes:
    """A block that was never written: NUL."""
    return csv_file(*invoice_rows()).replace(b"Calibration, part 2", b"\0" * 19)


def missing_column() -> bytes:
    """No column for the amount of a line."""
    return csv_file(*invoice_rows(), columns={name: text for name, text in COLUMNS.items() if name != "amount"})


def column_twice() -> bytes:
    """Two columns of one name."""
    return csv_file(*invoice_rows(), columns={**COLUMNS, "po_number": "invoice_number"})


def cut_xml() -> bytes:
    """Cut within the second invoice."""
    whole = xml_file(invoice_rows("NT-118"), invoice_rows("NT-119"))
    return whole[: len(whole) - 80]


def xml_with_doctype() -> bytes:
    """A document type with an entity."""
    return b'<!DOCTYPE invoices [<!ENTITY x "y">]>' + xml_file(invoice_rows())


def xml_with_wrong_bom() -> bytes:
    """A byte order mark of UTF-8 before a prolog that says otherwise."""
    return BOM + b'<?xml version="1.0" encoding="iso-8859-1"?>' + xml_file(invoice_rows())


# Files that follow one another


def growing() -> tuple[bytes, bytes]:
    """A file in two looks: half, then whole."""
    whole = csv_file(*invoice_rows("NT-118"), *invoice_rows("NT-119"))
    return whole[: len(whole) // 2], whole


def same_size_other_bytes() -> tuple[bytes, bytes]:
    """Two contents of one size."""
    return csv_file(*invoice_rows(amounts=("700.00", "500.00"))), csv_file(*invoice_rows(amounts=("710.00", "490.00")))


def re_exports() -> tuple[bytes, bytes, bytes]:
    """One invoice three times: pending, approved, paid."""
    pending, approved, paid = (
        csv_file(*invoice_rows(status=word)) for word in ("Pending Approval", "Approved", "Paid")
    )
    return pending, approved, paid


def other_amount_after_posting() -> tuple[bytes, bytes]:
    """Approved, then with another amount."""
    return csv_file(*invoice_rows()), csv_file(*invoice_rows(amounts=("700.00", "600.00")))


def cancelled_after_posting() -> tuple[bytes, bytes]:
    """Approved, then cancelled."""
    return csv_file(*invoice_rows()), csv_file(*invoice_rows(status="Cancelled"))
