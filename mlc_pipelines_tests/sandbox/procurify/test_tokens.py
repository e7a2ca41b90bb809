"""The token endpoint, and how tokens end."""

import base64
import json
from typing import Any

import httpx
import pytest

from mlc_pipelines.sandbox.procurify import ProcurifySandbox
from mlc_pipelines_tests.sandbox.procurify.caller import BILLS, DEPARTMENTS, Procurify, credentials, small


def test_a_token_is_a_jwt_for_a_day_and_one_user(procurify: ProcurifySandbox, bare: httpx.Client) -> None:
    """The answer names the domain and the user's mail address; the token itself has three parts."""
    answer = bare.post("/oauth/token", json=credentials(procurify)).json()
    assert (answer["expires_in"], answer["token_type"]) == (86400, "Bearer")
    assert answer["scope"].startswith("urn:procurify-api:domain:falkenried urn:procurify-api:email:")
    claims = answer["access_token"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["aud"] == "https://api.procurify.com/"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"client_secret": "guess"}, 401),
        ({"client_id": "guess"}, 401),
        ({"audience": "https://api.procurify.com"}, 403),
        ({"grant_type": "password"}, 400),
        ({"scope": "all"}, 400),
        ({"audience": None}, 400),
    ],
)
def test_a_wrong_request_gets_a_message(
    procurify: ProcurifySandbox, bare: httpx.Client, changes: dict[str, Any], status: int
) -> None:
    """A bad secret and an audience without its final slash look alike; other mistakes are 400."""
    answer = bare.post("/oauth/token", json=credentials(procurify, **changes))
    assert (answer.status_code, list(answer.json())) == (status, ["message"])
    assert (answer.json()["message"] == "Unauthorized") == (status != 400)


def test_the_audience_may_be_refused_like_a_secret(procurify: ProcurifySandbox, bare: httpx.Client) -> None:
    """With the switch both are 401."""
    procurify.switches.audience_status = 401
    assert bare.post("/oauth/token", json=credentials(procurify, audience="x")).status_code == 401


def test_the_token_request_is_json_and_a_post(procurify: ProcurifySandbox, bare: httpx.Client) -> None:
    """A form, broken JSON, a list, GET and a slash too many are refused; none of it counts as a write."""
    assert bare.post("/oauth/token", data=credentials(procurify)).status_code == 400
    as_json = {"Content-Type": "application/json"}
    assert bare.post("/oauth/token", content=b"{", headers=as_json).status_code == 400
    assert bare.post("/oauth/token", json=[]).status_code == 400
    assert bare.get("/oauth/token").status_code == 405
    assert procurify.writes == []
    assert bare.post("/oauth/token/", json=credentials(procurify)).status_code == 404


def test_tokens_expire_and_are_revoked(procurify: ProcurifySandbox, api: Procurify) -> None:
    """A day later, or when somebody revokes it, the call is 401 and a new token works."""
    assert api.get(BILLS).status_code == 200
    procurify.clock.advance(86401)
    assert api.get(BILLS).json() == {"detail": "Signature has expired."}
    api.renew()
    assert api.get(BILLS).status_code == 200
    assert procurify.people.revoke_tokens() == 2
    assert api.get(BILLS).status_code == 401
    procurify.people.rotate_secret("another")
    assert api.http.post("/oauth/token", json=credentials(procurify)).status_code == 401
    assert api.http.post("/oauth/token", json=credentials(procurify, client_secret="another")).status_code == 200


def test_an_expiring_tenant_lets_through_who_renews_once() -> None:
    """Tokens live three seconds and now and then are revoked, but never in their first calls."""
    with small(faults="expiring") as sandbox, Procurify(sandbox) as api:
        renewed = 0
        for _ in range(120):
            if api.get(DEPARTMENTS).status_code == 401:
                renewed += 1
                api.renew()
                assert api.get(DEPARTMENTS).status_code == 200
            sandbox.clock.advance(0.5)
        assert renewed > 10


def test_the_user_behind_the_application_can_lose_the_rights(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Deactivated, calls are 403; restricted to a location, other bills vanish without a word."""
    procurify.people.deactivate_service_user()
    assert api.get(BILLS).status_code == 403
    procurify.people.deactivate_service_user(active=True)
    everything = api.ids(BILLS)
    procurify.people.restrict_service_user(3)
    dayton = api.ids(BILLS)
    assert dayton == {key for key, bill in procurify.bills.items() if "20" in bill.companies}
    assert 0 < len(dayton) < len(everything)
    hidden = min(everything - dayton)
    assert api.get(f"/api/v2/ap/bills/{hidden}/").status_code == 404
