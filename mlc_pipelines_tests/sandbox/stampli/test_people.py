"""People in Stampli: what they do shows in the next export."""

import os
from decimal import Decimal

import pytest

from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.sandbox.stampli.drop import INVOICES
from mlc_pipelines_tests.sandbox.stampli.caller import rows, totals


def exported(stampli: StampliSandbox) -> dict[str, tuple[str, Decimal]]:
    """Export what changed and give status and total by Stampli id."""
    found = [row for path in stampli.people.export_invoices() for row in rows(stampli.drop.read(path), stampli.columns)]
    return {key: (status, total) for key, (total, status, _) in totals(found).items()}


def test_an_invoice_comes_again_with_each_status(stampli: StampliSandbox) -> None:
    """Received, approved, paid: each export holds just what changed since the last."""
    made = stampli.people.receive_invoice("S-2001", amount="812.40")
    assert exported(stampli) == {made: ("Pending Approval", Decimal("812.40"))}
    assert exported(stampli) == {}
    stampli.people.approve([made])
    assert exported(stampli) == {made: ("Approved", Decimal("812.40"))}
    assert stampli.invoices[made].approved_by
    stampli.people.pay(made)
    assert exported(stampli) == {made: ("Paid", Decimal("812.40"))}


def test_an_edited_invoice_comes_with_its_new_content(stampli: StampliSandbox) -> None:
    """Amounts, codes and header fields can be changed after an export."""
    made = stampli.people.receive_invoice("S-1002", amount="10.00", status="APPROVED")
    exported(stampli)
    stampli.people.edit(made, amount="11.50", account="4500", tax="2.19", due_date="2026-12-24")
    assert exported(stampli) == {made: ("Approved", Decimal("13.69"))}
    assert stampli.invoices[made].lines[0].account == "4500"
    stampli.people.cancel(made)
    assert exported(stampli) == {made: ("Cancelled", Decimal("13.69"))}


def test_a_wiped_invoice_is_never_seen_again(stampli: StampliSandbox) -> None:
    """The reason Test leaves no trace, not even in a full export."""
    made = stampli.people.receive_invoice(number="TEST-1")
    stampli.people.wipe("TEST-1")
    paths = stampli.people.export_invoices(which="all")
    assert made not in totals([row for path in paths for row in rows(stampli.drop.read(path), stampli.columns)])


def test_what_cannot_be_done_is_refused(stampli: StampliSandbox) -> None:
    """Unknown invoices and fields, and steps out of order, change nothing."""
    people = stampli.people
    made = people.receive_invoice(status="PAID")
    for wrong in (
        lambda: people.approve([made]),
        lambda: people.cancel(made),
        lambda: people.reject(made),
        lambda: people.edit(made, colour="red"),
        lambda: people.edit(made, line=2, amount="1"),
        lambda: people.edit(made, amount="ten"),
        lambda: people.edit("INV-2026-100", tax="1"),
        lambda: people.export_invoices("pdf"),
        lambda: people.export_invoices(per_file=0),
        lambda: people.upload_file("../x.csv", b""),
    ):
        with pytest.raises(ValueError):
            wrong()
    assert stampli.invoices[made].status == "PAID"


def test_all_that_wait_are_approved_and_rejected_ones_stay(stampli: StampliSandbox) -> None:
    """`all` means those in the state before."""
    waiting = [invoice.id for invoice in stampli.invoices.values() if invoice.status == "PENDING"]
    stampli.people.reject(waiting[0])
    assert stampli.people.approve() == waiting[1:]
    assert stampli.invoices[waiting[0]].status == "REJECTED"


def test_a_slow_upload_has_a_temporary_name(stampli: StampliSandbox) -> None:
    """Half of it lies there as .filepart until the rest has come."""
    path = stampli.people.upload_file("slow.csv", b"0123456789", slowly=True)
    assert stampli.files(INVOICES)[f"{path}.filepart"] == 5
    assert path not in stampli.files()
    assert stampli.people.finish_upload("slow.csv") == path
    assert stampli.drop.read(path) == b"0123456789"
    assert f"{path}.filepart" not in stampli.files()


def test_a_file_may_change_within_its_second(stampli: StampliSandbox) -> None:
    """Other content under the same name, with the time it had or a later one."""
    path = stampli.people.upload_file("a.csv", b"one", mtime="2026-10-01T08:00:00")
    before = stampli.drop.on_disk(path).stat().st_mtime
    assert before == 1790841600
    stampli.people.replace_file("a.csv", b"two")
    assert (stampli.drop.on_disk(path).stat().st_mtime, stampli.drop.read(path)) == (before, b"two")
    stampli.people.replace_file("a.csv", b"six", same_second=False)
    assert stampli.drop.on_disk(path).stat().st_mtime > before
    stampli.people.grow_file("a.csv", "ty")
    assert stampli.drop.read(path) == b"sixty"
    stampli.people.remove_file("a.csv")
    assert path not in stampli.files()


def test_names_need_not_be_utf_8(stampli: StampliSandbox) -> None:
    """A name may hold any byte but slash and NUL."""
    stampli.people.upload_file(os.fsdecode(b"caf\xe9.csv"), b"x")
    assert b"caf\xe9.csv" in [os.fsencode(found.name) for found in stampli.drop.on_disk(INVOICES).iterdir()]


def test_credit_notes_may_be_written_positive(stampli: StampliSandbox) -> None:
    """With the switch the document type alone tells a credit note."""
    stampli.switches.credits_positive = True
    made = stampli.people.receive_invoice(amount="-40.00")
    (row,) = rows(stampli.drop.read(stampli.people.export_invoices()[0]), stampli.columns)
    assert (row["stampli_id"], row["document_type"], row["total_amount"], row["amount"]) == (
        made,
        "CREDIT",
        "40.00",
        "40.00",
    )
