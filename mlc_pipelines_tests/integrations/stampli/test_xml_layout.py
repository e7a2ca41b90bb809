"""XML files: paths, namespaces, and everything a reader must refuse."""

import pytest

from mlc_pipelines.integrations.stampli.raw import RejectedFileError
from mlc_pipelines.integrations.stampli.xml_layout import again
from mlc_pipelines_tests.integrations.stampli.builders import XML, feed, xml_feed, xml_records

INVOICE = (
    '<invoice number="NT-118" status="Approved"><company>10</company><vendor id="S-2201">Nordtek, Inc.</vendor>'
    "<date>2026-03-30</date><currency>USD</currency><total>1250.00</total><tax>50.00</tax><lines>"
    '<line no="1"><account>6110</account><costCenter>300</costCenter><amount>700.00</amount></line>'
    '<line no="2"><account>6120</account><costCenter/><amount>500.00</amount></line></lines></invoice>'
)


def file(*invoices: str, before: str = "") -> bytes:
    return f"{before}<invoices>{''.join(invoices)}</invoices>".encode()


def rejected(content: bytes, match: str) -> None:
    with pytest.raises(RejectedFileError, match=match):
        xml_records(content, xml_feed())


def test_an_element_is_a_record() -> None:
    """Attributes and elements by their paths, lines below, blank ones left out."""
    (record,) = xml_records(file(INVOICE), xml_feed())
    assert record.fields == {
        "invoice_number": "NT-118",
        "status": "Approved",
        "company": "10",
        "vendor_id": "S-2201",
        "vendor_name": "Nordtek, Inc.",
        "invoice_date": "2026-03-30",
        "currency": "USD",
        "total_amount": "1250.00",
        "tax_amount": "50.00",
    }
    assert record.lines == (
        {"line_no": "1", "gl_account": "6110", "cost_center": "300", "amount": "700.00"},
        {"line_no": "2", "gl_account": "6120", "amount": "500.00"},
    )


def test_only_the_agreed_path_is_a_record() -> None:
    """An element of that name elsewhere is none."""
    assert len(xml_records(file(INVOICE, f"<draft>{INVOICE}</draft>"), xml_feed())) == 1


def test_comments_and_character_data_do_not_cut_a_value() -> None:
    """What stands around and inside is read as one text."""
    text = INVOICE.replace("1250.00", "12<!-- x -->50<![CDATA[.00]]>")
    (record,) = xml_records(file(text), xml_feed())
    assert record.fields["total_amount"] == "1250.00"


def test_namespaces_are_written_with_the_agreed_prefixes() -> None:
    """Whatever prefixes the file uses; the empty prefix is for elements without one, never for attributes."""
    content = file(INVOICE).decode().replace("<invoices>", '<invoices xmlns="urn:a" xmlns:z="urn:b">')
    content = content.replace("<company>10</company>", "<z:company>10</z:company>")
    fields = {**XML["fields"], "company": "b:company"}  # type: ignore[dict-item]  # a table
    (record,) = xml_records(content.encode(), xml_feed(namespaces={"": "urn:a", "b": "urn:b"}, fields=fields))
    assert (record.fields["company"], record.fields["invoice_number"]) == ("10", "NT-118")
    assert xml_records(content.encode(), xml_feed()) == []


def test_an_unknown_prefix_is_told() -> None:
    """As a mistake of the layout."""
    with pytest.raises(RejectedFileError, match="no prefix q"):
        xml_records(file(INVOICE), xml_feed(record="invoices/q:invoice"))


def test_a_field_that_stands_twice_and_differs_is_a_problem() -> None:
    """The same twice is well."""
    twice = INVOICE.replace("<tax>50.00</tax>", "<tax>50.00</tax><tax>51.00</tax>")
    (record,) = xml_records(file(twice), xml_feed())
    assert record.problem == "line 1: tax_amount stands there 2 times, and differs"
    (record,) = xml_records(file(twice.replace("51", "50")), xml_feed())
    assert record.problem is None


def test_a_record_may_be_its_own_line() -> None:
    """Files without lines: account and amount stand on the invoice."""
    flat = (
        '<invoice number="1" status="Approved"><company>10</company><vendor id="S"/><date>2026-03-30</date>'
        "<currency>USD</currency><total>5</total><account>6110</account><amount>5</amount></invoice>"
    )
    (record,) = xml_records(file(flat), xml_feed(line=None))
    assert record.lines == ({"gl_account": "6110", "amount": "5"},)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "cp1252"])
def test_the_encoding_is_that_of_the_prolog(encoding: str) -> None:
    """Declared and used."""
    text = f"<?xml version='1.0' encoding='{encoding}'?>" + file(INVOICE.replace("Nordtek", "Größe")).decode()
    (record,) = xml_records(text.encode(encoding), xml_feed())
    assert record.fields["vendor_name"] == "Größe, Inc."


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (file(INVOICE)[:-20], "not well-formed"),
        (file(INVOICE, INVOICE)[: len(file(INVOICE)) + 50], "not well-formed"),
        (b"", "not well-formed"),
        (b"Company,Status\n", "not well-formed"),
        (file(INVOICE, before="<!DOCTYPE invoices>"), "document type"),
        (file(INVOICE, before='<!DOCTYPE invoices SYSTEM "http://127.0.0.1:9/x.dtd">'), "document type"),
        (file(INVOICE.replace("Nordtek", "&a;"), before='<!DOCTYPE invoices [<!ENTITY a "b">]>'), "document type"),
        (file(INVOICE.replace("Nordtek", "&a;")), "not well-formed"),
        (file(INVOICE.replace("Nordtek", "\x01")), "not well-formed"),
        (b"\xef\xbb\xbf" + file(INVOICE, before="<?xml version='1.0' encoding='iso-8859-1'?>"), "declares iso-8859-1"),
        (file(INVOICE).replace(b"Nordtek", b"\xff"), "not well-formed"),
    ],
)
def test_what_must_not_be_read_is_rejected(content: bytes, match: str) -> None:
    """Cut files, document types, entities, wrong marks: whole, and nothing before the break is used."""
    rejected(content, match)


def test_entities_of_other_files_are_never_opened() -> None:
    """Not even looked at: the document type alone is refused."""
    before = '<!DOCTYPE invoices [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    rejected(file(INVOICE.replace("Nordtek", "&a;"), before=before), "document type")


def test_many_entities_are_not_expanded() -> None:
    """A small file cannot become a large one."""
    entities = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 12))
    before = f'<!DOCTYPE invoices [<!ENTITY e0 "x">{entities}]>'
    rejected(file(INVOICE.replace("Nordtek", "&e11;"), before=before), "document type|not well-formed")


def test_a_feed_without_xml_takes_none() -> None:
    """Said so, not read as something else."""
    with pytest.raises(RejectedFileError, match="no layout for XML"):
        xml_records(file(INVOICE), feed())


def test_too_many_records_are_rejected() -> None:
    """As rows of a CSV file are."""
    limited = feed(columns={}, xml=XML, limits={"max_rows": 3})
    with pytest.raises(RejectedFileError, match="more than 3"):
        xml_records(file(*[INVOICE] * 4), limited)


def test_our_copy_is_read_by_the_layout_as_it_is_now() -> None:
    """The element is kept, and read anew."""
    (record,) = xml_records(file(INVOICE), xml_feed())
    assert again(record.raw, xml_feed()) == record
    fields = {**XML["fields"], "vendor_name": "currency"}  # type: ignore[dict-item]  # a table
    assert again(record.raw, xml_feed(fields=fields)).fields["vendor_name"] == "USD"
