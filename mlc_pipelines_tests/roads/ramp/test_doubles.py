"""Nothing is paid twice: what another connection, another way or mail intake has brought to a Ramp is seen."""

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines_tests.roads.ramp.tenancy import Tenancy
from mlc_pipelines_tests.roads.ramp.test_vouchers import RULES, approved

ELSEWHERE = "ramp:5d6f6b1c-0f2b-4f0e-9a43-6d1f0a1f8e21"
"""The mark of a bill in another Ramp business."""


def test_an_invoice_that_is_in_another_ramp_is_not_sent_to_this_one(tenancy: Tenancy) -> None:
    """Its mark looks like ours, and no bill of it is here; a person who clears it and replays has it sent."""
    reference = tenancy.invoice("INV-1", Cf_Spend_Reference=ELSEWHERE)
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.SENT_ELSEWHERE}
    assert (tenancy.bills(reference), tenancy.proposal(reference)["Cf_Spend_Reference"]) == ([], ELSEWHERE)
    tenancy.edit(reference, Cf_Spend_Reference=None)
    tenancy.replay("bills")
    tenancy.run("bills")
    assert tenancy.proposal(reference)["Cf_Spend_Reference"] == f"ramp:{tenancy.bill(reference).id}"


def test_a_mark_that_another_ramp_made_meanwhile_is_not_overwritten(tenancy: Tenancy) -> None:
    """Two connections poll in the same minute: both have sent it, and a person must know."""
    reference = tenancy.invoice("INV-1")
    tenancy.run_stages("bills", "collect", "translate", "deliver")
    tenancy.edit(reference, Cf_Spend_Reference=ELSEWHERE)
    tenancy.run_stages("bills", "confirm")
    assert tenancy.causes("bills") == {"INV-1": Cause.SENT_ELSEWHERE}
    assert tenancy.proposal(reference)["Cf_Spend_Reference"] == ELSEWHERE


def test_a_draft_whose_answer_was_lost_is_found_after_a_change_of_mode(tenancy: Tenancy) -> None:
    """An operator switches to approved bills meanwhile: there is no bill beside the draft."""
    reference = tenancy.invoice("INV-1")
    tenancy.ramp.faults.once("lost", method="POST", path_part="/bills/drafts")
    tenancy.run("bills")
    tenancy.ramp.switches.duplicate_drafts = True
    tenancy.change(ramp={"bill_mode": "preapproved"})
    tenancy.run("bills")
    assert tenancy.bill(reference).status == "DRAFT"
    assert tenancy.states("bills") == {"confirmed": 1}


@pytest.mark.parametrize("mode", ["draft", "preapproved"])
def test_a_draft_of_the_same_number_is_seen_where_ramp_does_not_mind(tenancy: Tenancy, mode: str) -> None:
    """Mail intake was quicker than we; once a person has decided, a replay goes on."""
    tenancy.change(ramp={"bill_mode": mode})
    tenancy.ramp.switches.duplicate_drafts = True
    vendor = next(found for found in tenancy.ramp.vendors.values() if found.external_vendor_id == "S-1001")
    mailed = tenancy.ramp.people.mail_in_draft(vendor.id, "INV-1", "100.00", "EUR")
    reference = tenancy.invoice("INV-1")
    tenancy.run("bills")
    assert tenancy.causes("bills") == {"INV-1": Cause.DUPLICATE_SUSPECTED}
    assert tenancy.bills(reference) == []
    tenancy.ramp.people.edit_draft(mailed, invoice_number="INV-1 (void)")
    tenancy.replay("bills")
    assert len(tenancy.bills(reference)) == 1


def test_a_bill_with_a_reference_of_another_system_is_not_said_to_be_booked(tenancy: Tenancy) -> None:
    """No invoice of IFS stands behind it: nobody would book it, and Ramp would have it as booked."""
    tenancy.change(ramp={"vouchers": {**RULES, "bills": "born_in_ramp"}})
    bill = approved(tenancy)
    bill.remote_id = "QB-4711"
    tenancy.run("vouchers")
    assert tenancy.causes("vouchers") == {"INV-1": Cause.INVOICE_UNKNOWN}
    assert bill.sync_status == "NOT_SYNCED"


def test_an_invoice_whose_reference_somebody_took_off_is_not_booked_a_second_time(tenancy: Tenancy) -> None:
    """IFS books it itself: it is not taken for one born in Ramp."""
    tenancy.change(ramp={"vouchers": {**RULES, "bills": "born_in_ramp"}})
    bill = approved(tenancy)
    reference, bill.remote_id = bill.remote_id, None
    tenancy.run("vouchers")
    assert (tenancy.ifs.vouchers, bill.bill_reference) == ([], reference)
