"""Answers: what a status, a body and a redirect mean, and when to come again."""

import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from mlc_pipelines.errors import (
    Cause,
    ConfigurationError,
    MlcError,
    OutcomeUnknownError,
    RecordError,
    StaleRecordError,
    TransientError,
)
from mlc_pipelines.wire.answers import Answer, NotJsonError, judge_by_status, retry_after
from mlc_pipelines.wire.http import HttpClient
from mlc_pipelines_tests.wire.conftest import Badge, CountedBudget
from mlc_pipelines_tests.wire.scripted_server import Reply, ScriptedServer

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


class TestAnswers:
    def test_401_renews_once_and_repeats_once(
        self, client: HttpClient, server: ScriptedServer, badge: Badge, budget: CountedBudget
    ) -> None:
        """A write with an expired token goes out again with a new one."""
        server.script(401)
        assert client.send("POST", "bills", json={"a": 1}).status == 200
        assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer badge-1", "Bearer badge-2"]
        assert [asked.body for asked in server.asked] == [b'{"a":1}'] * 2
        assert (badge.number, budget.calls) == (2, 2)

    def test_401_again_and_again_stops_the_connection(
        self, client: HttpClient, server: ScriptedServer, badge: Badge
    ) -> None:
        """New tokens that are refused too mean that rights are wrong."""
        server.script(401, 401, 401, 401, 401, 401)
        with pytest.raises(ConfigurationError, match="HTTP 401"):
            client.send("GET", "bills")
        assert (badge.number, len(server.asked)) == (4, 6)

    def test_a_token_revoked_twice_on_the_way_is_replaced_twice(
        self, client: HttpClient, server: ScriptedServer, badge: Badge
    ) -> None:
        """A short token that ends between its renewal and its use costs a second renewal, not the connection."""
        server.script(401, 401, 200)
        assert client.send("POST", "bills", json={}).status == 200
        assert len(server.asked) == 3

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects_are_not_followed(self, client: HttpClient, server: ScriptedServer, status: int) -> None:
        """Credentials do not follow a redirect, even to the same server."""
        server.script(Reply(status, headers={"Location": f"{server.url}/other"}))
        with pytest.raises(ConfigurationError, match="redirect"):
            client.send("GET", "bills")
        assert len(server.asked) == 1

    def test_a_body_without_an_end_is_cut(self, client: HttpClient, server: ScriptedServer) -> None:
        """More bytes than allowed hold the record of a read and leave a write unknown."""
        server.usual = Reply(body=b"x" * 10_001)
        with pytest.raises(RecordError, match="longer than 10000 bytes") as caught:
            client.send("GET", "bills")
        assert caught.value.cause == Cause.UNREADABLE
        with pytest.raises(OutcomeUnknownError):
            client.send("POST", "bills", json={})

    def test_the_limit_counts_what_is_unpacked(self, client: HttpClient, server: ScriptedServer) -> None:
        """A small gzip body that unpacks to a large one is refused; one that fits is read."""
        server.script(Reply(body=gzip.compress(b"0" * 5_000_000), headers={"Content-Encoding": "gzip"}))
        with pytest.raises(RecordError, match="longer"):
            client.send("GET", "bills")
        server.script(Reply(body=gzip.compress(b"[1]"), headers={"Content-Encoding": "gzip"}))
        assert client.send("GET", "bills").json() == [1]
        assert server.asked[0].headers["accept-encoding"] == "gzip"

    def test_a_body_that_cannot_be_unpacked_is_asked_for_again(
        self, client: HttpClient, server: ScriptedServer
    ) -> None:
        """Broken gzip to a read is a passing fault."""
        server.script(Reply(body=b"not gzip", headers={"Content-Encoding": "gzip"}))
        assert client.send("GET", "bills").status == 200

    def test_a_long_error_page_is_judged_by_its_beginning(self, client: HttpClient, server: ScriptedServer) -> None:
        """An endless error page does not hide the status."""
        server.script(Reply(404, b"<html>" * 10_000))
        with pytest.raises(RecordError, match="HTTP 404"):
            client.send("GET", "bills")

    def test_an_answer_that_is_not_json(self, client: HttpClient, server: ScriptedServer) -> None:
        """A page in place of JSON is unreadable to a read, and an unknown outcome to a write."""
        server.usual = Reply(body=b"<html>")
        with pytest.raises(NotJsonError) as caught:
            client.send("GET", "bills").json()
        assert isinstance(caught.value, ValueError)
        with pytest.raises(OutcomeUnknownError):
            client.send("POST", "bills").json()

    def test_a_judge_may_let_an_answer_pass(self, server: ScriptedServer) -> None:
        """A 404 that the vendor means as "none" is an answer."""
        server.script(404)
        with HttpClient("v", server.url, judge=lambda _: None) as client:
            assert client.send("GET", "bills").status == 404

    def test_many_threads_share_a_client(self, client: HttpClient, server: ScriptedServer) -> None:
        """Answers are not mixed up between threads."""
        server.usual = Reply(body=json.dumps({"ok": True}).encode())
        barrier = threading.Barrier(8)

        def ask(number: int) -> Answer:
            barrier.wait(5)
            return client.send("GET", f"bills/{number}")

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(8)))
        assert [answer.url.rsplit("/", 1)[1] for answer in answers] == [str(number) for number in range(8)]


def _answer(status: int, **headers: str) -> Answer:
    return Answer(status, headers, b"", "GET", "https://example.com/api/bills?x=1")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *[(status, RecordError) for status in (400, 404, 405, 409, 422)],
        *[(status, ConfigurationError) for status in (401, 403, 406, 410, 418)],
        *[(status, TransientError) for status in (408, 429, 500, 502, 503, 504)],
        (412, StaleRecordError),
    ],
)
def test_a_status_has_one_reading(status: int, kind: type[MlcError]) -> None:
    """Without a vendor's word the status decides, and the message has place and status but no query."""
    error = judge_by_status("vendor")(_answer(status))
    assert type(error) is kind
    assert str(error).startswith(f"vendor: GET https://example.com/api/bills: HTTP {status}")


def test_only_429_is_refused_by_status_alone() -> None:
    """A 503 may come from behind the door."""
    refused = {}
    for status in (408, 429, 500, 503):
        error = judge_by_status("vendor")(_answer(status))
        assert isinstance(error, TransientError)
        refused[status] = error.refused
    assert refused == {408: False, 429: True, 500: False, 503: False}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("12", 12.0),
        (" 1.5 ", 1.5),
        ("Sun, 01 Mar 2026 08:01:00 GMT", 60.0),
        ("Sun, 01 Mar 2026 07:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2026 10:00:30 +0200", 30.0),
        ("Sun, 01 Mar 2026 08:00:05 -0000", 5.0),
        ("-5", None),
        ("soon", None),
        ("inf", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str, seconds: float | None) -> None:
    """Seconds or a date; nonsense is as good as nothing."""
    assert retry_after(_answer(503, **{"retry-after": text}), NOW) == seconds
