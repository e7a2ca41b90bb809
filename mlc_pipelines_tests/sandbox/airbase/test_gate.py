"""What stands before every call: slash, token, budget, media types, and the front."""

import httpx
import pytest

from mlc_pipelines.sandbox.airbase import AirbaseSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.airbase.caller import ENTRIES, ORDERS, REQUESTS, VENDORS, Airbase, order

SUBSIDIARIES = "/v1/accounting/subsidiaries/"


def small(**switches: object) -> AirbaseSandbox:
    """Make a simulator of one's own."""
    return AirbaseSandbox(world=World.make(invoices=1), requests=0, payments=0, **switches)  # type: ignore[arg-type]


def test_a_path_without_its_slash_loses_the_body(airbase: AirbaseSandbox, api: Airbase) -> None:
    """301 to the real path; a client that follows turns POST into GET, and nothing is made."""
    answer = api.post(VENDORS.rstrip("/") + "?page_size=3", {"name": "Lost"})
    assert (answer.status_code, answer.headers["location"]) == (301, f"{VENDORS}?page_size=3")
    followed = api.http.post(VENDORS.rstrip("/"), json={"name": "Lost"}, follow_redirects=True)
    assert (followed.request.method, followed.status_code) == ("GET", 200)
    assert "Lost" not in {vendor.name for vendor in airbase.vendors.values()}


def test_one_word_before_the_token_works(airbase: AirbaseSandbox) -> None:
    """Another word counts as no credential; the switch names the words."""
    with Airbase(airbase, word="Bearer") as other, Airbase(airbase) as api:
        refused = other.get(SUBSIDIARIES)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Token")
        assert refused.json() == {"detail": "Authentication credentials were not provided."}
        assert api.get(SUBSIDIARIES).status_code == 200
        airbase.switches.schemes = ("Bearer",)
        assert other.get(SUBSIDIARIES).status_code == 200
        assert api.get(SUBSIDIARIES).status_code == 401


def test_calls_without_a_known_token_are_refused(bare: httpx.Client) -> None:
    """No header and a wrong token are 401 with a detail, and no number of a token."""
    for headers in ({}, {"Authorization": "Token guess"}, {"Authorization": "Token"}):
        answer = bare.get(SUBSIDIARIES, headers=headers)
        assert (answer.status_code, list(answer.json())) == (401, ["detail"])
        assert "x-airbase-auth-token-id" not in answer.headers


def test_two_tokens_work_and_are_told_apart(airbase: AirbaseSandbox, bare: httpx.Client) -> None:
    """Answers name the token by number; revoking one leaves the other, and a third can be made."""

    def number(value: str) -> str:
        answer = bare.get(SUBSIDIARIES, headers={"Authorization": f"Token {value}"})
        return str(answer.headers.get("x-airbase-auth-token-id", "none"))

    assert (number(airbase.token), number(airbase.token_next)) == ("41", "42")
    assert airbase.people.revoke_token("token") == 41
    assert (number(airbase.token), number(airbase.token_next)) == ("none", "42")
    assert number(airbase.people.rotate_token()) == "43"


def test_an_expiring_tenant_never_loses_both_tokens() -> None:
    """The first token is revoked now and then and comes back; the next one works throughout."""
    with small(faults="expiring") as airbase, httpx.Client(base_url=airbase.url) as http:
        lost = 0
        for _ in range(200):
            first, second = (
                http.get(SUBSIDIARIES, headers={"Authorization": f"Token {value}"}).status_code
                for value in (airbase.token, airbase.token_next)
            )
            lost += first == 401
            assert (first in (200, 401), second) == (True, 200)
            airbase.clock.advance(1)
        assert 0 < lost < 100


def test_the_budget_is_told_and_spent() -> None:
    """Each call takes one; the one after the last is 429 until the window has passed."""
    with small(calls_per_window=3) as airbase, Airbase(airbase) as api:
        left = [api.get(SUBSIDIARIES).headers["x-ratelimit-remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        refused = api.get(SUBSIDIARIES)
        assert (refused.status_code, refused.headers["x-ratelimit-limit"]) == (429, "3")
        assert 0 < int(refused.headers["retry-after"]) <= 60
        airbase.switches.retry_after = False
        assert "retry-after" not in api.get(SUBSIDIARIES).headers
        airbase.clock.advance(60)
        assert api.get(SUBSIDIARIES).status_code == 200


def test_every_answer_can_be_traced(api: Airbase, bare: httpx.Client) -> None:
    """Success, refusal, redirect and unknown path have a request id of their own."""
    answers = [api.get(SUBSIDIARIES), bare.get(SUBSIDIARIES), api.get(VENDORS[:-1]), api.get("/v1/nowhere/")]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 4
    assert {answer.headers["x-airbase-release-version"] for answer in answers} == {"2026.10.3"}
    assert answers[3].status_code == 404
    assert answers[3].headers["content-type"].startswith("text/html")


def test_methods_and_media_types_are_checked(api: Airbase) -> None:
    """Allow is on every answer; other methods, other bodies and other wishes are refused in the framework's words."""
    assert api.get(VENDORS).headers["allow"] == "GET, POST, HEAD, OPTIONS"
    refused = api.post(ENTRIES, {})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert refused.json() == {"detail": 'Method "POST" not allowed.'}
    assert api.http.options(ENTRIES).status_code == 200
    assert api.http.head(ENTRIES).content == b""
    assert api.http.post(VENDORS, data={"name": "x"}).status_code == 415
    assert api.http.get(VENDORS, headers={"Accept": "text/html"}).status_code == 406
    broken = api.http.post(VENDORS, content=b"{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 400
    assert broken.json()["detail"].startswith("JSON parse error")


def test_pages_are_followed_to_their_end(airbase: AirbaseSandbox, api: Airbase) -> None:
    """Every vendor comes once, and a page past the end is 200 and empty."""
    pages = list(api.pages(VENDORS, size=5))
    assert [len(page) for page in pages] == [5, 5, 5, len(airbase.vendors) - 15]
    assert {row["id"] for page in pages for row in page} == set(airbase.vendors)
    past = api.get(VENDORS, page=99, page_size=5)
    assert (past.status_code, past.json()["data"], past.json()["pagination"]["next"]) == (200, [], None)
    assert api.get(VENDORS, page=2, page_size=5).json()["pagination"]["previous"].endswith("page=1&page_size=5")


def test_the_marker_may_be_missing_or_a_number(airbase: AirbaseSandbox, api: Airbase) -> None:
    """With the switches a full page says null, or the next page's number; larger sizes are cut down."""
    airbase.switches.next_is_number = True
    assert api.get(VENDORS, page_size=5).json()["pagination"]["next"] == 2
    airbase.switches.next_null_on_full_page = True
    assert api.get(VENDORS, page_size=5).json()["pagination"] == {
        "next": None,
        "previous": None,
        "page": 1,
        "page_size": 5,
    }
    assert len(api.rows(VENDORS, page=2)) == 0
    assert api.get(VENDORS, page_size=5000).json()["pagination"]["page_size"] == 500


@pytest.mark.parametrize("params", [{"page": "0"}, {"page_size": "many"}, {"updated_since": "2026-01-01"}])
def test_parameters_nobody_knows_are_refused(api: Airbase, params: dict[str, str]) -> None:
    """400 names the parameter."""
    answer = api.get(VENDORS, **params)
    assert (answer.status_code, list(answer.json())) == (400, list(params))


def test_a_storm_looks_like_the_front(airbase: AirbaseSandbox, api: Airbase) -> None:
    """Errors are Cloudflare's HTML, the framework's page, or throttling in JSON."""
    airbase.faults.profile, airbase.faults.stall_seconds = "storm", 0.0
    seen: dict[int, set[str]] = {}
    for _ in range(400):
        try:
            answer = api.get(SUBSIDIARIES)
        except httpx.TransportError:
            continue
        if answer.status_code != 200:
            seen.setdefault(answer.status_code, set()).add(answer.headers["content-type"].partition(";")[0])
            assert b"Cloudflare" in answer.content or answer.status_code in (429, 500)
    assert seen.keys() >= {429, 502, 503}
    assert seen[429] == {"application/json", "text/html"}
    assert seen[502] == {"text/html"}


def test_a_lost_answer_leaves_the_order_behind(airbase: AirbaseSandbox, api: Airbase) -> None:
    """The order was made although the client never heard of it; its number finds it."""
    airbase.faults.once("lost", method="POST", path_part=ORDERS)
    with pytest.raises(httpx.TransportError):
        api.post(ORDERS, order())
    assert [row["po_number"] for row in api.rows(ORDERS, po_number="P-10428")] == ["P-10428"]
    airbase.faults.once("lost_504", method="POST", path_part=ORDERS)
    assert b"Cloudflare" in api.post(ORDERS, order("P-2")).content
    assert len(airbase.orders) == 2


def test_paths_nobody_published_are_settings() -> None:
    """They can be moved or left out, and only the known four."""
    with small(paths={"purchase_orders": "/v2/po/", "payments": ""}) as airbase, Airbase(airbase) as api:
        assert api.post("/v2/po/", order()).status_code == 201
        assert api.get(ORDERS).status_code == 404
        assert api.get("/v1/payments/").status_code == 404
        assert api.get(REQUESTS).status_code == 200
    with pytest.raises(ValueError, match="bills"):
        small(paths={"bills": "/v1/bills/"})
    with pytest.raises(ValueError, match="slash"):
        small(paths={"payments": "/v1/payments"})


def test_the_control_endpoints_let_people_act(airbase: AirbaseSandbox, api: Airbase) -> None:
    """State, people and reset work over HTTP."""
    made = api.post("/_sandbox/people/approve_requests", {"count": 3}).json()["result"]
    state = api.get("/_sandbox/state").json()
    assert [row["status"] for row in state["requests"] if row["id"] in made] == ["approved"] * 3
    assert api.post("/_sandbox/people/withdraw_approval", {"request_id": "pr_0"}).status_code == 400
    airbase.people.create_vendor("Later")
    api.post("/_sandbox/reset", {})
    assert (len(airbase.requests), "Later" in {row.name for row in airbase.vendors.values()}) == (12, False)


def test_the_same_seed_gives_the_same_tenant() -> None:
    """Ids and amounts repeat; a longer list begins with the shorter one."""
    world = World.make(invoices=1)
    first, second = AirbaseSandbox(world=world, seed=4), AirbaseSandbox(world=world, seed=4)
    longer = AirbaseSandbox(world=world, seed=4, requests=40, payments=30)
    assert list(first.vendors) == list(second.vendors)
    assert [row.total for row in first.requests.values()] == [row.total for row in longer.requests.values()][:12]
    assert (len(longer.requests), len(longer.entries)) == (40, 30)
