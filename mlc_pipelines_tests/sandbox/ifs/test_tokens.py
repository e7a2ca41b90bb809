"""The token endpoint and what a token is good for."""

import httpx
import pytest

from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines_tests.sandbox.ifs.caller import FIRST, Caller, token

GOOD = {"grant_type": "client_credentials", "client_id": "mlc-sandbox", "client_secret": "sandbox-ifs-secret"}


def test_client_credentials_give_a_bearer_token(ifs: IfsSandbox, client: httpx.Client) -> None:
    """The token answer has the fields Keycloak gives, and an hour to live."""
    answer = client.post(ifs.token_url, data=GOOD | {"scope": "openid microprofile-jwt"}).json()
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 3600, "openid microprofile-jwt")
    assert "refresh_token" not in answer


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "everything"}, 400, "invalid_scope"),
        ({"grant_type": ""}, 400, "invalid_request"),
    ],
)
def test_wrong_requests_get_oauth_errors(
    ifs: IfsSandbox, client: httpx.Client, change: dict[str, str], status: int, error: str
) -> None:
    """Wrong ids, secrets, grants and scopes are told apart as OAuth says."""
    answer = client.post(ifs.token_url, data=GOOD | change)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_the_body_is_a_form(ifs: IfsSandbox, client: httpx.Client) -> None:
    """JSON is not understood by the token endpoint."""
    assert client.post(ifs.token_url, json=GOOD).json()["error"] == "invalid_request"


def test_an_unknown_realm_is_404(ifs: IfsSandbox, client: httpx.Client) -> None:
    """The realm is part of the address and must exist."""
    answer = client.post(ifs.token_url.replace("/sandbox/", "/elsewhere/"), data=GOOD)
    assert (answer.status_code, answer.json()) == (404, {"error": "Realm does not exist"})


def test_calls_need_a_token_that_holds(ifs: IfsSandbox, caller: Caller) -> None:
    """No token, a made-up one, an expired one and a revoked one all answer 401."""
    assert caller.get(FIRST).status_code == 200
    assert caller.get(FIRST, authorization="").status_code == 401
    assert caller.get(FIRST, authorization="Bearer made-up").status_code == 401
    ifs.clock.advance(3601)
    assert caller.get(FIRST).status_code == 401
    fresh = token(ifs, caller.client)
    assert caller.get(FIRST, authorization=f"Bearer {fresh}").status_code == 200
    ifs.tokens.revoke_all()
    assert caller.get(FIRST, authorization=f"Bearer {fresh}").status_code == 401


def test_tenants_may_give_short_tokens(ifs: IfsSandbox, client: httpx.Client) -> None:
    """Three minute tokens exist, and three second ones in the expiring profile."""
    ifs.switches.token_seconds = 180
    assert client.post(ifs.token_url, data=GOOD).json()["expires_in"] == 180
    ifs.faults.profile = "expiring"
    assert client.post(ifs.token_url, data=GOOD).json()["expires_in"] == 3


def test_tokens_never_reach_the_journal(ifs: IfsSandbox, caller: Caller) -> None:
    """The journal says that an authorization was sent, not which."""
    caller.get(FIRST)
    assert ifs.journal.entries[-1].headers["authorization"] == "present"
