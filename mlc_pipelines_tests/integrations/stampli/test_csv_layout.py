"""CSV files: every rule of the layout, and every way in which a file is not as agreed."""

import csv
from typing import Any

import pytest

from mlc_pipelines.integrations.stampli.csv_layout import again
from mlc_pipelines.integrations.stampli.raw import RejectedFileError
from mlc_pipelines_tests.integrations.stampli.builders import (
    COLUMNS,
    FIRST,
    HEADER,
    OTHER,
    SECOND,
    csv_records,
    feed,
    lines,
)


def rejected(content: bytes, match: str, **given: Any) -> None:
    with pytest.raises(RejectedFileError, match=match):
        csv_records(content, feed(**given))


def test_rows_of_one_invoice_are_one_record() -> None:
    """One row a line, the header repeated; quotes and commas in texts are as they were."""
    (record,) = csv_records(lines(FIRST, SECOND), feed())
    assert (record.fields["invoice_number"], record.fields["vendor_name"]) == ("NT-118", "Nordtek, Inc.")
    assert [line["amount"] for line in record.lines] == ["700.00", "500.00"]
    assert record.lines[1]["description"] == 'Travel, "zone 2"'
    assert (record.rows, record.problem) == ((2, 3), None)


def test_rows_need_not_stand_together() -> None:
    """Grouped also when another invoice stands between; in the order of their first rows."""
    records = csv_records(lines(FIRST, OTHER, SECOND), feed())
    assert [(record.fields["invoice_number"], record.rows) for record in records] == [
        ("NT-118", (2, 4)),
        ("NT-119", (3,)),
    ]


def test_keys_are_compared_normalised() -> None:
    """Case and blanks of a number do not make two invoices, but they differ as written: a person looks."""
    (record,) = csv_records(lines(FIRST, SECOND.replace("NT-118", "nt-118 ")), feed())
    assert record.problem == "rows 2, 3: invoice_number in row 3 differs from row 2"


def test_header_fields_that_differ_are_told_with_rows() -> None:
    """Another total in the second row: one problem, the other invoice is well."""
    records = csv_records(lines(FIRST, OTHER, SECOND.replace("1250.00", "1251.00")), feed())
    assert records[0].problem == "rows 2, 4: total_amount in row 4 differs from row 2"
    assert records[1].problem is None


def test_one_vendor_may_have_two_names() -> None:
    """The number names the vendor: rows stay together, and the difference is told."""
    (record,) = csv_records(lines(FIRST, SECOND.replace('"Nordtek, Inc."', "Nordtek")), feed())
    assert "vendor_name" in (record.problem or "")


def test_a_row_without_any_key_is_a_record_of_its_own() -> None:
    """So that it can be held with its number."""
    empty = FIRST.replace('10,NT-118,S-2201,"Nordtek, Inc."', ",,,")
    records = csv_records(lines(empty, empty), feed())
    assert [record.rows for record in records] == [(2,), (3,)]


def test_records_may_be_grouped_by_the_technical_key() -> None:
    """Where files have it, it is better than any number."""
    columns = {**COLUMNS, "stampli_id": "ID"}
    rows = [f"{FIRST},A", f"{SECOND.replace('NT-118', 'NT-200')},B"]
    records = csv_records(lines(*rows, header=f"{HEADER},ID"), feed(columns=columns, group_by=["stampli_id"]))
    assert len(records) == 2


def test_a_row_may_be_an_invoice() -> None:
    """One record a row, whatever it says."""
    assert len(csv_records(lines(FIRST, FIRST), feed(csv={"rows": "record"}))) == 2


def test_a_line_that_stands_twice_counts_once() -> None:
    """Word for word and with its number: the same invoice twice in one file."""
    (record,) = csv_records(lines(FIRST, SECOND, FIRST, SECOND), feed())
    assert len(record.lines) == 2
    columns = {name: column for name, column in COLUMNS.items() if name != "line_no"}
    (record,) = csv_records(lines(FIRST, FIRST), feed(columns=columns))
    assert len(record.lines) == 2  # without numbers two equal lines are two lines


def test_names_of_columns_are_matched_loosely_and_kept_as_agreed() -> None:
    """Case, blanks, dashes and underscores do not matter; further columns are kept beside."""
    header = HEADER.replace("Invoice Number", " invoice_NUMBER ").replace("GL Account", "gl-account") + ",Extra"
    (record,) = csv_records(lines(f"{FIRST},more", header=header), feed())
    assert record.fields["invoice_number"] == "NT-118"
    assert record.raw["csv"][0]["cells"]["Extra"] == "more"


def test_columns_may_be_positions() -> None:
    """Without a header row; row numbers begin with one."""
    places = {name: str(place) for place, name in enumerate(COLUMNS, start=1)}
    (record,) = csv_records(f"{FIRST}\n{SECOND}\n".encode(), feed(columns=places, csv={"header": False}))
    assert (record.fields["invoice_number"], record.rows) == ("NT-118", (1, 2))


def test_blank_and_null_words_are_nothing() -> None:
    """An empty cell, blanks, and the agreed words for null leave the field out."""
    (record,) = csv_records(
        lines(FIRST.replace("50.00", "null").replace("300", "  ")), feed(values={"nulls": ["NULL"]})
    )
    assert "tax_amount" not in record.fields
    assert "cost_center" not in record.lines[0]


def test_blank_rows_at_the_end_are_nothing() -> None:
    """Spreadsheets leave them."""
    assert len(csv_records(lines(FIRST) + b"\r\n,,,,,,,,,,,,,\r\n", feed())) == 1


def test_defaults_fill_what_a_file_lacks() -> None:
    """Company and currency that a tenant has only one of."""
    columns = {name: column for name, column in COLUMNS.items() if name not in {"company", "currency"}}
    chosen = feed(columns=columns, defaults={"company": "10", "currency": "EUR"})
    (record,) = csv_records(lines(FIRST), chosen)
    assert (record.fields["company"], record.fields["currency"]) == ("10", "EUR")


@pytest.mark.parametrize(
    ("encoding", "rules"),
    [
        ("utf-8", {}),
        ("utf-8-sig", {}),
        ("cp1252", {"encoding": "cp1252"}),
        ("utf-16", {"encoding": "utf-16"}),
        ("latin-1", {"encoding": "latin-1"}),
    ],
)
def test_encodings(encoding: str, rules: dict[str, str]) -> None:
    """With or without a mark, as agreed."""
    text = lines(FIRST.replace("Calibration", "Größe")).decode()
    (record,) = csv_records(text.encode(encoding), feed(csv=rules))
    assert record.lines[0]["description"] == "Größe"


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_delimiters(delimiter: str) -> None:
    """As agreed, never sniffed."""
    content = lines(OTHER).decode().replace(",", delimiter).encode()
    (record,) = csv_records(content, feed(csv={"delimiter": delimiter}))
    assert record.fields["invoice_number"] == "NT-119"
    rejected(content, "header lacks")


def test_quotes_may_be_escaped_or_absent() -> None:
    """A backslash before a quote, or quotes that are letters."""
    escaped = OTHER.replace("Nuts", '"2\\" nuts"')
    (record,) = csv_records(lines(escaped), feed(csv={"escape": "backslash"}))
    assert record.lines[0]["description"] == '2" nuts'
    (record,) = csv_records(lines(OTHER.replace("Nuts", '2" nuts')), feed(csv={"quote": None}))
    assert record.lines[0]["description"] == '2" nuts'


def test_line_ends_and_newlines_in_quotes() -> None:
    """CRLF, LF, and a newline inside quotes, which is one row all the same."""
    content = lines(FIRST.replace("Calibration", '"two\nlines"'), OTHER).replace(b"\r\n", b"\n")
    records = csv_records(content, feed())
    assert records[0].lines[0]["description"] == "two\nlines"
    assert records[1].rows == (3,)


def test_rows_before_the_header_are_skipped() -> None:
    """A title and a comment, as many as agreed."""
    content = b"Export of today\r\n# by somebody\r\n" + lines(FIRST)
    (record,) = csv_records(content, feed(csv={"skip_rows": 2}))
    assert record.rows == (4,)


def test_a_header_alone_is_no_record() -> None:
    """Valid, and empty."""
    assert csv_records(lines(), feed()) == []


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "no header row"),
        (lines(FIRST, header=HEADER.replace("Status", "Stat")), "header lacks Status"),
        (lines(FIRST, header=HEADER.replace("Status", "Line_No")), "lineno twice"),
        (lines(FIRST, "10,NT-119"), "row 3 has 2 fields, the header has 14"),
        (lines(FIRST, OTHER + ",more"), "row 3 has 15 fields"),
        (lines(FIRST)[: -len(",6110,300,700.00,Calibration\r\n")], "row 2 has 10 fields"),
        (lines(FIRST.replace('Inc."', "Inc.")), "row 2"),
        (lines(FIRST.replace('Inc."', 'Inc."x')), "row 2"),
        (lines(FIRST).replace(b"Cali", b"\x00"), "NUL"),
        (lines(FIRST).replace(b"Cali", b"\xff"), "cannot be read as utf-8-sig"),
        (lines(FIRST).decode().encode("utf-16"), "marked as utf-16"),
    ],
)
def test_a_file_that_is_not_as_agreed_is_rejected(content: bytes, match: str) -> None:
    """Whole, with the row where there is one."""
    rejected(content, match)


def test_a_mark_that_disagrees_is_rejected() -> None:
    """UTF-8 marked as such is not read as something else."""
    rejected(b"\xef\xbb\xbf" + lines(FIRST), "marked as utf-8-sig", csv={"encoding": "cp1252"})
    rejected(lines(FIRST).replace(b"Cali", b"\x81"), "cp1252", csv={"encoding": "cp1252"})


def test_a_row_that_is_too_short_for_its_positions_is_rejected() -> None:
    """Further fields are well."""
    places = {name: str(place) for place, name in enumerate(COLUMNS, start=1)}
    rejected(b"10,NT-118\n", "row 1 has 2 fields, at least 14", columns=places, csv={"header": False})


def test_too_many_rows_are_rejected() -> None:
    """No memory is filled with a file that nobody meant."""
    rejected(lines(*[OTHER] * 10), "more than 5 rows", limits={"max_rows": 5})


TRAILER = {"trailer": {"marker": "END", "count": 2, "sum": 3}}


def test_a_trailer_that_agrees_is_no_row() -> None:
    """Count of rows and sum of the lines."""
    (record,) = csv_records(lines(FIRST, SECOND) + b"END,2,1200.00\r\n", feed(csv=TRAILER))
    assert record.rows == (2, 3)
    by_record = {"trailer": {"marker": "END", "count": 2, "counts": "records"}}
    assert len(csv_records(lines(FIRST, SECOND, OTHER) + b"END,2\r\n", feed(csv=by_record))) == 2


@pytest.mark.parametrize(
    ("last", "match"),
    [
        (b"", "cut off"),
        (b"END,3,1200.00\r\n", "counts 3 rows, there are 2"),
        (b"END,2,1201.00\r\n", "says 1201.00 in all"),
        (b"END,2\r\n", "fewer than were agreed"),
        (b"END,two,1200.00\r\n", "counts two"),
        (b"END,2,1.200,00\r\n", "says 1.200 in all"),
    ],
)
def test_a_trailer_that_disagrees_rejects_the_file(last: bytes, match: str) -> None:
    """A cut upload is seen even where it was cut between two rows."""
    rejected(lines(FIRST, SECOND) + last, match, csv=TRAILER)


def test_a_byte_that_does_not_fit_is_named_wherever_it_is() -> None:
    """Counted from the beginning of the file, whichever part of it is read at once; signs are never cut in two."""
    long = FIRST.replace("Calibration", "ß" * 100_000)
    at = lines(long, OTHER).index(b"Nuts")
    rejected(lines(long, OTHER).replace(b"Nuts", b"\xff"), f"byte {at} cannot be read")
    assert [len(csv_records(lines(f"{each}{long}", OTHER), feed())) for each in ("", "1", "11", "111")] == [2, 2, 2, 2]


def test_utf_16_without_a_mark_is_read() -> None:
    """The lower byte first, as those write it who leave out the mark."""
    (record,) = csv_records(lines(FIRST).decode().encode("utf-16-le"), feed(csv={"encoding": "utf-16"}))
    assert record.fields["invoice_number"] == "NT-118"


def test_what_is_longer_than_any_value_is_rejected() -> None:
    """A line without an end is not taken into memory; the bound of a cell is Python's own, and is left as it is."""
    before = csv.field_size_limit()
    rejected(lines(FIRST.replace("Calibration", "x" * 1_000_000)), "a line is longer than 1000000")
    rejected(
        lines(FIRST.replace("Calibration", "x" * (before + 1))), rf"row 2: field larger than field limit \({before}\)"
    )
    assert csv.field_size_limit() == before


def test_rows_that_lie_far_apart_are_one_record() -> None:
    """In a file of which most lies on disk: grouped exactly, in the order of their first rows, with all row numbers."""
    count = 2000
    firsts = [FIRST.replace("NT-118", f"NT-{number}") for number in range(count)]
    seconds = [SECOND.replace("NT-118", f"NT-{number}") for number in reversed(range(count))]
    records = csv_records(lines(*firsts, *seconds), feed())
    assert [record.rows for record in records] == [(2 + n, 2 + 2 * count - 1 - n) for n in range(count)]
    assert [record.fields["invoice_number"] for record in records] == [f"NT-{n}" for n in range(count)]
    assert all(record.problem is None and len(record.lines) == 2 for record in records)


def test_our_copy_is_read_by_the_layout_as_it_is_now() -> None:
    """The cells are kept by column: another mapping reads them anew."""
    (record,) = csv_records(lines(FIRST, SECOND), feed())
    assert again(record.raw, feed()) == record
    changed = again(record.raw, feed(columns={**COLUMNS, "description": "Status"}))
    assert changed.lines[0]["description"] == "Approved"
