"""Drafts: made once, completed, submitted, never deleted."""

from typing import Any

import pytest

from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines_tests.sandbox.ramp.client import Ramp, bill, line, refusal


def test_a_draft_needs_only_a_vendor(api: Ramp) -> None:
    """With nothing but a vendor the draft exists, in dollars, with a total of zero."""
    answer = api.post("/bills/drafts", {"vendor_id": api.vendor()})
    row = answer.json()
    assert (answer.status_code, row["status"], row["sync_status"]) == (201, "DRAFT", "NOT_SYNCED")
    assert row["amount"] == {"amount": 0, "currency_code": "USD", "minor_unit_conversion_rate": 100}


def test_amounts_are_major_units_in_and_minor_units_out(api: Ramp) -> None:
    """1.23 sent comes back as 123 with rate 100, and the lines are added up."""
    draft = api.draft(line_items=[line("1.23"), line(2), line(0.1)])
    assert draft["line_items"][0]["amount"] == {
        "amount": 123,
        "currency_code": "EUR",
        "minor_unit_conversion_rate": 100,
    }
    assert draft["amount"]["amount"] == 333


@pytest.mark.parametrize(
    ("currency", "amount", "minor"), [("JPY", "120000", 120000), ("EUR", "0.07", 7), ("KWD", "1.234", 1234)]
)
def test_currencies_have_their_own_places(api: Ramp, currency: str, amount: str, minor: int) -> None:
    """Yen have no decimals, dinars three."""
    draft = api.draft(invoice_currency=currency, line_items=[line(amount)])
    assert draft["amount"]["amount"] == minor


@pytest.mark.parametrize(
    ("currency", "amount"),
    [
        ("EUR", "1.234"),
        ("JPY", "100.0"),
        ("EUR", "1,00"),
        ("EUR", "1e2"),
        ("EUR", True),
        ("EUR", None),
        ("EUR", "-5.00"),
        ("EUR", -5),
        ("EUR", {"amount": 500}),
        ("EUR", "NaN"),
    ],
)
def test_amounts_that_do_not_fit_are_refused(ramp: RampSandbox, api: Ramp, currency: str, amount: Any) -> None:
    """Too many places, other notations and negative lines are 422 at the line."""
    body = bill(vendor_id=api.vendor(), invoice_currency=currency, line_items=[line(amount)])
    assert refusal(api.post("/bills/drafts", body))[:2] == (422, "DEVELOPER_7001")
    assert not ramp.drafts


def test_negative_lines_are_a_switch(ramp: RampSandbox, api: Ramp) -> None:
    """With the switch a credit line is taken and the total may be negative."""
    ramp.switches.negative_lines = True
    assert api.draft(line_items=[line("-5.00"), line("1.00")])["amount"]["amount"] == -400


@pytest.mark.parametrize(
    "wrong",
    [
        {"issued_at": "2026-10-02T00:00:00"},
        {"due_at": "02.10.2026"},
        {"invoice_currency": "EURO"},
        {"vendor_id": "7"},
        {"entity_id": "11111111-2222-4333-8444-555555555555"},
        {"total": "1.23"},
        {"memo": "m" * 1001},
        {"vendor_memo": "m" * 401},
        {"invoice_number": "9" * 85},
        {"remote_id": 17},
        {"enable_accounting_sync": False},
        {"purchase_order_ids": ["11111111-2222-4333-8444-555555555555"]},
        {"payment_method": "ACH"},
        {"line_items": [{"memo": "no amount"}]},
        {"line_items": [{"amount": "1", "tax": "0.19"}]},
        {"inventory_line_items": []},
    ],
)
def test_a_draft_is_checked_strictly(ramp: RampSandbox, api: Ramp, wrong: dict[str, Any]) -> None:
    """Formats, lengths, unknown fields and unknown ids are refused."""
    body = {**bill(vendor_id=api.vendor()), **wrong}
    assert refusal(api.post("/bills/drafts", body))[0] == 422
    assert not ramp.drafts


def test_the_length_of_invoice_numbers_is_a_switch(ramp: RampSandbox, api: Ramp) -> None:
    """84 characters pass unless the older limit of 20 is on."""
    vendor_id = api.vendor()
    assert api.post("/bills/drafts", bill(vendor_id=vendor_id, invoice_number="9" * 84)).status_code == 201
    ramp.switches.invoice_number_length = 20
    assert api.post("/bills/drafts", bill(vendor_id=vendor_id, invoice_number="8" * 21)).status_code == 422


def test_the_same_invoice_number_of_a_vendor_already_exists(ramp: RampSandbox, api: Ramp) -> None:
    """A second draft with vendor and number is refused; another vendor's is not."""
    vendor_id = api.draft()["vendor"]["id"]
    info = refusal(api.post("/bills/drafts", bill(vendor_id=vendor_id, remote_id="other")))[2]
    assert "already exists" in info["invoice_number"][0]
    assert api.draft(vendor_id=api.vendor(name="Other"))
    ramp.switches.duplicate_drafts = True
    assert api.post("/bills/drafts", bill(vendor_id=vendor_id)).status_code == 201


def test_remote_id_is_not_unique(api: Ramp) -> None:
    """Two drafts may carry the same remote id: a blind retry is visible."""
    vendor_id = api.vendor()
    for number in ("A", "B"):
        api.draft(vendor_id=vendor_id, invoice_number=number)
    assert [row["invoice_number"] for row in api.rows("/bills/drafts", remote_id="10^SI^2026000123")] == ["A", "B"]


def test_drafts_are_filtered(api: Ramp) -> None:
    """By entity, vendor, number and date ranges."""
    draft = api.draft()
    vendor_id, entity_id = draft["vendor"]["id"], draft["entity_id"]
    other = api.rows("/entities", is_primary=False)[0]["id"]
    yes: list[dict[str, Any]] = [
        {"vendor_id": vendor_id},
        {"entity_id": entity_id},
        {"invoice_number": "INV-7781"},
        {"from_due_date": "2026-11-01", "to_due_date": "2026-11-01T00:00:00Z"},
        {"from_created_at": draft["created_at"]},
    ]
    no: list[dict[str, Any]] = [
        {"entity_id": other},
        {"invoice_number": "INV-778"},
        {"from_issued_date": "2026-10-03"},
        {"to_created_at": "2020-01-01"},
    ]
    assert [len(api.rows("/bills/drafts", **filters)) for filters in yes] == [1] * len(yes)
    assert [len(api.rows("/bills/drafts", **filters)) for filters in no] == [0] * len(no)
    assert api.get("/bills/drafts", sync_ready=True).status_code == 422


def test_a_draft_is_changed_and_lists_are_replaced_whole(api: Ramp) -> None:
    """PATCH keeps what is not named and replaces all lines."""
    draft = api.draft(line_items=[line("1"), line("2")])
    changed = api.patch(f"/bills/drafts/{draft['id']}", {"line_items": [line("7")], "memo": "new"}).json()
    assert (changed["amount"]["amount"], changed["memo"], changed["due_at"]) == (700, "new", "2026-11-01T00:00:00")
    assert api.patch(f"/bills/drafts/{draft['id']}", {"line_items": [line("-7")]}).status_code == 422
    assert api.get(f"/bills/drafts/{draft['id']}").json() == changed


def test_a_draft_is_invisible_to_bills_and_cannot_be_deleted(api: Ramp) -> None:
    """GET /bills misses it, GET /bills/{id} is 404 DEVELOPER_7002, DELETE is 405."""
    draft = api.draft()
    assert api.rows("/bills") == []
    assert refusal(api.get(f"/bills/{draft['id']}"))[:2] == (404, "DEVELOPER_7002")
    assert refusal(api.delete(f"/bills/drafts/{draft['id']}"))[0] == 405
    assert refusal(api.delete(f"/bills/{draft['id']}"))[0] == 404


def test_submitting_makes_a_pending_bill_that_names_its_draft(ramp: RampSandbox, api: Ramp) -> None:
    """The draft is gone, the bill has a new id and waits for approval."""
    draft = api.draft()
    answer = api.post(f"/bills/drafts/{draft['id']}/submit")
    [row] = api.rows("/bills", draft_bill_id=draft["id"])
    assert answer.json()["id"] == row["id"] != draft["id"]
    assert (row["status"], row["approval_status"], row["status_summary"]) == ("OPEN", "PENDING", "APPROVAL_PENDING")
    assert not ramp.drafts
    assert api.post(f"/bills/drafts/{draft['id']}/submit").status_code == 404


def test_submitting_may_be_refused(ramp: RampSandbox, api: Ramp) -> None:
    """With the switch it is 400 BILL_PAY_7145 and the draft stays for a person to submit."""
    ramp.switches.submit_refused = True
    draft = api.draft()
    assert refusal(api.post(f"/bills/drafts/{draft['id']}/submit"))[:2] == (400, "BILL_PAY_7145")
    [bill_id] = ramp.people.submit_drafts()
    assert ramp.bills[bill_id].draft_bill_id == draft["id"]


def test_an_incomplete_draft_is_not_submitted(ramp: RampSandbox, api: Ramp) -> None:
    """What is missing is named, and people leave such drafts alone."""
    draft = api.post("/bills/drafts", {"vendor_id": api.vendor()}).json()
    info = refusal(api.post(f"/bills/drafts/{draft['id']}/submit"))[2]
    assert set(info) == {"entity_id", "invoice_number", "issued_at", "due_at", "lines"}
    assert ramp.people.submit_drafts() == []


def test_a_draft_takes_one_invoice_file(ramp: RampSandbox, api: Ramp) -> None:
    """Multipart with file and type; the second INVOICE is refused."""
    path = f"/developer/v1/bills/drafts/{api.draft()['id']}/attachments"

    def attach(kind: str) -> int:
        files = {"file": ("invoice.pdf", b"%PDF-1.4\r\nbinary \xff\x00", "application/pdf")}
        return api.http.post(path, data={"attachment_type": kind}, files=files).status_code

    assert [attach(kind) for kind in ("INVOICE", "INVOICE", "FILE", "PHOTO")] == [201, 400, 201, 422]
    [draft] = ramp.drafts.values()
    assert [file["size"] for file in draft.attachments] == [19, 19]
    assert api.http.post(path, json={}).status_code == 422


def test_a_person_edits_while_the_client_writes(ramp: RampSandbox, api: Ramp) -> None:
    """Under contention the memo changes between read and write, once in a while."""
    draft = api.draft(memo="IFS PO P-1")
    ramp.faults.once("edit", method="PATCH")
    changed = api.patch(f"/bills/drafts/{draft['id']}", {"invoice_number": "INV-2"}).json()
    assert changed["memo"].startswith("IFS PO P-1 (seen")
    assert api.patch(f"/bills/drafts/{draft['id']}", {"memo": "mine"}).json()["memo"] == "mine"


def test_people_edit_drafts_and_mail_brings_some_in(ramp: RampSandbox, api: Ramp) -> None:
    """The mail intake knows no remote id and is not stopped by the duplicate rule."""
    draft = api.draft()
    ramp.people.edit_draft(draft["id"], memo="checked", line_items=[line("9.99")])
    assert api.get(f"/bills/drafts/{draft['id']}").json()["amount"]["amount"] == 999
    ramp.people.mail_in_draft(draft["vendor"]["id"], "INV-7781", "1.23")
    assert [row["remote_id"] for row in api.rows("/bills/drafts", invoice_number="INV-7781")] == [
        "10^SI^2026000123",
        None,
    ]
    with pytest.raises(ValueError, match="Unknown field"):
        ramp.people.edit_draft(draft["id"], colour="red")
