"""What stands before every call: slash, headers, budget, methods, pages, parameters, and the weather."""

import time
from typing import Any

import httpx
import pytest

from mlc_pipelines.sandbox.procurify import ProcurifySandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.procurify.caller import (
    ACCOUNT_CODES,
    BILLS,
    BUDGETS,
    CURRENCIES,
    CUSTOM_FIELDS,
    DEPARTMENTS,
    HISTORY,
    ITEMS,
    LOCATIONS,
    ORDERS,
    PAYMENTS,
    VENDORS,
    Procurify,
    small,
)

LISTS = (
    BILLS, ITEMS, HISTORY, VENDORS, ACCOUNT_CODES, BUDGETS, DEPARTMENTS, LOCATIONS, CURRENCIES, PAYMENTS, CUSTOM_FIELDS,
    ORDERS.format("purchased/all"),
)  # fmt: skip


def test_both_headers_are_needed(procurify: ProcurifySandbox, api: Procurify, bare: httpx.Client) -> None:
    """Without the client header a good token looks bad; without a token the client header is no help."""
    token = api.http.headers["Authorization"]
    for headers in ({}, {"Authorization": token}, {"X-Procurify-Client": "api"}):
        answer = bare.get(BILLS, headers=headers)
        assert (answer.status_code, list(answer.json())) == (401, ["detail"])
    wrong = {"Authorization": token, "X-Procurify-Client": "web"}
    procurify.switches.client_header_status = 403
    assert bare.get(BILLS, headers=wrong).status_code == 403
    assert bare.get(BILLS, headers={**wrong, "X-Procurify-Client": "api"}).status_code == 200


def test_a_path_without_its_slash_is_not_there(procurify: ProcurifySandbox, api: Procurify) -> None:
    """404, or a redirect with the query kept when the switch is on."""
    assert api.get(BILLS.rstrip("/")).status_code == 404
    procurify.switches.slash_redirects = True
    answer = api.get(BILLS.rstrip("/"), page_size=3)
    assert (answer.status_code, answer.headers["location"]) == (301, f"{BILLS}?page_size=3")


@pytest.mark.parametrize("path", LISTS)
def test_every_list_has_the_envelope(api: Procurify, path: str) -> None:
    """Six figures about the pages beside the rows, ten rows unless asked otherwise."""
    answer = api.get(path)
    assert answer.status_code == 200, answer.text
    pagination = answer.json()["metadata"]["pagination"]
    assert list(pagination) == ["count", "next", "previous", "page_size", "num_pages", "current_page"]
    assert (pagination["page_size"], pagination["current_page"], pagination["previous"]) == (10, 1, None)
    assert len(answer.json()["data"]) == min(10, pagination["count"])


def test_pages_are_followed_to_their_end(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Every bill comes once, the last page says null, and past the end is 404."""
    pages = list(api.pages(BILLS, page_size=15))
    assert [len(page["data"]) for page in pages] == [15, 15, 10]
    assert [row["id"] for page in pages for row in page["data"]] == sorted(procurify.bills, reverse=True)
    assert pages[1]["metadata"]["pagination"]["previous"].endswith("page_size=15&page=1")
    past = api.get(BILLS, page=4, page_size=15)
    assert (past.status_code, past.json()) == (404, {"detail": "Invalid page."})
    assert api.rows(BILLS, search="nothing like it") == []
    assert api.get(BILLS, page_size=9000).json()["metadata"]["pagination"]["page_size"] == 500


def test_pages_move_while_rows_change(procurify: ProcurifySandbox, api: Procurify) -> None:
    """A bill entered between two pages shows the last row again."""
    first = api.get(BILLS, page_size=5).json()["data"]
    procurify.people.new_bill()
    second = api.get(BILLS, page_size=5, page=2).json()["data"]
    assert second[0]["id"] == first[-1]["id"]


@pytest.mark.parametrize(
    ("path", "params"),
    [
        (BILLS, {"status": "2"}),
        (BILLS, {"updated_since": "2026-01-01"}),
        (BILLS, {"last_modified_datetime_0": "2026-10-01"}),
        (BILLS, {"last_modified_datetime_0": "2026-10-01T00:00:00"}),
        (BILLS, {"invoice_date_0": "2026-10-01T00:00:00Z"}),
        (BILLS, {"invoice_date_1": "20261001"}),
        (BILLS, {"vendor": "Nordhavn"}),
        (BILLS, {"has_payment": "yes"}),
        (BILLS, {"order_by": "status"}),
        (BILLS, {"type": "9"}),
        (BILLS, {"vendor": ["1", "2"]}),
        (BILLS, {"format": "csv"}),
        (BILLS, {"page": "0"}),
        (BILLS, {"page_size": "many"}),
        (ITEMS, {"bill": "x"}),
        (VENDORS, {"last_modified_datetime_0": "2026-10-01T00:00:00Z"}),
        (VENDORS, {"type__in": "8"}),
        (PAYMENTS, {"status": "paid,settled"}),
        (DEPARTMENTS, {"active": "true"}),
        (ORDERS.format("purchased/all"), {"total_0": "lots"}),
        ("/api/v2/ap/bills/4701/", {"expand": "items"}),
    ],
)
def test_parameters_are_checked(api: Procurify, path: str, params: dict[str, Any]) -> None:
    """Unknown names, repeated ones and wrong forms are 400 with the name in the detail."""
    answer = api.get(path, **params)
    assert answer.status_code == 400
    assert next(iter(params)) in answer.json()["detail"]


def test_unknown_parameters_may_be_ignored(procurify: ProcurifySandbox, api: Procurify) -> None:
    """With the switch off the list comes as if nothing was asked."""
    procurify.switches.refuse_unknown_parameters = False
    assert len(api.rows(BILLS, status="2")) == 40
    assert api.get(BILLS, type="9").status_code == 400


def test_writes_are_answered_changed_nothing_and_kept(procurify: ProcurifySandbox, api: Procurify) -> None:
    """What the vendor accepts is echoed, the rest is 405 or 404; all of it can be counted."""
    assert api.rows(BILLS)
    assert procurify.writes == []
    made = api.http.post(VENDORS, json={"name": "New"})
    assert (made.status_code, made.json()["data"]) == (201, {"name": "New"})
    assert api.http.patch(f"{VENDORS}81/", json={"external_id": "X"}).status_code == 200
    assert api.http.post(VENDORS, content=b"[").status_code == 400
    assert api.http.put(BILLS, json={}).status_code == 405
    assert api.http.delete("/api/v2/ap/bills/4701/").status_code == 405
    assert api.http.post("/api/v2/mark-as-paid/", json={}).status_code == 404
    assert [write.method for write in procurify.writes] == ["POST", "PATCH", "POST", "PUT", "DELETE", "POST"]
    assert procurify.writes[0].body == b'{"name":"New"}'
    assert (procurify.vendors[81].external_id, "New" in {row.name for row in procurify.vendors.values()}) == (
        "S-1001",
        False,
    )
    assert sum(1 for entry in procurify.journal.entries if entry.effect) == 2


def test_options_tell_the_fields_of_the_list(procurify: ProcurifySandbox, api: Procurify) -> None:
    """The names are those of the rows; a total is a float."""
    fields = api.http.options(BILLS).json()["data"]["fields"]
    assert set(fields) == set(api.rows(BILLS)[0])
    assert fields["total_cost_with_tax"] == "float"


def test_the_budget_is_kept() -> None:
    """One call too many is 429 with the seconds to wait, until they have passed."""
    with small(calls_per_window=3, window_seconds=20.0) as sandbox, Procurify(sandbox) as api:
        assert [api.get(BILLS).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = api.get(BILLS)
        assert 0 < int(refused.headers["retry-after"]) <= 20
        assert "throttled" in refused.json()["detail"]
        sandbox.switches.retry_after = False
        assert "retry-after" not in api.get(BILLS).headers
        sandbox.clock.advance(20)
        assert api.get(BILLS).status_code == 200


def test_big_pages_stall_until_the_caller_asks_for_less(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Above the limit the answer does not come in time, at the limit it does; other callers are not held up."""
    procurify.switches.slow_pages_over = 25
    with pytest.raises(httpx.ReadTimeout):
        api.http.get(BILLS, params={"page_size": 50}, timeout=0.3)
    begun = time.monotonic()
    assert api.get(BILLS, page_size=25).status_code == 200
    assert time.monotonic() - begun < 5
    procurify.switches.slow_seconds = 0.05
    patient = api.get(BILLS, page_size=50)
    assert (patient.status_code, patient.headers["content-type"].partition(";")[0]) == (504, "text/html")


def test_a_storm_has_the_vendors_shape(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Errors of the API are JSON with detail or message, those before it are pages."""
    procurify.faults.profile, procurify.faults.stall_seconds = "storm", 0.0
    seen: dict[int, set[str]] = {}
    for _ in range(400):
        try:
            answer = api.get(CURRENCIES)
        except httpx.TransportError:
            continue
        if answer.status_code != 200:
            seen.setdefault(answer.status_code, set()).add(answer.headers["content-type"])
            assert answer.status_code > 500 or answer.json().keys() <= {"detail", "message"}
    assert seen == {
        429: {"application/json"}, 500: {"application/json"}, 502: {"text/html"}, 503: {"text/html"},
    }  # fmt: skip


def test_answers_can_be_traced_and_must_be_wanted_in_json(api: Procurify) -> None:
    """Every answer has its own request id; who wants no JSON gets 406."""
    answers = [api.get(BILLS), api.get("/api/nowhere/"), api.get(BILLS, status="2")]
    assert len({answer.headers["x-procurify-request-id"] for answer in answers}) == 3
    assert api.http.get(BILLS, headers={"Accept": "text/csv"}).status_code == 406
    assert api.get(BILLS, format="json").status_code == 200
    assert api.http.head(BILLS).content == b""


def test_the_control_endpoints_let_people_act(procurify: ProcurifySandbox, api: Procurify) -> None:
    """People, state and reset work over HTTP."""
    made = api.http.post("/_sandbox/people/new_bill", json={"amount": "12.50", "tax": 0}).json()["result"]
    assert api.http.post("/_sandbox/people/pay", json={"bill": made}).status_code == 200
    state = api.http.get("/_sandbox/state").json()
    assert [row["total"] for row in state["bills"] if row["id"] == made] == ["12.50"]
    assert api.http.post("/_sandbox/people/approve", json={"bill": made}).status_code == 400
    api.http.post("/_sandbox/reset")
    assert made not in procurify.bills


def test_the_same_seed_gives_the_same_tenant() -> None:
    """Names and totals repeat; a longer list begins with the shorter one."""
    world = World.make(invoices=1)
    first, second = ProcurifySandbox(world=world, seed=4), ProcurifySandbox(world=world, seed=4)
    longer, other = ProcurifySandbox(world=world, seed=4, bills=90), ProcurifySandbox(world=world, seed=5)
    drawn = [(bill.uuid, bill.total) for bill in first.bills.values()]
    assert drawn == [(bill.uuid, bill.total) for bill in second.bills.values()]
    assert drawn == [(bill.uuid, bill.total) for bill in longer.bills.values()][:40]
    assert drawn != [(bill.uuid, bill.total) for bill in other.bills.values()]
    assert len(longer.bills) == 90
