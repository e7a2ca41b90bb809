"""The files for tests of readers are what their names say."""

import csv
import io
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from mlc_pipelines.sandbox.stampli import fixtures
from mlc_pipelines.sandbox.stampli.layouts import COLUMNS
from mlc_pipelines_tests.sandbox.stampli.caller import rows, totals, xml_rows


def test_good_files_add_up() -> None:
    """Lines, tax and freight make the total, in CSV and XML."""
    made = fixtures.invoice_rows(amounts=("10.00", "20.00"), tax="5.70", freight="4.00")
    assert {row["total_amount"] for row in rows(fixtures.csv_file(*made), COLUMNS)} == {"39.70"}
    assert totals(xml_rows(fixtures.xml_file(made))) == totals(rows(fixtures.csv_file(*made), COLUMNS))
    credit = fixtures.invoice_rows(amounts=("-10.00",), tax="-1.90")
    assert (credit[0]["document_type"], credit[0]["total_amount"]) == ("CREDIT", "-11.90")


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (fixtures.without_bom(), "utf-8"),
        (fixtures.with_bom(), "utf-8-sig"),
        (fixtures.cp1252(), "cp1252"),
        (fixtures.utf_16(), "utf-16"),
    ],
)
def test_encodings(content: bytes, encoding: str) -> None:
    """Each file reads in its own encoding, and only plain UTF-8 also in the others' way."""
    assert fixtures.WORDS_OF_CARE in content.decode(encoding)
    if encoding in ("cp1252", "utf-16"):
        with pytest.raises(UnicodeDecodeError):
            content.decode("utf-8")


def test_cut_and_forbidden_files_are_broken() -> None:
    """They end early, hold NUL, a document type or a mark that lies."""
    for broken in (fixtures.cut_xml(), fixtures.half_row()[-5:]):
        with pytest.raises(ElementTree.ParseError):
            ElementTree.fromstring(broken)
    assert fixtures.half_row().count(b"\r\n") == 2
    with pytest.raises(csv.Error):
        list(csv.reader(io.StringIO(fixtures.unclosed_quote().decode()), strict=True))
    assert b"\0" in fixtures.nul_byte()
    assert fixtures.xml_with_doctype().startswith(b"<!DOCTYPE")
    assert fixtures.xml_with_wrong_bom().startswith(fixtures.BOM)
    assert fixtures.empty() == b""
    assert rows(fixtures.header_only(), COLUMNS) == []
    assert b"Line Amount" not in fixtures.missing_column()
    assert b"invoice_number" in fixtures.column_twice()


def test_odd_rows_are_beside_good_ones() -> None:
    """Each odd file has an invoice that is to be held, and one that is to go on."""
    for content in (
        fixtures.headers_that_differ(),
        fixtures.unknown_status(),
        fixtures.spreadsheet_damage(),
        fixtures.ambiguous_date(),
        fixtures.sum_off(),
        fixtures.lines_not_adjacent(),
        fixtures.leading_zeros(),
    ):
        assert len(totals(rows(content, COLUMNS))) == 2
    assert len({row["total_amount"] for row in rows(fixtures.headers_that_differ(), COLUMNS)}) == 2
    assert len(rows(fixtures.many_rows(50), COLUMNS)) == 50
    assert "1.250,00" not in fixtures.semicolons_and_decimal_commas().decode()
    assert "7.550,50" in fixtures.semicolons_and_decimal_commas().decode()
    assert "\n" in rows(fixtures.quoted_newline(), COLUMNS)[0]["description"]
    assert {row["vendor_id"] for row in rows(fixtures.same_number_of_two_vendors(), COLUMNS)} == {"S-2001", "S-2002"}


def test_sequences_differ_where_they_should() -> None:
    """Files that follow one another: halves, equal sizes, statuses, amounts."""
    half, whole = fixtures.growing()
    assert whole.startswith(half)
    one, other = fixtures.same_size_other_bytes()
    assert len(one) == len(other)
    assert one != other
    assert [rows(content, COLUMNS)[0]["status"] for content in fixtures.re_exports()] == [
        "Pending Approval",
        "Approved",
        "Paid",
    ]
    first, second = fixtures.other_amount_after_posting()
    (before,), (after,) = (totals(rows(content, COLUMNS)).values() for content in (first, second))
    assert after[0] - before[0] == Decimal("100.00")
    assert fixtures.cancelled_after_posting()[0] == first
    assert len(rows(fixtures.twice_the_same(), COLUMNS)) == len(rows(fixtures.twice_with_other_amounts(), COLUMNS)) == 4
    last = fixtures.trailer(fixtures.invoice_rows()).splitlines()[-1]
    assert last == b"TRAILER,2,1200.00"
    assert not fixtures.missing_trailer().splitlines()[-1].startswith(b"TRAILER")
