"""Exports come again and again: what each one means for what was posted before."""

import logging

import pytest

from mlc_pipelines_tests.roads.stampli.tenancy import COLUMNS, Tenancy, csv_of, invoice_feed, row

OTHER = {"Invoice Amount": "219.00", "Line Amount": "200.00"}


def posted(tenancy: Tenancy) -> int:
    return len(tenancy.proposals())


def test_pending_waits_and_goes_when_approved(tenancy: Tenancy) -> None:
    """Stored, not posted; then the newest content is posted, also when it is another one."""
    tenancy.post("a.csv", row(Status="Pending Approval"))
    assert tenancy.state() == ("ignored", "not_ready")
    assert posted(tenancy) == 0
    tenancy.post("b.csv", row() | OTHER)
    assert tenancy.state() == ("delivered", None)
    (proposal,) = tenancy.proposals()
    assert str(proposal["NetCurrAmount"]) == "200.00"


@pytest.mark.parametrize("status", ["Rejected", "Cancelled"])
def test_what_was_never_posted_is_only_stored(tenancy: Tenancy, status: str) -> None:
    """Rejected or cancelled before it was posted: nothing to do."""
    tenancy.post("a.csv", row(Status=status))
    assert tenancy.state() == ("ignored", "cancelled")
    assert posted(tenancy) == 0


def test_the_same_again_is_a_normal_export(tenancy: Tenancy) -> None:
    """Another file with the same content, another word for the same status, another order of lines: seen."""
    lines = [row(Line_Amount="60.00"), row(Line_No="2", Line_Amount="40.00", GL_Account="4020")]
    tenancy.post("a.csv", *lines)
    tenancy.post("b.csv", *({**line, "Status": "Exported"} for line in reversed(lines)))
    assert tenancy.entry("invoices", "NT-118").version == 1
    assert posted(tenancy) == 1


def test_approved_again_by_the_same_bytes_is_posted(tenancy: Tenancy) -> None:
    """Approved while the period was closed, taken back, and approved again: the third file equals the first."""
    tenancy.ifs.people.close_period("10", 2026, 11)
    tenancy.post("a.csv", row())
    tenancy.post("b.csv", row(Status="Pending Approval"))
    tenancy.ifs.people.open_period("10", 2026, 11)
    tenancy.post("c.csv", row())
    assert tenancy.state() == ("delivered", None)
    assert len(tenancy.proposals()) == 1


def test_the_same_bytes_under_their_old_time_change_nothing(tenancy: Tenancy) -> None:
    """An old export that is put back with its time is older than what came after it."""
    at = tenancy.put("a.csv", row(Status="Pending Approval"), mtime="2026-11-01T00:00:00Z")
    tenancy.go()
    tenancy.post("b.csv", row(Status="Rejected"))
    tenancy.put(f"again_{at.rpartition('/')[2]}", row(Status="Pending Approval"), mtime="2026-11-01T00:00:00Z")
    tenancy.go()
    assert tenancy.state() == ("ignored", "cancelled")
    assert set(tenancy.files().values()) == {"done"}


def test_paid_after_posting_only_marks(tenancy: Tenancy) -> None:
    """The invoice in IFS is marked as paid; no second invoice, no second voucher; once."""
    tenancy.post("a.csv", row())
    tenancy.post("b.csv", row(Status="Paid"))
    (proposal,) = tenancy.proposals()
    assert (proposal["Cf_Paid_Status"], proposal["Cf_Payment_Reference"][:8]) == ("Paid", "stampli:")
    assert tenancy.state() == ("delivered", None)
    assert len(tenancy.ifs.vouchers) == 1
    tenancy.post("c.csv", row(Status="Paid", Approved_By="somebody else"))
    assert tenancy.entry("invoices", "NT-118").version == 2


def test_paid_after_final_posting_is_recorded(tenancy: Tenancy) -> None:
    """IFS keeps its own book of payments once the invoice has left the proposals."""
    tenancy.post("a.csv", row())
    company, _, invoice_id = (tenancy.entry("invoices", "NT-118").external_id or "").partition("^")
    tenancy.ifs.people.final_post(company, int(invoice_id))
    tenancy.post("b.csv", row(Status="Paid"))
    assert tenancy.state() == ("delivered", None)


def test_paid_after_it_was_cancelled_in_ifs_is_for_a_person(tenancy: Tenancy) -> None:
    """Money has left for what the books no longer have; it is told, and ends when somebody has marked it."""
    tenancy.post("a.csv", row())
    (proposal,) = tenancy.proposals()
    tenancy.ifs.people.cancel_invoice("10", proposal["InvoiceId"])
    tenancy.post("b.csv", row(Status="Paid"))
    assert tenancy.state() == ("held", "cancelled_after_delivery")
    reference = (tenancy.entry("invoices", "NT-118").problem or "").partition("paid by ")[2].partition(";")[0]
    tenancy.ifs.people.edit_invoice(
        "10", proposal["InvoiceId"], Objstate="Cancelled", Cf_Paid_Status="Paid", Cf_Payment_Reference=reference
    )
    tenancy.replay("invoices")
    assert tenancy.state() == ("delivered", None)


def test_paid_from_the_first_is_posted_and_marked(tenancy: Tenancy) -> None:
    """An invoice that Stampli has paid before we saw it is not open for a second payment in IFS."""
    tenancy.post("a.csv", row(Status="Paid"))
    (proposal,) = tenancy.proposals()
    assert proposal["Cf_Paid_Status"] == "Paid"
    assert len(tenancy.ifs.vouchers) == 1


def test_other_content_after_posting_is_for_a_person(tenancy: Tenancy) -> None:
    """IFS is untouched; when the old content comes again all is well."""
    tenancy.post("a.csv", row())
    tenancy.post("b.csv", row() | OTHER)
    assert tenancy.state() == ("held", "changed_after_delivery")
    assert [str(each["NetCurrAmount"]) for each in tenancy.proposals()] == ["100.00"]
    tenancy.post("c.csv", row(Status="Exported", Approved_By="again"))
    assert tenancy.state() == ("ignored", "already_known")


@pytest.mark.parametrize("status", ["Rejected", "Cancelled"])
def test_cancelled_after_posting_is_for_a_person(tenancy: Tenancy, status: str) -> None:
    """Nothing is reversed by itself."""
    tenancy.post("a.csv", row())
    tenancy.post("b.csv", row(Status=status))
    assert tenancy.state() == ("held", "cancelled_after_delivery")
    assert posted(tenancy) == 1


def test_newer_content_replaces_what_is_held(tenancy: Tenancy) -> None:
    """A held invoice is checked again with what the next export says."""
    tenancy.post("a.csv", row(GL_Account="9999"))
    assert tenancy.state() == ("held", "account_unmapped")
    tenancy.post("b.csv", row())
    assert tenancy.state() == ("delivered", None)
    assert tenancy.entry("invoices", "NT-118").version == 2


def test_an_older_export_after_a_newer_one_is_only_recorded(tenancy: Tenancy) -> None:
    """A file of yesterday that comes today changes nothing; its copy is kept, and it is done."""
    tenancy.post("b.csv", row())
    tenancy.put("a.csv", row(Status="Pending Approval") | OTHER, mtime="2026-11-01T00:00:00Z")
    tenancy.go()
    assert tenancy.state() == ("delivered", None)
    assert tenancy.entry("invoices", "NT-118").version == 1
    assert tenancy.files() == {"a.csv": "done", "b.csv": "done"}


def test_files_of_one_poll_are_read_in_the_order_of_their_export(tenancy: Tenancy) -> None:
    """Whatever their names and the order of the listing."""
    tenancy.put("a.csv", row(), mtime="2026-11-10T00:00:00Z")
    tenancy.put("b.csv", row(Status="Pending Approval"), mtime="2026-11-09T00:00:00Z")
    tenancy.go()
    assert tenancy.state() == ("delivered", None)
    assert tenancy.entry("invoices", "NT-118").version == 2


def test_names_of_one_second_are_ordered_by_their_numbers(tenancy: Tenancy) -> None:
    """The tenth export of a second comes after the ninth."""
    for name, status in (("inv_9.csv", "Pending Approval"), ("inv_10.csv", "Approved")):
        tenancy.put(name, row(Status=status), mtime="2026-11-10T00:00:00Z")
    tenancy.go()
    assert tenancy.state() == ("delivered", None)


def test_what_is_passed_over_is_told(tenancy: Tenancy, caplog: pytest.LogCaptureFixture) -> None:
    """By file, with how many of its records have a later export; what was only seen before is not."""
    tenancy.post("b.csv", row())
    tenancy.put("a.csv", row(Status="Pending Approval"), row(Invoice_Number="NT-119"), mtime="2026-11-01T00:00:00Z")
    with caplog.at_level(logging.WARNING):
        tenancy.go()
        tenancy.go()
    told = [vars(each) for each in caplog.records if each.message == "older exports passed over"]
    assert {(each["file"], each["records"]) for each in told} == {("/outbound/invoices/a.csv", 1)}


def test_a_stamp_in_the_name_goes_before_the_time_of_the_server(tenancy: Tenancy) -> None:
    """Where names carry the time of the export, a file that was copied late keeps its place."""
    tenancy.change(stampli={"feeds": {"invoices": invoice_feed(stamp={})}})
    tenancy.put("i_20261110_120000.csv", row(), mtime="2026-11-10T12:00:00Z")
    tenancy.put("i_20261109_120000.csv", row(Status="Cancelled"), mtime="2026-11-12T00:00:00Z")
    tenancy.go()
    assert tenancy.state() == ("delivered", None)


def test_a_stamp_in_the_rows_goes_before_all(tenancy: Tenancy) -> None:
    """Each invoice has its own place in time where the file tells it."""
    feed = invoice_feed(columns={**COLUMNS, "exported_at": "Exported At"})
    tenancy.change(stampli={"feeds": {"invoices": feed}})
    older, newer = row() | {"Exported At": "2026-11-09T08:00:00Z"}, row() | {"Exported At": "2026-11-10T08:00:00Z"}
    tenancy.put("a.csv", content=csv_of(newer, columns=[*newer]), mtime="2026-11-01T00:00:00Z")
    tenancy.put("b.csv", content=csv_of(older | {"Status": "Cancelled"}, columns=[*older]))
    tenancy.go()
    assert tenancy.state() == ("delivered", None)
    assert tenancy.entry("invoices", "NT-118").version == 1


def test_twice_in_one_file_and_the_same_is_one(tenancy: Tenancy) -> None:
    """The same rows a second time, not even beside the first: one of them counts."""
    tenancy.post("a.csv", row(), row(Invoice_Number="NT-119"), row())
    assert sorted(each["InvoiceNo"] for each in tenancy.proposals()) == ["NT-118", "NT-119"]


def test_twice_in_one_file_and_not_the_same_is_for_a_person(tenancy: Tenancy) -> None:
    """Header fields that differ within one invoice hold it, with the rows."""
    tenancy.post("a.csv", row(), row(Invoice_Number="NT-119"), row() | OTHER | {"Line No": "2"})
    assert tenancy.state() == ("held", "unreadable")
    assert "rows 2, 4: total_amount" in (tenancy.entry("invoices", "NT-118").problem or "")
    assert [each["InvoiceNo"] for each in tenancy.proposals()] == ["NT-119"]


@pytest.mark.parametrize(("second", "state"), [({}, ("delivered", None)), (OTHER, ("held", "unreadable"))])
def test_twice_in_a_file_of_one_row_each(
    tenancy: Tenancy, second: dict[str, str], state: tuple[str, str | None]
) -> None:
    """Where a row is an invoice, the same row twice is one, and another one holds both."""
    tenancy.change(stampli={"feeds": {"invoices": invoice_feed(csv={"rows": "record"})}})
    tenancy.post("a.csv", row(), row() | second)
    assert tenancy.state() == state
    assert posted(tenancy) == (1 if state[0] == "delivered" else 0)
