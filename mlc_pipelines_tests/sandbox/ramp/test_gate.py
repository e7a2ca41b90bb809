"""Every call passes the gate: rate limit, trace ids, methods, unknown paths, faults."""

import httpx
import pytest

from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.ramp.client import Ramp, bill, refusal


def test_every_answer_carries_a_trace_id(api: Ramp) -> None:
    """Success, refusal and unknown path all have x-trace-id, each its own."""
    answers = [api.get("/business"), api.get("/bills", colour="red"), api.get("/nowhere")]
    assert len({answer.headers["x-trace-id"] for answer in answers}) == 3
    assert [answer.status_code for answer in answers] == [200, 422, 404]


def test_a_method_that_is_not_offered_is_405(api: Ramp) -> None:
    """A known path with another method says which are allowed."""
    answer = api.delete("/business")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_there_is_no_archive_call_for_bills(api: Ramp) -> None:
    """POST /bills/{id}/archive does not exist."""
    assert api.post("/bills/1/archive").status_code == 404


def test_two_hundred_calls_in_ten_seconds_and_no_more(ramp: RampSandbox, api: Ramp) -> None:
    """The call after the limit is 429 with an empty body and no Retry-After."""
    ramp.calls.clear()
    assert {api.get("/business").status_code for _ in range(200)} == {200}
    answer = api.get("/business")
    assert (answer.status_code, answer.content) == (429, b"")
    assert "retry-after" not in answer.headers
    ramp.clock.advance(10)
    assert api.get("/business").status_code == 200


def test_calls_made_while_blocked_prolong_it() -> None:
    """A refused call counts too; with the switch the answer says how long to wait."""
    with RampSandbox(world=World.make(invoices=1), calls_per_window=2, retry_after=True) as ramp, Ramp(ramp) as api:
        assert api.get("/business").status_code == 200
        ramp.clock.advance(6)
        refused = api.get("/business")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "4")
        assert api.get("/business").status_code == 429
        ramp.clock.advance(5)
        assert api.get("/business").status_code == 429
        ramp.clock.advance(10)
        assert api.get("/business").status_code == 200


@pytest.mark.parametrize("body", [b"{", b'{"vendor_id": NaN}', b"[]", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(api: Ramp, body: bytes) -> None:
    """Broken JSON, NaN and lists are 422."""
    answer = api.http.post("/developer/v1/bills/drafts", content=body)
    assert refusal(answer)[:2] == (422, "DEVELOPER_7001")


def test_pages_are_followed_by_url_to_their_end(api: Ramp) -> None:
    """page.next keeps filters and size, and is null on the last page."""
    for number in range(7):
        api.vendor(name=f"Vendor {number}")
    answer = api.get("/vendors", page_size=3, is_active=True).json()
    names = [row["name"] for row in answer["data"]]
    while answer["page"]["next"]:
        answer = api.http.get(answer["page"]["next"]).json()
        names += [row["name"] for row in answer["data"]]
    assert names == [f"Vendor {number}" for number in range(7)]


def test_a_row_that_leaves_the_list_does_not_shift_the_next_page(ramp: RampSandbox, api: Ramp) -> None:
    """Drafts submitted between two pages make nobody skip a draft."""
    vendor_id = api.vendor()
    drafts = [api.draft(vendor_id=vendor_id, invoice_number=f"N{n}", remote_id=f"r{n}") for n in range(5)]
    first = api.get("/bills/drafts", page_size=2).json()
    ramp.people.submit_drafts([drafts[0]["id"], drafts[1]["id"]])
    second = api.http.get(first["page"]["next"]).json()
    assert [row["invoice_number"] for row in second["data"]] == ["N2", "N3"]


@pytest.mark.parametrize("size", ["1", "101", "many"])
def test_page_sizes_are_two_to_a_hundred(api: Ramp, size: str) -> None:
    """Other sizes, and cursors of one's own making, are refused."""
    assert refusal(api.get("/vendors", page_size=size))[0] == 422
    assert refusal(api.get("/vendors", start="mine"))[0] == 422


def test_a_lost_answer_leaves_the_draft_behind(ramp: RampSandbox, api: Ramp) -> None:
    """The draft was made although the client never heard of it; remote_id finds it."""
    vendor_id, entity = api.vendor(), api.entity()
    ramp.faults.once("lost", method="POST", path_part="/bills/drafts")
    with pytest.raises(httpx.TransportError):
        api.post("/bills/drafts", bill(vendor_id=vendor_id, entity_id=entity["id"]))
    assert [row["remote_id"] for row in api.rows("/bills/drafts", remote_id="10^SI^2026000123")] == ["10^SI^2026000123"]
    entry = ramp.journal.writes()[-1]
    assert (entry.fault, entry.status) == ("lost", None)
    assert str(entry.effect).startswith("created draft")


def test_the_control_endpoint_shows_state_and_lets_people_act(ramp: RampSandbox, api: Ramp) -> None:
    """State, people and reset work over HTTP too."""
    draft = api.draft()
    control = api.http.post("/_sandbox/people/submit_drafts", json={})
    assert len(control.json()["result"]) == 1
    assert api.http.post("/_sandbox/people/approve_bills", json={"ids": [draft["id"]]}).status_code == 200
    assert api.http.get("/_sandbox/state").json()["bills"][0]["approval_status"] == "APPROVED"
    assert api.http.post("/_sandbox/people/reject_bill", json={"bill_id": draft["id"]}).status_code == 400
    api.http.post("/_sandbox/reset")
    assert not ramp.bills
    assert not ramp.vendors


def test_ids_are_the_same_for_the_same_seed() -> None:
    """Two sandboxes with one seed make the same entities."""
    world = World.make(invoices=1)
    first, second = RampSandbox(world=world, seed=4), RampSandbox(world=world, seed=4)
    other = RampSandbox(world=world, seed=5)
    assert list(first.entities) == list(second.entities)
    assert list(first.entities) != list(other.entities)


def test_entities_are_the_companies_with_a_bank_account(ramp: RampSandbox, api: Ramp) -> None:
    """One entity per company, named alike, with the account bills are paid from."""
    rows = api.rows("/entities")
    assert [(row["entity_name"], row["currency"]) for row in rows] == [
        (c.name, c.currency) for c in ramp.world.companies
    ]
    assert rows[0]["accounts"][0]["usage_type"] == "BILL_PAY_BANK_ACCOUNT"
    assert api.rows("/entities", currency="USD") == [rows[1]]
    assert api.rows("/entities", entity_name=rows[0]["entity_name"]) == [rows[0]]
    assert api.get(f"/entities/{rows[1]['id']}").json() == rows[1]
    assert api.get("/entities/none").status_code == 404
    assert api.get("/business").json()["id"] == ramp.store.business_id
