"""Payments: made by people, read by the API, partial, voided, failed, recorded from outside."""

from decimal import Decimal

import pytest

from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines_tests.sandbox.bill.caller import Bill, codes, exact, said


def states(sandbox: BillSandbox) -> list[str]:
    """Return the payment status of every bill."""
    return [row.payment_status for row in sandbox.bills.values()]


def test_people_approve_and_pay(sandbox: BillSandbox, api: Bill) -> None:
    """Only approved bills are paid when none is named; the payment names its bills and both are read back."""
    vendor = api.vendor()
    first, second = api.bill(vendor, "10.01"), api.bill(vendor, "20.00")
    sandbox.people.approve_bills([first["id"]])
    sandbox.people.deny_bill(second["id"])
    assert exact(api.get(f"/bills/{second['id']}"))["approvalStatus"] == "DENIED"
    [payment_id] = sandbox.people.pay_bills()
    paid = exact(api.get(f"/bills/{first['id']}"))
    assert (paid["approvalStatus"], paid["paymentStatus"]) == ("APPROVED", "PAID")
    assert (paid["paidAmount"], paid["dueAmount"]) == (Decimal("10.01"), 0)
    payment = exact(api.get(f"/payments/{payment_id}"))
    assert (payment["billIds"], payment["vendorId"], payment["amount"]) == ([first["id"]], vendor, Decimal("10.01"))
    assert (payment["singleStatus"], payment["id"][:3]) == ("PROCESSED", "stp")
    assert payment["processDate"] == sandbox.clock.now().date().isoformat()
    assert sandbox.people.pay_bills() == []
    assert api.get("/payments/stpNOBODY").status_code == 404


def test_a_payment_goes_step_by_step(sandbox: BillSandbox, api: Bill) -> None:
    """SCHEDULED, PROCESSED, CLEARED; the bill is SCHEDULED until the step the switch names."""
    sandbox.switches.paid_when = "CLEARED"
    row = api.bill(api.vendor(), "10")
    [payment_id] = sandbox.people.schedule_payments([row["id"]])
    assert (states(sandbox), sandbox.payments[payment_id].single_status) == (["SCHEDULED"], "SCHEDULED")
    assert exact(api.get(f"/bills/{row['id']}"))["dueAmount"] == 10
    sandbox.people.process_payments()
    assert states(sandbox) == ["SCHEDULED"]
    assert sandbox.people.clear_payments() == [payment_id]
    assert (states(sandbox), sandbox.payments[payment_id].single_status) == (["PAID"], "CLEARED")


def test_partial_payments_add_up_exactly(sandbox: BillSandbox, api: Bill) -> None:
    """PARTIAL until all is paid, without a fraction of a yen; more than is left can not be paid."""
    row = api.bill(api.vendor(billCurrency="JPY"), "100001")
    [first] = sandbox.people.pay_bills([row["id"]], amount="50000")
    half = exact(api.get(f"/bills/{row['id']}"))
    assert (half["paymentStatus"], str(half["paidAmount"]), str(half["dueAmount"])) == ("PARTIAL", "50000", "50001")
    for wrong in ("0.5", "50002", "0"):
        with pytest.raises(ValueError, match="can not be paid"):
            sandbox.people.pay_bills([row["id"]], amount=wrong)
    [second] = sandbox.people.pay_bills([row["id"]])
    assert [str(sandbox.payments[key].amount) for key in (first, second)] == ["50000", "50001"]
    assert states(sandbox) == ["PAID"]


def test_one_payment_may_cover_several_bills(sandbox: BillSandbox, api: Bill) -> None:
    """Together means one payment per vendor, with the sum."""
    vendor, other = api.vendor("A"), api.vendor("B")
    ids = [api.bill(who, amount)["id"] for who, amount in ((vendor, "1.10"), (vendor, "2.20"), (other, "3"))]
    first, second = sandbox.people.pay_bills(ids, together=True)
    assert api.get(f"/payments/{first}").json()["billIds"] == ids[:2]
    assert sandbox.payments[first].amount == Decimal("3.30")
    found = api.rows("/payments", filters=f"vendorId:eq:{other},singleStatus:eq:PROCESSED")
    assert [row["id"] for row in found] == [second]


def test_a_voided_payment_gives_the_debt_back(sandbox: BillSandbox, api: Bill) -> None:
    """The bill owes again and updatedTime moves; voiding twice is impossible; a scheduled one can be cancelled."""
    row = api.bill(api.vendor(), "10")
    [payment_id] = sandbox.people.pay_bills([row["id"]])
    before = api.get(f"/bills/{row['id']}").json()["updatedTime"]
    sandbox.clock.advance(1)
    sandbox.people.void_payment(payment_id)
    after = api.get(f"/bills/{row['id']}").json()
    assert (after["paymentStatus"], after["updatedTime"] > before) == ("UNPAID", True)
    assert api.get(f"/payments/{payment_id}").json()["singleStatus"] == "VOIDED"
    with pytest.raises(ValueError, match="VOIDED already"):
        sandbox.people.void_payment(payment_id)
    [scheduled] = sandbox.people.schedule_payments([row["id"]])
    sandbox.people.void_payment(scheduled, status="CANCELED")
    assert states(sandbox) == ["UNPAID"]


def test_a_failed_disbursement_leaves_the_bill_paid(sandbox: BillSandbox, api: Bill) -> None:
    """The payment says so; somebody must act. Any other status can be set too."""
    row = api.bill(api.vendor(), "10")
    [payment_id] = sandbox.people.pay_bills([row["id"]])
    sandbox.people.fail_disbursement(payment_id)
    assert api.get(f"/payments/{payment_id}").json()["singleStatus"] == "DISBURSEMENT_FAILED_ACTION_NEEDED"
    assert states(sandbox) == ["PAID"]
    sandbox.people.set_payment_status(payment_id, "PARTIALLY_CLAIMED")
    assert api.rows("/payments", filters='singleStatus:in:"PARTIALLY_CLAIMED,CLEARED"')[0]["id"] == payment_id


def test_payments_made_outside_are_recorded(sandbox: BillSandbox, api: Bill) -> None:
    """One payment for bills of one vendor, at once paid; other bills and too much are refused."""
    vendor, other = api.vendor("A"), api.vendor("B")
    own, strange = api.bill(vendor, "10.00")["id"], api.bill(other, "10.00")["id"]
    body = {"vendorId": vendor, "processDate": "2026-03-20", "toPrintCheck": False}
    for bill_id, amount in ((strange, "1"), (own, "10.01"), (own, "1.001"), (own, "0")):
        part = {"billId": bill_id, "amount": Decimal(amount)}
        assert said(api.post("/bills/record-payment", {**body, "payments": [part]})).startswith("payments[0]")
    answer = api.post("/bills/record-payment", {**body, "payments": [{"billId": own, "amount": Decimal("4.50")}]})
    assert (answer.status_code, answer.json()["processDate"]) == (201, "2026-03-20")
    assert exact(api.get(f"/bills/{own}"))["dueAmount"] == Decimal("5.50")
    assert states(sandbox) == ["PARTIAL", "UNPAID"]
    assert codes(api.post("/bills/record-payment", {**body, "payments": [], "date": "x"}))[1].count("BDC_1002") == 1


def test_people_type_in_and_edit_bills(sandbox: BillSandbox, api: Bill) -> None:
    """A bill born in BILL, changed fields, a new amount, put away; mistakes are told."""
    made = sandbox.people.enter_bill("Wright Field Coffee Service", "84.50", invoice_number="C-1")
    sandbox.people.edit_bill(made, description="coffee", due_date="2026-12-24", first_line="90.00")
    row = exact(api.get(f"/bills/{made}"))
    assert (row["description"], row["dueDate"], row["amount"]) == ("coffee", "2026-12-24", Decimal("90.00"))
    assert row["createdBy"] == sandbox.credentials.user_id
    sandbox.people.archive_bill(made)
    assert sandbox.bills[made].archived is True
    with pytest.raises(ValueError, match="places"):
        sandbox.people.enter_bill("Wright Field Coffee Service", "1.001", invoice_number="C-2")


def test_people_act_over_http_too(sandbox: BillSandbox, api: Bill) -> None:
    """Every act is a control endpoint; the state shows what came of it."""
    row = api.bill(api.vendor(), "10")
    control = f"{sandbox.url}/_sandbox"
    assert api.http.post(f"{control}/people/approve_bills").json()["result"] == [row["id"]]
    assert len(api.http.post(f"{control}/people/pay_bills", json={"amount": "4.00"}).json()["result"]) == 1
    state = api.http.get(f"{control}/state").json()
    assert [held["payment_status"] for held in state["bills"]] == ["PARTIAL"]
    assert state["payments"][0]["amount"] == "4.00"
    assert api.http.post(f"{control}/people/void_payment", json={"payment_id": "stp"}).status_code == 400
    assert state["max_in_flight"] == 1
