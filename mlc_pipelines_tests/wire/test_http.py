"""Requests to one service: what is sent, what is sent again, and what never is."""

import logging
from decimal import Decimal
from typing import Any

import httpx
import pytest

from mlc_pipelines.errors import (
    ConfigurationError,
    OutcomeUnknownError,
    RecordError,
    TransientError,
)
from mlc_pipelines.wire.answers import judge_by_status
from mlc_pipelines.wire.http import HttpClient, Limits
from mlc_pipelines_tests.wire.conftest import CountedBudget, SteppedClock
from mlc_pipelines_tests.wire.scripted_server import Reply, ScriptedServer


class TestWhatIsSent:
    def test_a_read_goes_below_the_base_address(self, client: HttpClient, server: ScriptedServer) -> None:
        """Path, default headers and credentials arrive, and the answer comes back with lower-case header names."""
        server.script(Reply(200, b'{"total": 12.30, "n": 3}', {"ETag": 'W/"a"'}))
        answer = client.send("get", "/bills", headers={"X-Call": "2"})
        assert answer.json() == {"total": Decimal("12.30"), "n": 3}
        assert str(answer.json()["total"]) == "12.30"
        assert answer.headers["etag"] == 'W/"a"'
        (asked,) = server.asked
        assert (asked.method, asked.target) == ("GET", "/api/v1/bills")
        assert asked.headers["authorization"] == "Bearer badge-1"
        assert (asked.headers["x-house"], asked.headers["x-call"]) == ("1", "2")

    def test_query_values_are_percent_encoded(self, client: HttpClient, server: ScriptedServer) -> None:
        """A space is %20, a plus %2B, a dollar in a name stays, and an existing query is continued."""
        client.send("GET", "Set?$top=5", params=[("$filter", "Name eq 'A+B & Ö'"), ("page", "2")])
        assert server.targets == ["GET /api/v1/Set?$top=5&$filter=Name%20eq%20%27A%2BB%20%26%20%C3%96%27&page=2"]

    def test_a_key_in_the_path_stays_as_it_was_quoted(self, client: HttpClient, server: ScriptedServer) -> None:
        """Quoting done by the caller is not done again."""
        client.send("GET", "Set(Id='A%2FB%20C')")
        assert server.targets == ["GET /api/v1/Set(Id='A%2FB%20C')"]

    def test_decimals_are_written_as_they_are(self, client: HttpClient, server: ScriptedServer) -> None:
        """12.30 stays 12.30 in a JSON body."""
        client.send("POST", "bills", json={"amount": Decimal("12.30")})
        assert server.asked[0].body == b'{"amount":12.30}'
        assert server.asked[0].headers["content-type"] == "application/json"

    def test_forms_and_bytes_are_sent_as_such(self, client: HttpClient, server: ScriptedServer) -> None:
        """A form is URL-encoded; content goes untouched with the caller's type."""
        client.send("POST", "form", form={"a": "x y", "b": "&"})
        client.send("POST", "batch", content=b"--x", headers={"Content-Type": "multipart/mixed; boundary=x"})
        assert server.asked[0].body == b"a=x+y&b=%26"
        assert server.asked[1].body == b"--x"
        assert server.asked[1].headers["content-type"] == "multipart/mixed; boundary=x"

    def test_an_absolute_address_of_the_same_origin_is_taken(self, client: HttpClient, server: ScriptedServer) -> None:
        """A next link may be absolute."""
        client.send("GET", f"{server.url}/bills?start=7")
        assert server.targets == ["GET /api/v1/bills?start=7"]

    @pytest.mark.parametrize(
        "link", ["https://127.0.0.1:1/x", "http://localhost:{port}/x", "http://u:p@127.0.0.1:{port}/x"]
    )
    def test_another_origin_is_refused(self, client: HttpClient, server: ScriptedServer, link: str) -> None:
        """Credentials do not follow a link to anywhere else."""
        with pytest.raises(ConfigurationError):
            client.send("GET", link.format(port=server.port))
        assert not server.asked

    def test_an_address_that_only_looks_relative_stays_below_the_base(
        self, client: HttpClient, server: ScriptedServer
    ) -> None:
        """`//host/path` does not leave for another host."""
        client.send("GET", "//evil.example/x")
        assert server.targets == ["GET /api/v1/evil.example/x"]

    def test_a_path_with_a_line_break_is_refused(self, client: HttpClient) -> None:
        """Nothing can be smuggled into the request line."""
        with pytest.raises(ConfigurationError, match="not an address"):
            client.send("GET", "bills\r\nX: y")

    def test_cookies_are_not_kept(self, client: HttpClient, server: ScriptedServer) -> None:
        """A cookie that is set does not come back."""
        server.script(Reply(headers={"Set-Cookie": "session=1; Path=/"}))
        client.send("GET", "a")
        client.send("GET", "b")
        assert "cookie" not in server.asked[1].headers

    def test_secret_query_values_are_not_shown(self, client: HttpClient) -> None:
        """The address of an answer has its secret values masked and the others not."""
        answer = client.send("GET", "bills", params=[("access_token", "abc123"), ("page", "2")])
        assert answer.url.endswith("/bills?access_token=[redacted]&page=2")


class TestAddresses:
    @pytest.mark.parametrize(
        "url",
        ["http://example.com/api", "ftp://example.com", "example.com", "https://", "http://127.0.0.1.example.com/"],
    )
    def test_only_encrypted_addresses_are_called(self, url: str) -> None:
        """Anything but https, or http to this machine, is refused before a request is made."""
        with pytest.raises(ConfigurationError, match="https"):
            HttpClient("vendor", url, judge=judge_by_status("vendor"))

    @pytest.mark.parametrize(
        "url", ["https://example.com/api", "http://localhost:1/", "http://[::1]:1", "http://127.8.0.1"]
    )
    def test_encrypted_and_own_addresses_are_fine(self, url: str) -> None:
        """https anywhere, http on loopback."""
        HttpClient("vendor", url, judge=judge_by_status("vendor")).close()

    def test_a_password_in_the_address_is_refused_and_not_repeated(self) -> None:
        """Secrets do not belong into addresses."""
        with pytest.raises(ConfigurationError) as caught:
            HttpClient("vendor", "https://me:hunter2@example.com", judge=judge_by_status("vendor"))
        assert "hunter2" not in str(caught.value)


class TestReadsAgain:
    def test_a_read_is_repeated_until_it_is_answered(
        self, client: HttpClient, server: ScriptedServer, clock: SteppedClock, budget: CountedBudget
    ) -> None:
        """503, a broken connection and a half answer are followed by another try, each with its own slot."""
        server.script(503, Reply(drop=True), Reply(200, b"{", short=True), 200)
        assert client.send("GET", "bills").status == 200
        assert len(server.asked) == budget.calls == 4
        assert len(clock.slept) == 3
        assert all(0 <= wait <= 0.5 * 2**n for n, wait in enumerate(clock.slept))

    def test_it_ends_after_so_many_attempts(self, client: HttpClient, server: ScriptedServer) -> None:
        """Six tries, then the last error."""
        server.usual = Reply(502)
        with pytest.raises(TransientError, match="HTTP 502") as caught:
            client.send("GET", "bills")
        assert len(server.asked) == 6
        assert not caught.value.refused

    def test_the_other_sides_wait_is_honoured_and_capped(
        self, client: HttpClient, server: ScriptedServer, clock: SteppedClock
    ) -> None:
        """Retry-After by number and by date is waited for, but never longer than a minute."""
        server.script(
            Reply(503, headers={"Retry-After": "7"}),
            Reply(503, headers={"Retry-After": "Sun, 01 Mar 2026 08:00:20 GMT"}),
            Reply(503, headers={"Retry-After": "86400"}),
        )
        client.send("GET", "bills")
        assert clock.slept == [7.0, 13.0, 60.0]

    def test_all_waits_together_have_an_end(self, server: ScriptedServer, clock: SteppedClock) -> None:
        """No wait is begun that would exceed the budget of waiting."""
        server.usual = Reply(503, headers={"Retry-After": "50"})
        with (
            HttpClient(
                "v", server.url, judge=judge_by_status("v"), clock=clock, limits=Limits(budget_seconds=120)
            ) as client,
            pytest.raises(TransientError) as caught,
        ):
            client.send("GET", "bills")
        assert clock.slept == [50.0, 50.0]
        assert caught.value.retry_after == 50.0

    def test_429_stops_the_neighbours_too(
        self, client: HttpClient, server: ScriptedServer, clock: SteppedClock, budget: CountedBudget
    ) -> None:
        """The pause asked for is given to the shared budget; without one, the back-off is."""
        server.script(Reply(429, headers={"Retry-After": "9"}), 429)
        client.send("GET", "bills")
        assert budget.pauses == clock.slept
        assert budget.pauses[0] == 9.0

    def test_a_call_that_has_its_moment_leaves_at_once(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What takes time is there before the rate budget is asked: calls that leave late come too close together."""
        order: list[str] = []
        made = httpx.HTTPTransport.__init__

        def make(line: httpx.HTTPTransport, **how: Any) -> None:
            order.append("line")
            made(line, **how)

        class Asked(CountedBudget):
            def acquire(self) -> None:
                order.append("moment")

        monkeypatch.setattr(httpx.HTTPTransport, "__init__", make)
        with HttpClient("v", server.url, judge=judge_by_status("v"), budget=Asked()) as client:
            client.send("GET", "bills")
        assert order == ["line", "moment"]

    def test_503_does_not_stop_the_neighbours(
        self, client: HttpClient, server: ScriptedServer, budget: CountedBudget
    ) -> None:
        """Only 429 speaks about the rate."""
        server.script(503)
        client.send("GET", "bills")
        assert budget.pauses == []

    def test_a_refusal_is_not_repeated(self, client: HttpClient, server: ScriptedServer) -> None:
        """A 422 stays one."""
        server.script(422)
        with pytest.raises(RecordError):
            client.send("GET", "bills")
        assert len(server.asked) == 1

    def test_trying_again_is_logged_without_the_query(
        self, client: HttpClient, server: ScriptedServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The log names request, attempt and status."""
        server.script(503)
        with caplog.at_level(logging.INFO, logger="mlc_pipelines.wire.http"):
            client.send("GET", "bills", params=[("name", "private")])
        (record,) = [record for record in caplog.records if record.name == "mlc_pipelines.wire.http"]
        assert (record.__dict__["request"], record.__dict__["status"]) == ("vendor: GET /api/v1/bills", 503)


class TestWritesAgain:
    @pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
    def test_a_lost_answer_is_an_unknown_outcome(self, client: HttpClient, server: ScriptedServer, method: str) -> None:
        """A write whose connection breaks is not sent again."""
        server.script(Reply(drop=True))
        with pytest.raises(OutcomeUnknownError, match="look before sending again"):
            client.send(method, "bills", json={})
        assert len(server.asked) == 1

    def test_a_slow_answer_is_an_unknown_outcome(self, server: ScriptedServer) -> None:
        """A write that is not answered in time may have been performed."""
        server.script(Reply(hold=True))
        limits = Limits(write_seconds=0.2)
        with (
            HttpClient("v", server.url, judge=judge_by_status("v"), limits=limits) as client,
            pytest.raises(OutcomeUnknownError, match="timed out"),
        ):
            client.send("POST", "bills", json={})
        server.let_go.set()

    @pytest.mark.parametrize("reply", [Reply(500), Reply(503), Reply(504), Reply(408), Reply(200, b"{", short=True)])
    def test_trouble_after_sending_is_an_unknown_outcome(
        self, client: HttpClient, server: ScriptedServer, reply: Reply
    ) -> None:
        """A 5xx or half an answer does not say that nothing happened."""
        server.script(reply)
        with pytest.raises(OutcomeUnknownError):
            client.send("POST", "bills", json={})
        assert len(server.asked) == 1

    def test_429_is_sent_again(self, client: HttpClient, server: ScriptedServer) -> None:
        """A write that was turned away at the door was not performed."""
        server.script(429, 429)
        assert client.send("POST", "bills", json={}).status == 200
        assert len(server.asked) == 3

    def test_429_to_the_end_says_refused(self, client: HttpClient, server: ScriptedServer) -> None:
        """The caller learns that the write may be sent again later."""
        server.usual = Reply(429)
        with pytest.raises(TransientError) as caught:
            client.send("POST", "bills", json={})
        assert caught.value.refused
        assert len(server.asked) == 6

    def test_no_connection_is_tried_again_and_says_refused(self, clock: SteppedClock) -> None:
        """Where nobody listens nothing was sent, and the message says where and why."""
        with (
            ScriptedServer() as gone,
        ):
            url, port = gone.url, gone.port
        with (
            HttpClient("v", url, judge=judge_by_status("v"), clock=clock) as client,
            pytest.raises(TransientError, match=f"127.0.0.1:{port} .connection refused") as caught,
        ):
            client.send("POST", "bills", json={})
        assert caught.value.refused
        assert len(clock.slept) == 5

    def test_a_judge_may_know_that_nothing_happened(self, server: ScriptedServer, clock: SteppedClock) -> None:
        """A vendor's code for "not performed" makes a write repeatable."""
        server.script(503)
        with HttpClient(
            "v", server.url, judge=lambda _: TransientError("maintenance", refused=True), clock=clock
        ) as client:
            assert client.send("POST", "bills", json={}).status == 200
        assert len(server.asked) == 2

    def test_a_repeatable_write_is_repeated(self, client: HttpClient, server: ScriptedServer) -> None:
        """An idempotent write is treated like a read when the caller says so."""
        server.script(503, Reply(drop=True))
        assert client.send("POST", "search", json={}, repeatable=True).status == 200
        assert len(server.asked) == 3

    def test_a_read_may_be_declared_not_repeatable(self, client: HttpClient, server: ScriptedServer) -> None:
        """What the caller says wins over the method."""
        server.script(503)
        with pytest.raises(OutcomeUnknownError):
            client.send("GET", "odd", repeatable=False)
