"""Bearer tokens: minted once, renewed in time, never shown."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError, TransientError
from mlc_pipelines.wire.answers import judge_by_status
from mlc_pipelines.wire.auth import ClientCredentials, TokenUnavailableError, ifs_refresh, ramp_refresh
from mlc_pipelines.wire.http import HttpClient
from mlc_pipelines.wire.redaction import MASK, REDACTOR
from mlc_pipelines_tests.wire.conftest import SteppedClock, TokensInMemory
from mlc_pipelines_tests.wire.scripted_server import Reply, ScriptedServer

SECRET = "s3cret/with+signs"


def minted(value: str, expires_in: object = 3600) -> Reply:
    """A token answer."""
    return Reply(200, json.dumps({"access_token": value, "expires_in": expires_in, "token_type": "Bearer"}).encode())


@pytest.fixture
def token_server() -> Iterator[ScriptedServer]:
    """A token endpoint."""
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def open_auth(
    token_server: ScriptedServer, tokens: TokensInMemory, clock: SteppedClock
) -> Callable[..., ClientCredentials]:
    """Make a credential of the token endpoint; all made in one test share a store, as processes do."""

    def make(style: Literal["body", "basic"] = "body", **given: Any) -> ClientCredentials:
        asks = {"client_id": SecretStr("house"), "client_secret": SecretStr(SECRET)} | given
        return ClientCredentials(
            credential="acme/ifs",
            token_url=f"{token_server.url}/{asks.pop('path', 'token')}",
            style=style,
            store=tokens,
            clock=clock,
            refresh=ifs_refresh(),
            timeout=3,
            **asks,
        )

    return make


OpenAuth = Callable[..., ClientCredentials]


def bearer(auth: ClientCredentials) -> str:
    """The token an auth hands out now."""
    return auth.headers()["Authorization"].removeprefix("Bearer ")


class TestMinting:
    def test_the_secret_goes_into_the_body(self, open_auth: OpenAuth, token_server: ScriptedServer) -> None:
        """Style body sends a form with id, secret and scope."""
        token_server.script(minted("token-one"))
        assert bearer(open_auth(scope="openid")) == "token-one"
        (asked,) = token_server.asked
        assert parse_qs(asked.body.decode()) == {
            "grant_type": ["client_credentials"],
            "client_id": ["house"],
            "client_secret": [SECRET],
            "scope": ["openid"],
        }
        assert "authorization" not in asked.headers

    def test_the_secret_goes_into_the_header(self, open_auth: OpenAuth, token_server: ScriptedServer) -> None:
        """Style basic sends id and secret as one base64 pair and nothing of it in the form."""
        token_server.script(minted("token-one"))
        bearer(open_auth("basic"))
        (asked,) = token_server.asked
        assert asked.headers["authorization"] == f"Basic {base64.b64encode(f'house:{SECRET}'.encode()).decode()}"
        assert parse_qs(asked.body.decode()) == {"grant_type": ["client_credentials"]}

    def test_a_pair_that_comes_back_is_masked(self, open_auth: OpenAuth, token_server: ScriptedServer) -> None:
        """It says id and secret to whoever decodes it."""
        pair = base64.b64encode(f"house:{SECRET}".encode()).decode()
        said = {"error": "invalid_client", "error_description": f"no such client: {pair}"}
        token_server.script(Reply(401, json.dumps(said).encode()))
        with pytest.raises(ConfigurationError, match="no such client") as raised:
            bearer(open_auth("basic"))
        assert pair not in str(raised.value)

    def test_a_token_serves_until_it_is_due(
        self, open_auth: OpenAuth, token_server: ScriptedServer, clock: SteppedClock
    ) -> None:
        """One call to the endpoint for fifty minutes, then the next."""
        token_server.script(minted("token-one"), minted("token-two"))
        auth = open_auth()
        assert [bearer(auth), bearer(auth)] == ["token-one", "token-one"]
        clock.time += timedelta(minutes=49)
        assert bearer(auth) == "token-one"
        clock.time += timedelta(minutes=1)
        assert bearer(auth) == "token-two"
        assert len(token_server.asked) == 2

    @pytest.mark.parametrize("lifetime", [None, "180", 180, 0, "soon", [1]])
    def test_odd_lifetimes_still_give_a_token(
        self,
        open_auth: OpenAuth,
        token_server: ScriptedServer,
        tokens: TokensInMemory,
        clock: SteppedClock,
        lifetime: object,
    ) -> None:
        """A lifetime that is missing or text is no reason to stop."""
        token_server.script(minted("token-one", lifetime))
        bearer(open_auth())
        ends = tokens.tokens["acme/ifs"][1].expires_at - clock.time
        assert ends in (timedelta(seconds=180), timedelta(seconds=300), timedelta(seconds=1))

    def test_a_second_process_uses_the_stored_token(self, open_auth: OpenAuth, token_server: ScriptedServer) -> None:
        """What one has minted the other finds."""
        token_server.script(minted("token-one"))
        assert bearer(open_auth()) == bearer(open_auth()) == "token-one"
        assert len(token_server.asked) == 1

    @pytest.mark.parametrize(
        "other",
        [
            {"client_id": SecretStr("another house")},
            {"client_secret": SecretStr("another secret")},
            {"scope": "bills:write"},
            {"extra": {"audience": "https://api.example"}},
            {"path": "another/token"},
        ],
        ids=lambda other: next(iter(other)),
    )
    def test_a_token_asked_with_something_else_is_not_used(
        self, open_auth: OpenAuth, token_server: ScriptedServer, other: dict[str, Any]
    ) -> None:
        """It belongs to the app whose secret was there before, or lacks what was granted since."""
        token_server.script(minted("token-one"), minted("token-two"))
        assert bearer(open_auth()) == "token-one"
        assert bearer(open_auth(**other)) == "token-two"

    def test_two_who_ask_with_different_things_ask_once_each(
        self, open_auth: OpenAuth, token_server: ScriptedServer, clock: SteppedClock
    ) -> None:
        """Each keeps its own until it is due, also when none can be had then."""
        token_server.script(minted("token-one"), minted("token-two"))
        first, second = open_auth(), open_auth(scope="bills:write")
        assert [bearer(auth) for auth in (first, second) * 3] == ["token-one", "token-two"] * 3
        assert len(token_server.asked) == 2
        token_server.usual = Reply(503)
        clock.time += timedelta(minutes=55)
        assert bearer(first) == "token-one"

    def test_a_due_token_serves_while_the_endpoint_is_down(
        self, open_auth: OpenAuth, token_server: ScriptedServer, clock: SteppedClock
    ) -> None:
        """Between due and expired, an outage of the endpoint harms nobody."""
        token_server.script(minted("token-one"))
        auth = open_auth()
        bearer(auth)
        token_server.usual = Reply(503)
        clock.time += timedelta(minutes=55)
        assert bearer(auth) == "token-one"
        clock.time += timedelta(minutes=5)
        with pytest.raises(TokenUnavailableError):
            bearer(auth)


class TestRenewing:
    def test_a_refused_token_is_replaced(self, open_auth: OpenAuth, token_server: ScriptedServer) -> None:
        """After a 401 the next header has a new token."""
        token_server.script(minted("token-one"), minted("token-two"))
        auth = open_auth()
        bearer(auth)
        auth.renew()
        assert bearer(auth) == "token-two"

    def test_two_processes_with_one_refused_token_mint_once(
        self, open_auth: OpenAuth, token_server: ScriptedServer
    ) -> None:
        """The second finds the token of the first."""
        token_server.script(minted("token-one"), minted("token-two"))
        first, second = open_auth(), open_auth()
        bearer(first)
        bearer(second)
        first.renew()
        second.renew()
        assert bearer(first) == bearer(second) == "token-two"
        assert len(token_server.asked) == 2

    def test_eight_threads_with_one_refused_token_mint_once(
        self, open_auth: OpenAuth, token_server: ScriptedServer
    ) -> None:
        """Each thread is refused with the token it was given, and only one of them asks for another."""
        token_server.script(minted("token-one"), minted("token-two"))
        auth, barrier = open_auth(), threading.Barrier(8)

        def refused(_: int) -> str:
            bearer(auth)
            barrier.wait(5)
            auth.renew()
            return bearer(auth)

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(refused, range(8))) == {"token-two"}
        assert len(token_server.asked) == 2

    def test_a_client_goes_on_after_401(
        self, open_auth: OpenAuth, token_server: ScriptedServer, server: ScriptedServer, clock: SteppedClock
    ) -> None:
        """Client and credential together: 401, a new token, the same write again."""
        token_server.script(minted("token-one"), minted("token-two"))
        server.script(401)
        with HttpClient("v", server.url, judge=judge_by_status("v"), auth=open_auth(), clock=clock) as client:
            assert client.send("POST", "bills", json={}).status == 200
        assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer token-one", "Bearer token-two"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "code", "hint"),
        [
            (401, "invalid_client", "client id or secret is wrong"),
            (400, "unauthorized_client", "grant"),
            (400, "invalid_scope", "scope"),
            (403, "access_denied", "rights"),
            (400, "something_new", "check the client"),
        ],
    )
    def test_a_refused_client_stops_the_connection(
        self, open_auth: OpenAuth, token_server: ScriptedServer, status: int, code: str, hint: str
    ) -> None:
        """The message names the credential, the code and what to do, and it is asked once."""
        body = json.dumps({"error": code, "error_description": f"not good: {SECRET}"}).encode()
        token_server.script(Reply(status, body))
        with pytest.raises(ConfigurationError, match=f"acme/ifs: .*{code}.*{hint}") as caught:
            bearer(open_auth())
        assert SECRET not in str(caught.value)
        assert MASK in str(caught.value)
        assert len(token_server.asked) == 1

    @pytest.mark.parametrize(
        ("reply", "hint"),
        [
            (Reply(404, b'{"error": "Realm does not exist"}'), "realm"),
            (Reply(302, headers={"Location": "/login"}), "redirect"),
            (Reply(200, b"<html>log in</html>"), "without a token"),
            (Reply(200, b'{"access_token": ""}'), "without a token"),
            (Reply(200, b"[]"), "without a token"),
        ],
    )
    def test_a_wrong_address_stops_the_connection(
        self, open_auth: OpenAuth, token_server: ScriptedServer, reply: Reply, hint: str
    ) -> None:
        """What is no token endpoint is a matter of settings."""
        token_server.script(reply)
        with pytest.raises(ConfigurationError, match=hint):
            bearer(open_auth())

    @pytest.mark.parametrize("reply", [Reply(500), Reply(503), Reply(429), Reply(drop=True)])
    def test_an_endpoint_in_trouble_is_asked_three_times(
        self, open_auth: OpenAuth, token_server: ScriptedServer, clock: SteppedClock, reply: Reply
    ) -> None:
        """Then the request waits for later, and it was not sent."""
        token_server.usual = reply
        with pytest.raises(TransientError, match="acme/ifs") as caught:
            bearer(open_auth())
        assert caught.value.refused
        assert len(token_server.asked) == 3
        assert len(clock.slept) == 2

    def test_the_endpoints_wait_is_honoured(
        self, open_auth: OpenAuth, token_server: ScriptedServer, clock: SteppedClock
    ) -> None:
        """Retry-After is waited for, up to half a minute."""
        token_server.script(
            Reply(503, headers={"Retry-After": "4"}), Reply(503, headers={"Retry-After": "900"}), minted("token-one")
        )
        assert bearer(open_auth()) == "token-one"
        assert clock.slept == [4.0, 30.0]

    def test_a_client_does_not_multiply_the_tries(
        self, open_auth: OpenAuth, token_server: ScriptedServer, server: ScriptedServer, clock: SteppedClock
    ) -> None:
        """A write without a token is not sent, and the endpoint is asked three times, not eighteen."""
        token_server.usual = Reply(503)
        with (
            HttpClient("v", server.url, judge=judge_by_status("v"), auth=open_auth(), clock=clock) as client,
            pytest.raises(TransientError) as caught,
        ):
            client.send("POST", "bills", json={})
        assert caught.value.refused
        assert (len(token_server.asked), len(server.asked)) == (3, 0)

    def test_a_secret_that_no_header_can_carry_is_not_repeated(
        self, open_auth: OpenAuth, token_server: ScriptedServer, server: ScriptedServer
    ) -> None:
        """A token with a line break stops the connection without showing itself."""
        token_server.script(minted("evil\r\nX-Header: 1"))
        with (
            HttpClient("v", server.url, judge=judge_by_status("v"), auth=open_auth()) as client,
            pytest.raises(ConfigurationError, match="cannot be written") as caught,
        ):
            client.send("GET", "bills")
        assert "evil" not in str(caught.value)
        assert caught.value.__suppress_context__

    def test_a_token_endpoint_must_be_encrypted(self, tokens: TokensInMemory, clock: SteppedClock) -> None:
        """Secrets are not sent in the clear."""
        with pytest.raises(ConfigurationError, match="https"):
            ClientCredentials(
                credential="acme/ifs",
                token_url="http://iam.example/token",
                client_id=SecretStr("house"),
                client_secret=SecretStr(SECRET),
                style="body",
                store=tokens,
                clock=clock,
                refresh=ramp_refresh,
            )


def test_secrets_and_tokens_are_known_to_the_redactor(open_auth: OpenAuth, token_server: ScriptedServer) -> None:
    """What auth opens, the logs mask."""
    token_server.script(minted("ramp_tok_abcdef"))
    bearer(open_auth())
    assert REDACTOR.redact(f"got ramp_tok_abcdef for {SECRET}") == f"got {MASK} for {MASK}"


@given(st.integers(1, 10_000_000))
def test_a_token_is_always_renewed_before_it_ends(expires_in: int) -> None:
    """Whatever the lifetime, the time to refresh lies in it, and IFS's within fifty minutes."""
    assert 0 < ifs_refresh()(expires_in) < expires_in
    assert ifs_refresh()(expires_in) <= 3000
    assert ifs_refresh(600)(expires_in) <= 600
    assert 0 < ramp_refresh(expires_in) < expires_in


def test_the_usual_lifetimes() -> None:
    """Sixty minutes are refreshed after fifty, three minutes after two and a half, ten days an hour early."""
    assert ifs_refresh()(3600) == 3000
    assert ifs_refresh()(180) == 150
    assert ramp_refresh(864_000) == 860_400
