"""Two kinds of login, how sessions end, and what a session may do."""

import httpx

from mlc_pipelines.sandbox.bill import BillSandbox, Credentials
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.bill.caller import Bill, codes, login, said


def logged_in(sandbox: BillSandbox, body: object) -> httpx.Response:
    """Try to log in with a body of one's own."""
    return httpx.post(f"{sandbox.ap_url}/v3/login", json=body)


def test_a_sync_token_and_a_user_log_in_alike(sandbox: BillSandbox) -> None:
    """The answer has session, organization, user and trust; both sessions read vendors and show themselves."""
    with Bill(sandbox) as sync, Bill(sandbox, user=True) as user:
        told = user.log_in(user=True)
        assert told["organizationId"] == sandbox.organization_id
        assert (told["userId"], told["trusted"]) == (sandbox.credentials.user_id, False)
        assert sync.get("/vendors").status_code == user.get("/vendors").status_code == 200
        assert sync.get("/login/session").json()["userId"] == sandbox.credentials.sync_user_id


def test_a_remembered_device_is_trusted(sandbox: BillSandbox) -> None:
    """rememberMeId with a device makes a user session trusted, a sync token's never."""
    remembered = {"rememberMeId": sandbox.credentials.remember_me_id, "device": "build"}
    assert logged_in(sandbox, login(sandbox, user=True) | remembered).json()["trusted"] is True
    assert logged_in(sandbox, login(sandbox) | remembered).json()["trusted"] is False


def test_wrong_credentials_have_their_codes(sandbox: BillSandbox) -> None:
    """Name, password and organization are BDC_1101, the developer key is BDC_1102, fields that lack are named."""
    for wrong in ({"username": "x"}, {"password": "x"}, {"organizationId": "008X"}):
        assert codes(logged_in(sandbox, login(sandbox) | wrong)) == (401, ["BDC_1101"])
    answer = logged_in(sandbox, login(sandbox, devKey="guess"))
    assert codes(answer) == (401, ["BDC_1102"])
    assert set(answer.json()[0]) == {"timestamp", "code", "severity", "category", "message"}
    body = login(sandbox)
    del body["devKey"]
    assert "devKey: This field is required." in said(logged_in(sandbox, body))
    assert codes(logged_in(sandbox, login(sandbox, device_name="x"))) == (400, ["BDC_1002"])
    assert codes(httpx.get(f"{sandbox.ap_url}/v3/login")) == (405, ["BDC_1121"])


def test_calls_need_key_and_session(sandbox: BillSandbox, api: Bill) -> None:
    """A wrong key is BDC_1102, no or an unknown session BDC_1109 and 401."""
    url = f"{sandbox.ap_url}/v3/vendors"
    session = api.http.headers["sessionId"]
    assert codes(httpx.get(url)) == (401, ["BDC_1102"])
    assert codes(httpx.get(url, headers={"devKey": "guess", "sessionId": session})) == (401, ["BDC_1102"])
    assert codes(httpx.get(url, headers={"devKey": sandbox.dev_key})) == (401, ["BDC_1109"])
    assert codes(httpx.get(url, headers={"apiToken": sandbox.spend_token})) == (401, ["BDC_1102"])


def test_sessions_end_when_idle(sandbox: BillSandbox) -> None:
    """A user's after 35 minutes, a sync token's after 48 hours; each call begins the time anew."""
    with Bill(sandbox, user=True) as user, Bill(sandbox) as sync:
        for _ in range(3):
            sandbox.clock.advance(34 * 60)
            assert user.get("/vendors").status_code == 200
        sandbox.clock.advance(35 * 60)
        assert codes(user.get("/vendors")) == (401, ["BDC_1109"])
        assert sync.get("/vendors").status_code == 200
        sandbox.clock.advance(48 * 3600 - 5)
        assert sync.get("/vendors").status_code == 200
        sandbox.clock.advance(48 * 3600)
        assert codes(sync.get("/vendors")) == (401, ["BDC_1109"])


def test_a_plain_life_ends_whatever_was_called(sandbox: BillSandbox) -> None:
    """With the switch the time counts from the login; an ended session may also be 403 BDC_1361."""
    sandbox.switches.plain_life = True
    with Bill(sandbox) as sync:
        sandbox.clock.advance(47 * 3600)
        assert sync.get("/vendors").status_code == 200
        sandbox.clock.advance(3600)
        assert codes(sync.get("/vendors")) == (401, ["BDC_1109"])
        sandbox.switches.expired_as_1361 = True
        assert codes(sync.get("/vendors")) == (403, ["BDC_1361"])


def test_logout_and_revocation_end_sessions(sandbox: BillSandbox, api: Bill) -> None:
    """After either the session is invalid, and a new login works."""
    assert api.post("/logout").status_code == 200
    assert codes(api.get("/vendors")) == (401, ["BDC_1109"])
    api.log_in()
    assert sandbox.people.revoke_sessions() == 1
    assert codes(api.get("/vendors")) == (401, ["BDC_1109"])
    old = login(sandbox)
    sandbox.people.rotate_sync_token()
    assert codes(logged_in(sandbox, old)) == (401, ["BDC_1101"])
    api.log_in()
    assert api.get("/vendors").status_code == 200


def test_an_expiring_organization_ends_sessions_early() -> None:
    """Under the profile sessions are idle after three seconds, and some are revoked after their first calls."""
    with BillSandbox(world=World.make(invoices=1), faults="expiring", work_seconds=0) as sandbox, Bill(sandbox) as api:
        sandbox.clock.advance(3)
        assert codes(api.get("/vendors")) == (401, ["BDC_1109"])
        first = []
        for _ in range(40):
            api.log_in()
            first += [api.get("/login/session").status_code for _ in range(5)]
        assert set(first) == {200}
        later = [api.get("/login/session").status_code for _ in range(200)]
        assert later[-1] == 401


def test_what_a_sync_token_may_do_is_a_switch(sandbox: BillSandbox, api: Bill) -> None:
    """Webhooks and recorded payments can be closed to it: 403 BDC_1361, untrusted; a user passes."""
    sandbox.switches.sync_token_webhooks = sandbox.switches.sync_token_record_payment = False
    refused = api.events("GET", "/subscriptions")
    assert codes(refused) == (403, ["BDC_1361"])
    assert refused.json()[0]["message"] == "Untrusted session."
    assert codes(api.post("/bills/record-payment", {})) == (403, ["BDC_1361"])
    api.log_in(user=True)
    assert api.events("GET", "/subscriptions").status_code == 200


def test_credentials_can_be_given() -> None:
    """Other credentials are shown as attributes and come back with a reset."""
    given = Credentials(dev_key="01OTHER", token_value="other")
    with BillSandbox(world=World.make(invoices=1), credentials=given) as sandbox:
        assert (sandbox.dev_key, sandbox.token_value) == ("01OTHER", "other")
        sandbox.people.rotate_sync_token()
        sandbox.reset()
        with Bill(sandbox) as api:
            assert api.get("/vendors").status_code == 200


def test_wrong_paths_and_methods_are_not_supported(sandbox: BillSandbox, api: Bill) -> None:
    """404 for a path misspelt, the webhook path on the AP base too; 405 for a method; unknown parameters BDC_1002."""
    assert codes(api.get("/vendor")) == (404, ["BDC_1121"])
    assert codes(api.get("/connect-events/v3/subscriptions")) == (404, ["BDC_1121"])
    assert codes(api.http.get(f"{sandbox.events_url}/v3/vendors")) == (404, ["BDC_1121"])
    assert codes(api.http.delete(f"{sandbox.ap_url}/v3/vendors")) == (405, ["BDC_1121"])
    assert codes(api.get("/vendors", nextPage="x")) == (400, ["BDC_1002"])
    answer = api.http.post(f"{sandbox.ap_url}/v3/vendors", content=b"{}")
    assert answer.status_code == 415
