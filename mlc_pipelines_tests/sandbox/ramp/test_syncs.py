"""Syncs: what the ERP booked is told once, for bills that are ready."""

from typing import Any

import pytest

from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines_tests.sandbox.ramp.client import Ramp, refusal


def sync(*bill_ids: str, key: str = "k1", kind: str = "BILL_SYNC", **more: Any) -> dict[str, Any]:
    """Return a sync that reports these bills as booked."""
    booked = [{"id": bill_id, "reference_id": f"10^2026^V^{bill_id[:4]}"} for bill_id in bill_ids]
    return {"idempotency_key": key, "sync_type": kind, **({"successful_syncs": booked} if booked else {}), **more}


def test_a_bill_and_then_its_payment_are_booked(ramp: RampSandbox, api: Ramp) -> None:
    """The status goes from NOT_SYNCED to BILL_SYNCED to BILL_AND_PAYMENT_SYNCED, and the queues empty."""
    api.connect()
    bill_id = api.bill()["id"]
    assert api.post("/accounting/syncs", sync(bill_id)).status_code == 201
    assert api.get(f"/bills/{bill_id}").json()["sync_status"] == "BILL_SYNCED"
    assert api.rows("/bills", sync_ready=True) == []
    ramp.people.pay_bills()
    assert [row["id"] for row in api.rows("/bills", sync_ready=True, sync_status="BILL_SYNCED")] == [bill_id]
    assert api.post("/accounting/syncs", sync(bill_id, key="k2", kind="BILL_PAYMENT_SYNC")).status_code == 201
    assert ramp.bills[bill_id].sync_status == "BILL_AND_PAYMENT_SYNCED"
    assert ramp.bills[bill_id].bill_reference == f"10^2026^V^{bill_id[:4]}"


def test_the_same_key_and_body_is_the_same_sync(ramp: RampSandbox, api: Ramp) -> None:
    """Repeating answers the same id; the key with another body is refused."""
    api.connect()
    bill_id = api.bill()["id"]
    first, second = (api.post("/accounting/syncs", sync(bill_id)) for _ in range(2))
    assert first.json()["sync_id"] == second.json()["sync_id"]
    assert len(ramp.syncs) == 1
    other = sync(failed_syncs=[{"id": bill_id, "error": {"message": "no"}}])
    assert "idempotency_key" in refusal(api.post("/accounting/syncs", other))[2]


def test_a_bill_booked_under_another_key_is_already_synced(api: Ramp) -> None:
    """Reporting it again says so."""
    api.connect()
    bill_id = api.bill()["id"]
    api.post("/accounting/syncs", sync(bill_id))
    info = refusal(api.post("/accounting/syncs", sync(bill_id, key="k2")))[2]
    assert "already synced" in info["successful_syncs.0.id"][0]


def test_a_bill_that_is_not_ready_fails_the_whole_sync(ramp: RampSandbox, api: Ramp) -> None:
    """Pending bills, unpaid payments, unknown and repeated ids are refused, and nothing is booked."""
    api.connect()
    ready = api.bill()
    draft = api.draft(vendor_id=ready["vendor"]["id"], invoice_number="P")
    [pending] = ramp.people.submit_drafts([draft["id"]])
    for wrong in (
        sync(ready["id"], pending),
        sync(ready["id"], draft["id"]),
        sync(ready["id"], ready["id"]),
        sync(ready["id"], kind="BILL_PAYMENT_SYNC"),
    ):
        assert refusal(api.post("/accounting/syncs", wrong))[:2] == (422, "DEVELOPER_7001")
    assert ramp.bills[ready["id"]].sync_status == "NOT_SYNCED"
    assert not ramp.syncs


def test_a_failed_sync_is_kept_as_an_error_and_the_bill_stays_ready(ramp: RampSandbox, api: Ramp) -> None:
    """Users see the message; success later clears it."""
    api.connect()
    bill_id = api.bill()["id"]
    failed = [{"id": bill_id, "error": {"message": "Account 4010 is closed for 2026-10"}}]
    assert api.post("/accounting/syncs", sync(failed_syncs=failed)).status_code == 201
    assert ramp.bills[bill_id].sync_error == "Account 4010 is closed for 2026-10"
    assert [row["id"] for row in api.rows("/bills", sync_ready=True)] == [bill_id]
    api.post("/accounting/syncs", sync(bill_id, key="k2"))
    assert ramp.bills[bill_id].sync_error is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"idempotency_key": None},
        {"sync_type": "BILLS"},
        {"successful_syncs": []},
        {"successful_syncs": [{"id": "11111111-2222-4333-8444-555555555555"}]},
        {"failed_syncs": [{"id": "11111111-2222-4333-8444-555555555555", "error": "closed"}]},
        {"note": "x"},
    ],
)
def test_a_sync_is_checked_strictly(api: Ramp, wrong: dict[str, Any]) -> None:
    """Missing key, bad type, empty lists and wrong shapes are refused."""
    api.connect()
    assert refusal(api.post("/accounting/syncs", {**sync(), **wrong}))[0] == 422


def test_a_setting_makes_bills_ready_when_created(ramp: RampSandbox, api: Ramp) -> None:
    """With the switch a pending bill may be booked before its approval."""
    ramp.switches.sync_on_creation = True
    api.connect()
    api.draft()
    [bill_id] = ramp.people.submit_drafts()
    assert api.post("/accounting/syncs", sync(bill_id)).status_code == 201
