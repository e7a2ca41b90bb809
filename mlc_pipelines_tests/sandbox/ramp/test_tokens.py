"""Tokens open the door until they expire, are revoked, or lack the scope."""

import httpx

from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.ramp.client import Ramp, mint, refusal


def test_a_token_is_opaque_and_lives_ten_days(bare: httpx.Client) -> None:
    """Basic credentials and a form give a bearer token with the scopes asked for."""
    answer = mint(bare, scope="bills:read bills:write")
    token = answer.json()
    assert answer.status_code == 200
    assert token.pop("access_token").startswith("ramp_tok_")
    assert token == {"token_type": "Bearer", "expires_in": 864000, "scope": "bills:read bills:write"}


def test_a_wrong_secret_is_refused(bare: httpx.Client) -> None:
    """Wrong credentials are invalid_client, and no token."""
    answer = mint(bare, secret="guess")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_json_and_a_wrong_grant_are_refused(bare: httpx.Client) -> None:
    """The token endpoint takes a form with client_credentials and known scopes only."""
    auth = ("ramp_sandbox_id", "ramp-sandbox-secret")
    as_json = bare.post("/developer/v1/token", auth=auth, json={"grant_type": "client_credentials"})
    other = bare.post("/developer/v1/token", auth=auth, data={"grant_type": "password"})
    assert (as_json.status_code, as_json.json()["error"]) == (400, "invalid_request")
    assert (other.status_code, other.json()["error"]) == (400, "invalid_grant")
    assert mint(bare, scope="bills:erase").json()["error"] == "invalid_scope"


def test_without_a_scope_the_token_opens_nothing(ramp: RampSandbox) -> None:
    """A token without scopes is issued, and every call with it is 403 DEVELOPER_7100."""
    with Ramp(ramp, scope="") as api:
        assert refusal(api.get("/bills"))[:2] == (403, "DEVELOPER_7100")


def test_a_scope_the_app_lacks_is_noticed_at_the_call() -> None:
    """Minting succeeds without the ungranted scope; the call is refused."""
    with RampSandbox(world=World.make(invoices=1), scopes=["bills:read"]) as ramp, Ramp(ramp) as api:
        assert api.get("/bills").status_code == 200
        assert refusal(api.get("/vendors"))[:2] == (403, "DEVELOPER_7100")


def test_no_token_and_an_unknown_token_are_401(bare: httpx.Client) -> None:
    """Calls need a living bearer token."""
    assert refusal(bare.get("/developer/v1/bills"))[0] == 401
    assert bare.get("/developer/v1/bills", headers={"Authorization": "Bearer ramp_tok_x"}).status_code == 401


def test_an_expired_token_is_401_and_a_new_one_works(ramp: RampSandbox, api: Ramp) -> None:
    """After ten days the token is refused; asking again helps."""
    assert api.get("/business").status_code == 200
    ramp.clock.advance(864001)
    assert api.get("/business").status_code == 401
    api.renew()
    assert api.get("/business").status_code == 200


def test_a_revoked_token_is_401(api: Ramp) -> None:
    """Revoking needs the client's credentials and ends the token at once."""
    token = api.http.headers["Authorization"].removeprefix("Bearer ")
    path, auth = "/developer/v1/token/revoke", ("ramp_sandbox_id", "ramp-sandbox-secret")
    assert api.http.post(path, auth=("ramp_sandbox_id", "no"), data={"token": token}).status_code == 401
    assert api.get("/business").status_code == 200
    assert api.http.post(path, auth=auth, data={"token": token}).status_code == 200
    assert api.get("/business").status_code == 401


def test_people_revoke_every_token(ramp: RampSandbox, api: Ramp) -> None:
    """An administrator can end all sessions."""
    assert ramp.people.revoke_tokens() == 1
    assert api.get("/business").status_code == 401


def test_expiring_gives_short_tokens_and_revokes_some(ramp: RampSandbox, api: Ramp) -> None:
    """Under expiring a token lives 3 s and may be revoked, but never on its first calls."""
    ramp.faults.profile = "expiring"
    assert mint(api.http).json()["expires_in"] == 3
    refused = 0
    for _ in range(120):
        if api.get("/business").status_code == 401:
            refused += 1
            api.renew()
            assert api.get("/business").status_code == 200
    assert refused > 0
