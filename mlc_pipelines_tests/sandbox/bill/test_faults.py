"""Faults in the vendor's own words, and answers that are lost after the fact."""

import httpx
import pytest

from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines.sandbox.bill.weather import BillFaults
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines_tests.sandbox.bill.caller import ADDRESS, Bill, bill


def test_a_storm_has_no_429(sandbox: BillSandbox) -> None:
    """System errors and the parallel limit come as arrays, gateways as pages; the rest cuts or waits."""
    faults = BillFaults("storm", clock=SandboxClock())
    met = [faults._storm() for _ in range(100)]
    assert {fault.status for fault in met if fault.kind == "status"} == {422, 500, 502, 503}
    errors = [fault.body for fault in met if fault.status in {422, 500}]
    assert all(body.startswith(b'[{"timestamp":') for body in errors)
    assert {fault.kind for fault in met} == {"status", "reset", "stall"}


def test_a_lost_answer_has_taken_effect(sandbox: BillSandbox, api: Bill) -> None:
    """The bill is there although the caller was cut off; sending again makes a second one."""
    body = bill(api.vendor(), "10.00")
    sandbox.faults.once("lost", method="POST", path_part="/bills")
    with pytest.raises(httpx.TransportError):
        api.post("/bills", body)
    assert len(sandbox.bills) == 1
    found = api.rows("/bills", filters=f"vendorId:eq:{body['vendorId']}")
    assert [row["invoice"]["invoiceNumber"] for row in found] == ["INV-7781"]
    api.post("/bills", body)
    assert len(sandbox.bills) == 2


def test_a_lost_answer_may_look_like_a_gateway(sandbox: BillSandbox, api: Bill) -> None:
    """504 in HTML, and the vendor is there."""
    sandbox.faults.once("lost_504", method="POST", path_part="/vendors")
    answer = api.post("/vendors", {"name": "Ghost", "address": ADDRESS})
    assert (answer.status_code, answer.headers["content-type"]) == (504, "text/html")
    assert len(api.rows("/vendors", filters='name:eq:"Ghost"')) == 1


def test_a_restart_keeps_the_port_and_the_records(sandbox: BillSandbox, api: Bill) -> None:
    """What was made is still there, and so is the session."""
    vendor, url = api.vendor(), sandbox.url
    sandbox.stop()
    sandbox.start()
    assert sandbox.url == url
    assert api.get(f"/vendors/{vendor}").status_code == 200
