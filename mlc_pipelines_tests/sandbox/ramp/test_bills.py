"""Bills: the direct path, changes, the archive, the lists, and what people decide."""

from typing import Any

import pytest

from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines_tests.sandbox.ramp.client import DEFAULTS, Ramp, bill, line, refusal

REQUIRED = ("vendor_id", "entity_id", "invoice_number", "invoice_currency", "issued_at", "due_at", "line_items")


def approved(ramp: RampSandbox, api: Ramp, **changes: Any) -> str:
    """Bring a draft through approval and return the bill's id."""
    draft = api.draft(**changes)
    ramp.people.submit_drafts([draft["id"]])
    [bill_id] = ramp.people.approve_bills([draft["id"]])
    return bill_id


def test_the_direct_path_is_approved_at_once(ramp: RampSandbox, api: Ramp) -> None:
    """POST /bills skips every approver; the contact is the vendor's default."""
    row = api.bill()
    assert (row["status"], row["approval_status"], row["status_summary"]) == ("OPEN", "APPROVED", "PAYMENT_READY")
    assert row["vendor_contact_id"] == api.get(f"/vendors/{row['vendor']['id']}").json()["contacts"][0]
    assert (row["issued_at"], row["posting_date"]) == ("2026-10-02T00:00:00", "2026-10-02T00:00:00")
    assert "+" not in row["created_at"]


@pytest.mark.parametrize(
    "name",
    [*REQUIRED, "use_default_vendor_contact", "use_default_payment_method"],
)
def test_the_direct_path_requires_nearly_everything(api: Ramp, name: str) -> None:
    """Leaving out any required field is 422."""
    body = {**bill(vendor_id=api.vendor(), entity_id=api.entity()["id"]), **DEFAULTS}
    del body[name]
    assert refusal(api.post("/bills", body))[:2] == (422, "DEVELOPER_7001")


@pytest.mark.parametrize(
    "wrong",
    [
        {"payment_method": "ACH"},
        {"payment_method": "BARTER", "use_default_payment_method": None},
        {"vendor_contact_id": "11111111-2222-4333-8444-555555555555", "use_default_vendor_contact": None},
        {"line_items": []},
        {"payment_method": "PAID_MANUALLY", "use_default_payment_method": None},
        {"payment_method": "CHECK", "use_default_payment_method": None, "payment_details": {"payment_date": "x"}},
    ],
)
def test_contact_and_payment_are_checked(api: Ramp, wrong: dict[str, Any]) -> None:
    """One of id and default, known methods, details that fit the method."""
    body = {**bill(vendor_id=api.vendor(), entity_id=api.entity()["id"]), **DEFAULTS, **wrong}
    given = {name: held for name, held in body.items() if held is not None}
    assert refusal(api.post("/bills", given))[0] == 422


def test_a_manually_paid_bill_is_paid_at_once(api: Ramp) -> None:
    """PAID_MANUALLY with a date makes the bill PAID."""
    details = {"manual_payment_method": "PAID_IN_ERP", "payment_date": "2026-10-05"}
    body = bill(vendor_id=api.vendor(), entity_id=api.entity()["id"], use_default_vendor_contact=True)
    row = api.post("/bills", {**body, "payment_method": "PAID_MANUALLY", "payment_details": details}).json()
    assert (row["status"], row["payment"]["payment_date"]) == ("PAID", "2026-10-05T00:00:00")


def test_a_bill_already_exists_across_drafts_and_bills(api: Ramp) -> None:
    """The duplicate rule sees drafts and bills; an archived bill frees its number."""
    row = api.bill()
    given = {"vendor_id": row["vendor"]["id"], "entity_id": row["entity_id"]}
    for path, body in (("/bills", {**bill(**given), **DEFAULTS}), ("/bills/drafts", bill(**given))):
        assert "already exists" in refusal(api.post(path, body))[2]["invoice_number"][0]
    assert api.delete(f"/bills/{row['id']}").status_code == 204
    assert api.post("/bills/drafts", bill(**given)).status_code == 201


def test_only_approved_bills_are_changed(ramp: RampSandbox, api: Ramp) -> None:
    """PATCH replaces lines of an approved bill; a pending one and the currency are refused."""
    bill_id = approved(ramp, api)
    changed = api.patch(f"/bills/{bill_id}", {"line_items": [line("4.56")], "due_at": "2026-12-01"}).json()
    assert (changed["amount"]["amount"], changed["due_at"]) == (456, "2026-12-01T00:00:00")
    assert api.patch(f"/bills/{bill_id}", {"invoice_currency": "USD"}).status_code == 422
    draft = api.draft(vendor_id=changed["vendor"]["id"], invoice_number="P-1")
    [pending] = ramp.people.submit_drafts([draft["id"]])
    assert api.patch(f"/bills/{pending}", {"memo": "x"}).status_code == 400


def test_archiving_hides_a_bill_unless_asked_for(api: Ramp) -> None:
    """Archived bills come with is_archived=true only, and archiving twice is refused."""
    row = api.bill()
    assert api.delete(f"/bills/{row['id']}").status_code == 204
    assert api.rows("/bills") == []
    [archived] = api.rows("/bills", is_archived=True)
    assert (archived["status_summary"], archived["archived_at"] is None) == ("ARCHIVED", False)
    assert api.delete(f"/bills/{row['id']}").status_code == 400


def test_people_reject_and_pay(ramp: RampSandbox, api: Ramp) -> None:
    """A rejected bill is not payable; a paid one shows its payment and stays."""
    vendor_id = api.vendor()
    drafts = [api.draft(vendor_id=vendor_id, invoice_number=number) for number in ("A", "B")]
    first, second = ramp.people.submit_drafts()
    ramp.people.reject_bill(first)
    assert ramp.people.approve_bills() == [second]
    assert ramp.people.pay_bills() == [second]
    [rejected] = api.rows("/bills", approval_status="REJECTED")
    [paid] = api.rows("/bills", payment_status="PAID")
    assert (rejected["draft_bill_id"], paid["draft_bill_id"]) == (drafts[0]["id"], drafts[1]["id"])
    assert paid["payment"]["amount"] == paid["amount"]
    assert "trace_id" not in paid["payment"]
    assert api.get(f"/bills/{second}").json()["payment"]["trace_id"]
    assert api.delete(f"/bills/{second}").status_code == 400
    with pytest.raises(ValueError, match="not payable"):
        ramp.people.pay_bills([first])


def test_the_payment_queue_is_read_by_time(ramp: RampSandbox, api: Ramp) -> None:
    """from_paid_at finds what was paid since, and nothing older."""
    vendor_id = api.vendor()
    old, new = (approved(ramp, api, vendor_id=vendor_id, invoice_number=number) for number in ("A", "B"))
    ramp.people.pay_bills([old])
    ramp.clock.advance(86400)
    since = ramp.clock.now().isoformat()
    ramp.people.pay_bills([new])
    assert [row["id"] for row in api.rows("/bills", payment_status="PAID", from_paid_at=since)] == [new]
    assert [row["id"] for row in api.rows("/bills", to_paid_at=since)] == [old]


def test_bills_are_filtered(ramp: RampSandbox, api: Ramp) -> None:
    """Every filter the sheet names can be used, and finds or leaves out the bill."""
    api.code_ledger()
    row = api.bill(line_items=[line("10.00", Category="10^4010")])
    account_id = next(iter(ramp.accounts))
    yes: list[dict[str, Any]] = [
        {"remote_id": row["remote_id"]},
        {"invoice_number": "INV-7781"},
        {"approval_status": "APPROVED", "payment_status": "OPEN", "sync_status": "NOT_SYNCED"},
        {"sync_ready": True},
        {"min_amount": "10", "max_amount": "10.00"},
        {"accounting_field_selection_id": account_id},
        {"status_summaries": ["PAYMENT_READY", "ON_HOLD"]},
        {"is_accounting_sync_enabled": True},
    ]
    no: list[dict[str, Any]] = [
        {"remote_id": "10^SI^0"},
        {"sync_ready": False},
        {"min_amount": "10.01"},
        {"accounting_field_selection_id": row["id"]},
        {"status_summaries": "ON_HOLD"},
        {"payment_status": "PAID"},
        {"draft_bill_id": row["id"]},
        {"payment_method": "ACH"},
    ]
    assert [len(api.rows("/bills", **filters)) for filters in yes] == [1] * len(yes)
    assert [len(api.rows("/bills", **filters)) for filters in no] == [0] * len(no)
    for wrong in ({"updated_at": "2026-01-01"}, {"approval_status": "approved"}, {"from_paid_at": "soon"}):
        assert api.get("/bills", **wrong).status_code == 422


def test_a_bill_born_in_ramp_is_coded_with_uploaded_options(ramp: RampSandbox, api: Ramp) -> None:
    """It has no remote id and no draft, is approved, and its coding is ours."""
    api.code_ledger()
    api.vendor()
    bill_id = ramp.people.create_bill_in_ramp(amount="12.34", company="20")
    row = api.get(f"/bills/{bill_id}").json()
    codes = [found["external_id"] for found in row["line_items"][0]["accounting_field_selections"]]
    assert (row["remote_id"], row["draft_bill_id"], codes) == (None, None, ["10^4010", "300"])
    assert row["amount"] == {"amount": 1234, "currency_code": "USD", "minor_unit_conversion_rate": 100}
    waiting = ramp.people.create_bill_in_ramp(approved=False, coding={"Category": "10^4010"})
    assert api.get(f"/bills/{waiting}").json()["approval_status"] == "PENDING"
    with pytest.raises(ValueError, match="Unknown or inactive option"):
        ramp.people.create_bill_in_ramp(coding={"Category": "10^1"})


def test_a_bill_lacking_a_required_code_is_never_ready_until_recoded(ramp: RampSandbox, api: Ramp) -> None:
    """A field required for bills keeps the bill out of the queue until a person codes it."""
    api.code_ledger()
    field = {"id": "plant", "name": "Plant", "input_type": "SINGLE_CHOICE", "is_required_for": ["BILL"]}
    ramp_id = api.post("/accounting/fields", field).json()["ramp_id"]
    api.post("/accounting/field-options", {"field_id": ramp_id, "options": [{"id": "P1", "value": "Hamburg"}]})
    row = api.bill()
    assert api.rows("/bills", sync_ready=True) == []
    ramp.people.recode_bill(row["id"], "plant", "P1")
    assert [found["id"] for found in api.rows("/bills", sync_ready=True)] == [row["id"]]


def test_codings_go_with_the_connection(api: Ramp) -> None:
    """Deleting the connection drops codings from bills; reactivating restores them."""
    api.code_ledger()
    [connection] = api.get("/accounting/all-connections").json()["connections"]
    path = f"/bills/{api.bill(line_items=[line(Category='10^4010')])['id']}"
    api.delete("/accounting/connection")
    assert api.get(path).json()["line_items"][0]["accounting_field_selections"] == []
    api.post(f"/accounting/connection/{connection['id']}/reactivate")
    assert len(api.get(path).json()["line_items"][0]["accounting_field_selections"]) == 1


def test_answers_may_carry_what_no_client_knows(ramp: RampSandbox, api: Ramp) -> None:
    """With the switch bills show a new field and a new enum member."""
    ramp.switches.novel_fields = True
    row = api.bill()
    assert "settlement_outlook" in row
    assert row["status_summary"] == "AWAITING_SOMETHING_NEW"


def test_a_reset_brings_the_switches_back(ramp: RampSandbox) -> None:
    """Switches changed while running are as they were made after a reset."""
    ramp.switches.submit_refused = True
    ramp.reset()
    assert (ramp.switches.submit_refused, ramp.switches.http_webhooks) == (False, True)
