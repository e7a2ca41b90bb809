"""Tests of the web server: what it reads, where it listens, and that its yes outlives it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http import HTTPStatus

import pytest

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.integrations.house import House
from mlc_pipelines.webhooks import app
from mlc_pipelines.webhooks.app import AT_ONCE, BODY_BYTES, serve
from mlc_pipelines_tests.webhooks.conftest import letters
from mlc_pipelines_tests.webhooks.post import Post, event, eventually, signature

PROGRAM = """\
import sys
from mlc_pipelines.integrations.house import House
from mlc_pipelines.webhooks.app import serve
with House.open() as house:
    serve(house, host="127.0.0.1", port=int(sys.argv[1]))
"""


def parts(size: int) -> Iterator[bytes]:
    """A body in parts, so that nobody says how long it is."""
    whole, rest = divmod(size, 1 << 16)
    yield from [b" " * (1 << 16)] * whole
    yield b" " * rest + b"x"


def test_a_body_has_a_limit_whatever_it_says(house: House, post: Post) -> None:
    """One byte more than a mebibyte is too much, with Content-Length and without; one just so is read."""
    long = event() + b" " * (BODY_BYTES + 1 - len(event()))
    assert post.signed(long) == 413
    assert post.signed(long[:-1]) == 200
    assert post.send(parts(BODY_BYTES), {}) == 413
    assert post.send(parts(BODY_BYTES - 1), {}) == 401
    assert len(letters(house)) == 1


def test_a_body_in_parts_is_signed_as_a_whole(house: House, post: Post) -> None:
    """How it is cut on the way does not matter."""
    body = event()
    assert post.send((body[i : i + 7] for i in range(0, len(body), 7)), signature(body)) == 200


def test_a_body_without_end_is_cut_off(post: Post) -> None:
    """Sending on and on gets nowhere, and others are served."""
    host, _, port = post.netloc.partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(b"POST /webhooks/acme HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        part = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        with pytest.raises(ConnectionError):
            line.sendall(part * 1_000)
    assert post.get("/healthz") == 200


def test_a_body_that_breaks_off_or_never_comes_harms_nobody(
    house: House, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is forgotten, the second told that it took too long."""
    monkeypatch.setattr(app, "BODY_SECONDS", 0.2)  # ten seconds are too long for a test
    host, _, port = post.netloc.partition(":")
    begun = b"POST /webhooks/acme HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(begun)
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(begun)
        assert line.recv(100).startswith(b"HTTP/1.1 408")
    assert post.signed(event()) == 200


def test_those_who_connect_and_say_nothing_do_not_fill_the_receiver(
    house: House, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor those who begin a request, the first or the next, and never end it, however they drag it out."""
    monkeypatch.setattr(app, "HEAD_SECONDS", 0.5)  # ten seconds are too long for a test
    host, _, port = post.netloc.partition(":")
    begun = (b"", b"POST /webhooks/acme HTTP/1.1\r\nHost", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    with ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection((host, int(port)), timeout=20)) for _ in range(AT_ONCE)]
        for number, line in enumerate(lines):
            line.sendall(begun[number % len(begun)])
        for line in lines[2 :: len(begun)]:
            assert line.recv(1000).startswith(b"HTTP/1.1 ")
            line.sendall(begun[1])
        assert eventually(lambda: post.signed(event()) == HTTPStatus.OK)
    with socket.create_connection((host, int(port)), timeout=20) as line:
        assert eventually(lambda: is_cut(line))


def is_cut(line: socket.socket) -> bool:
    """Send one more sign of a head."""
    try:
        line.sendall(b"G")
    except ConnectionError:
        return True
    return False


def test_only_what_is_offered_is_answered(post: Post) -> None:
    """Two addresses, one method each."""
    found = [post.get(path) for path in ("/healthz", "/webhooks/acme", "/", "/webhooks", "/docs", "/webhooks/acme/x")]
    assert found == [200, 405, 404, 404, 404, 405]


def test_an_address_that_is_taken_is_said(house: House, listening: socket.socket) -> None:
    """It names host and port and what to do."""
    port = listening.getsockname()[1]
    with pytest.raises(ConfigurationError, match=rf"127\.0\.0\.1:{port} \(.*in use.*\); choose another"):
        serve(house, host="127.0.0.1", port=port)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_answered_yes_is_there_after_the_end(
    house: House, environ: dict[str, str], open_house: Callable[[], House], end: signal.Signals
) -> None:
    """A receiver of its own process, ended politely or not right after its answer."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    there = Post(f"http://127.0.0.1:{port}")
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(port)], env=os.environ | environ) as process:
        try:
            assert eventually(lambda: answers(there))
            assert there.signed(event()) == 200
        finally:
            process.send_signal(end)
        assert process.wait(timeout=20) in (-end, 0)
    assert [letter.event_id for letter in letters(open_house())] == ["e-1"]


def answers(there: Post) -> bool:
    try:
        return there.get("/healthz") == 200
    except ConnectionRefusedError:
        return False


def test_an_address_below_a_connection_is_for_vendors_that_want_one(post: Post) -> None:
    """Ramp has one address; a signed event sent below it is not taken."""
    assert post.signed(event(), to="acme/bills.paid") == 404
    assert post.signed(event()) == 200
