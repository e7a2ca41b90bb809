"""The vendor's limits: three at once, the hourly quota, sixty spend calls a minute."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx

from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines_tests.sandbox.bill.caller import Bill, codes, login


def at_once(sandbox: BillSandbox, api: Bill, count: int) -> list[httpx.Response]:
    """Send so many calls at the same moment."""
    ready = threading.Barrier(count)
    headers = {"devKey": sandbox.dev_key, "sessionId": api.http.headers["sessionId"]}

    def call() -> httpx.Response:
        with httpx.Client(headers=headers, timeout=10) as client:
            client.get(f"{sandbox.ap_url}/v3/nowhere")  # the connection is open before the race
            ready.wait(timeout=10)
            return client.get(f"{sandbox.ap_url}/v3/login/session")

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(call) for _ in range(count)]]


def test_the_fourth_call_at_once_is_refused(sandbox: BillSandbox, api: Bill) -> None:
    """422 BDC_1322 for those over three; the record shows how many there were."""
    sandbox.switches.work_seconds = 0.4
    sandbox.slots.clear()
    api.log_in()  # an old session beside it takes no second slot
    assert sandbox.max_in_flight == 1
    answers = at_once(sandbox, api, 3)
    assert {answer.status_code for answer in answers} == {200}
    answers = at_once(sandbox, api, 5)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 422, 422]
    assert {codes(answer)[1][0] for answer in answers if answer.status_code == 422} == {"BDC_1322"}
    assert (sandbox.max_in_flight, sandbox.slots.refused) == (4, 2)
    sandbox.switches.limit_status = 400
    assert 400 in {answer.status_code for answer in at_once(sandbox, api, 5)}


def test_slots_are_given_back(sandbox: BillSandbox, api: Bill) -> None:
    """Answers, refusals, faults and callers that left leave no slot behind."""
    for kind in ("reset", "lost", "stall", "status"):
        sandbox.faults.once(kind, seconds=5.0)
        with httpx.Client(headers=dict(api.http.headers), timeout=0.2) as client:
            try:
                client.post(f"{sandbox.ap_url}/v3/vendors", json={})
            except httpx.TransportError:
                assert kind != "status"
    assert api.get("/nowhere").status_code == 404
    for _ in range(20):
        assert api.get("/login/session").status_code == 200
    sandbox.switches.work_seconds = 0.2
    assert {answer.status_code for answer in at_once(sandbox, api, 3)} == {200}


def test_a_stalled_call_holds_its_slot(sandbox: BillSandbox, api: Bill) -> None:
    """Three slow answers leave no room for a fourth call, and a login needs a slot too."""
    sandbox.faults.once("stall", path_part="/login/session", times=3, seconds=1.0)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(at_once, sandbox, api, 3)
        while sum(entry.fault == "stall" and entry.status is None for entry in sandbox.journal.entries) < 3:
            threading.Event().wait(0.01)
        assert codes(api.get("/vendors")) == (422, ["BDC_1322"])
        assert codes(httpx.post(f"{sandbox.ap_url}/v3/login", json=login(sandbox))) == (422, ["BDC_1322"])
        assert {answer.status_code for answer in slow.result()} == {200}
    assert api.get("/vendors").status_code == 200


def test_two_hundred_logins_an_hour(sandbox: BillSandbox, api: Bill) -> None:
    """The next one is BDC_1144 until the full hour; open sessions go on."""
    now = sandbox.clock.now()
    hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1, minutes=1)
    sandbox.clock.advance((hour - now).total_seconds())
    api.log_in()
    assert sandbox.quota.logins == 200
    sandbox.quota.logins = 3
    try:
        api.log_in()
        api.log_in()
        answer = httpx.post(f"{sandbox.ap_url}/v3/login", json=login(sandbox))
        assert codes(answer) == (422, ["BDC_1144"])
        assert api.get("/vendors").status_code == 200
        sandbox.clock.advance(58 * 60)
        assert httpx.post(f"{sandbox.ap_url}/v3/login", json=login(sandbox)).status_code == 422
        sandbox.clock.advance(60)
        api.log_in()
    finally:
        sandbox.quota.logins = 200


def test_twenty_thousand_calls_an_hour(sandbox: BillSandbox, api: Bill) -> None:
    """The hour's calls include both bases and logins; the next is BDC_1144 with the status of the switch."""
    assert sandbox.quota.calls == 20_000
    sandbox.quota.calls = 3
    try:
        sandbox.quota.clear()
        assert api.get("/vendors").status_code == 200
        assert api.events("GET", "/subscriptions").status_code == 200
        api.log_in()
        sandbox.switches.limit_status = 400
        assert codes(api.get("/vendors")) == (400, ["BDC_1144"])
        assert "retry-after" not in api.get("/vendors").headers
    finally:
        sandbox.quota.calls = 20_000


def test_spend_and_expense_has_its_own_token_and_limit(sandbox: BillSandbox, api: Bill) -> None:
    """apiToken alone opens it, sixty times a minute; a session does not."""
    url = f"{sandbox.ap_url}/v3/spend/transactions"
    assert api.http.get(url).status_code == 401
    with httpx.Client(headers={"apiToken": sandbox.spend_token}) as spend:
        found = spend.get(url, params={"max": 2}).json()
        assert [row["amount"] for row in found["results"]] == [84.15, 129.00]
        assert len(spend.get(url, params={"page": found["nextPage"]}).json()["results"]) == 1
        assert spend.get(url, headers={"sessionId": "any"}).status_code == 401
        answers = [spend.get(url).status_code for _ in range(59)]
        assert (set(answers[:58]), answers[58]) == ({200}, 422)
        sandbox.clock.advance(60)
        assert spend.get(url).status_code == 200
