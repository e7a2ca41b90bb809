"""Tests of the gate: floods are sent away unread, each source for itself, in bounded memory."""

import http.client
import socket
import tracemalloc
from collections.abc import Iterator
from contextlib import closing

import pytest

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.integrations.house import House
from mlc_pipelines.webhooks.gate import Floods, Pace, source_of
from mlc_pipelines_tests.webhooks.conftest import address, letters, receiving
from mlc_pipelines_tests.webhooks.post import Post, event, signature

SLOW = {"MLC_WEBHOOKS_PER_SECOND": "1", "MLC_WEBHOOKS_BURST": "3"}


@pytest.fixture
def slow(house: House, listening: socket.socket) -> Iterator[Post]:
    """A receiver that takes three requests of a source, then one in a second."""
    with receiving(house, listening, SLOW):
        yield Post(address(listening))


def test_a_burst_passes_and_then_an_even_flow() -> None:
    """Two hundred at once, then fifty in a second, to the fraction."""
    floods = Floods(Pace())
    assert sum(1 for _ in range(1000) if floods.wait("a", 100.0) == 0) == 200
    passed = sum(1 for tick in range(10_000) if floods.wait("a", 100.0 + tick / 1000) == 0)
    assert 499 <= passed <= 501


def test_who_is_refused_is_told_when_to_come_again() -> None:
    """At that moment the next one passes; refusals do not put it off."""
    floods = Floods(Pace(per_second=2, burst=1))
    assert floods.wait("a", 100.0) == 0
    waits = [floods.wait("a", 100.0) for _ in range(50)]
    assert waits == [0.5] * 50
    assert floods.wait("a", 100.5) == 0


def test_silence_pays_for_a_burst_and_no_more() -> None:
    """After a day as after a few seconds."""
    floods = Floods(Pace())
    assert sum(1 for _ in range(300) if floods.wait("a", 100.0) == 0) == 200
    assert sum(1 for _ in range(300) if floods.wait("a", 86_500.0) == 0) == 200


def test_one_source_does_not_slow_another() -> None:
    """Each has a measure of its own."""
    floods = Floods(Pace(per_second=1, burst=1))
    assert [floods.wait("a", 1.0) > 0 for _ in range(3)] == [False, True, True]
    assert floods.wait("b", 1.0) == 0


def test_memory_is_bounded_whoever_comes() -> None:
    """A hundred thousand sources are ten thousand remembered; those heard of last stay."""
    floods = Floods(Pace(per_second=1, burst=1))
    tracemalloc.start()
    for number in range(100_000):
        floods.wait(f"source {number}", 1.0)
        floods.wait("regular", 1.0)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(floods) == 10_000
    assert size < 4_000_000
    assert floods.wait("regular", 1.0) > 0
    assert floods.wait("source 0", 1.0) == 0


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("::1", "::1"), ("", ""), ("here", "here"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
    ],
)  # fmt: skip
def test_a_source_is_an_address_or_a_network(host: str, source: str) -> None:
    """One host has a whole IPv6 network to send from."""
    assert source_of(host) == source


@pytest.mark.parametrize("said", ["0", "-1", "many", "nan", "inf", "1e9"])
def test_a_pace_that_is_none_is_refused_by_its_name(said: str) -> None:
    """At the start, not at the first flood."""
    with pytest.raises(ConfigurationError, match=r"MLC_WEBHOOKS_PER_SECOND: .* is not a number from 1"):
        Pace.read({"MLC_WEBHOOKS_PER_SECOND": said})
    assert Pace.read({}) == Pace(50.0, 200)


def test_a_flood_is_answered_429_and_told_when_to_come(house: House, slow: Post) -> None:
    """Good events too: the vendor sends them again. What passed is in the inbox."""
    statuses = [slow.signed(event(f"e-{number}")) for number in range(6)]
    assert statuses == [200, 200, 200, 429, 429, 429]
    with closing(http.client.HTTPConnection(slow.netloc, timeout=20)) as line:
        line.request("POST", "/webhooks/acme", body=event(), headers=signature(event()))
        answer = line.getresponse()
        assert (answer.status, answer.getheader("Retry-After")) == (429, "1")
    assert len(letters(house)) == 3


def test_a_body_is_not_read_from_who_is_refused(slow: Post) -> None:
    """The answer comes while the body is still to come."""
    for _ in range(3):
        slow.send(b"x", {})
    host, _, port = slow.netloc.partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(b"POST /webhooks/acme HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 429")


def test_those_who_watch_are_not_blinded_by_a_flood(slow: Post) -> None:
    """A proxy on this machine may be the one source of all; health and figures have a measure of their own."""
    for _ in range(10):
        slow.send(b"x", {})
    assert slow.get("/healthz") == 200


def test_behind_a_proxy_each_client_is_a_source(slow: Post) -> None:
    """A proxy on this machine says for whom it asks."""
    one, two = ({"X-Forwarded-For": host} for host in ("192.0.2.1", "192.0.2.2"))
    assert [slow.send(b"x", one) for _ in range(4)] == [401, 401, 401, 429]
    assert slow.send(b"x", two) == 401


def test_the_log_is_not_flooded_either(slow: Post, caplog: pytest.LogCaptureFixture) -> None:
    """One line a minute, however many are refused."""
    for _ in range(20):
        slow.send(b"x", {})
    assert sum("too many from one source" in each.getMessage() for each in caplog.records) == 1


def test_the_usual_pace_lets_a_burst_of_a_vendor_through(house: House, listening: socket.socket) -> None:
    """Two hundred at once, as after an outage."""
    with receiving(house, listening, {"MLC_WEBHOOKS_BURST": "200"}):
        there = Post(address(listening))
        statuses = [there.send(b"x", {}) for _ in range(200)]
    assert set(statuses) == {401}
