"""Answers of somebody who means harm: bombs, drips, what was not asked for, links elsewhere, and our own words back."""

import gzip
import resource
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from itertools import repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from mlc_pipelines.errors import Cause, ConfigurationError, OutcomeUnknownError, RecordError, TransientError
from mlc_pipelines.wire.addresses import below, checked, segment
from mlc_pipelines.wire.answers import judge_by_status
from mlc_pipelines.wire.auth import ClientCredentials, ifs_refresh
from mlc_pipelines.wire.bodies import BadPackingError, bounded, unpacked
from mlc_pipelines.wire.http import HttpClient, Limits
from mlc_pipelines.wire.redaction import REDACTOR
from mlc_pipelines_tests.wire.conftest import SteppedClock, TokensInMemory
from mlc_pipelines_tests.wire.scripted_server import Reply, ScriptedServer

MILLION = 1024 * 1024
PACKED = gzip.compress(b"{}" * 100, mtime=0)
GZIP = {"Content-Encoding": "gzip"}
SECRET = "canary-4411-token"
OWN = "http://127.0.0.1:8080/api"


def bomb() -> tuple[bytes, bytes]:
    """Give the head of a gzip stream, and a piece of a thousand bytes that unpacks to a million, as often as wanted."""
    packing = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    head = packing.compress(b"[") + packing.flush(zlib.Z_FULL_FLUSH)
    piece = packing.compress(b" " * MILLION) + packing.flush(zlib.Z_FULL_FLUSH)
    return head, piece


@pytest.fixture
def hasty(server: ScriptedServer, clock: SteppedClock) -> Iterator[HttpClient]:
    """A client that waits for no body longer than a fifth of a second, and takes a million bytes."""
    limits = Limits(body_seconds=0.2, max_body_bytes=MILLION, attempts=2)
    with HttpClient("vendor", server.url, judge=judge_by_status("vendor"), limits=limits, clock=clock) as client:
        yield client


# Bombs


def test_four_gigabytes_are_never_unpacked() -> None:
    """A stream that unpacks a thousandfold is given a million bytes at a time, and nobody holds more."""
    head, piece = bomb()
    stream = (chunk for chunks in ([head], repeat(piece, 4096)) for chunk in chunks)
    tracemalloc.start()
    body, more = bounded(unpacked(stream, "gzip"), most=8 * MILLION)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert more
    assert len(body) == 8 * MILLION
    assert peak < 40 * MILLION


def test_a_bomb_in_an_answer_ends_the_question(server: ScriptedServer, hasty: HttpClient) -> None:
    """A read is refused by its size, a write is of unknown outcome, and the memory is as it was."""
    head, piece = bomb()
    server.usual = Reply(body=head + piece * 2000, headers=GZIP)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RecordError, match="longer than"):
        hasty.send("GET", "bills")
    with pytest.raises(OutcomeUnknownError, match="longer than"):
        hasty.send("POST", "bills", json={})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "deflate", "zstd", "gzip,identity", "x" * 5000, "compress"])
def test_what_is_packed_in_a_way_nobody_asked_for_is_not_unpacked(coding: str) -> None:
    """Twice packed, a thousandfold of a thousandfold, would be the end of any machine."""
    twice = gzip.compress(gzip.compress(b"{}"))
    with pytest.raises(BadPackingError, match="was not asked for"):
        list(unpacked([twice], coding))


@pytest.mark.parametrize(
    "body", [b"not gzip", PACKED[:-20], b"\x1f\x8b", PACKED[:-8]], ids=["other", "half", "head", "no sum"]
)
def test_what_cannot_be_unpacked_says_so(body: bytes) -> None:
    """Wrong or cut off."""
    with pytest.raises(BadPackingError):
        list(unpacked([body], "gzip"))


@settings(deadline=None)
@given(content=st.binary(max_size=5000), cuts=st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_whatever_was_packed_is_unpacked(content: bytes, cuts: list[int]) -> None:
    """In pieces of any size."""
    packed, pieces = gzip.compress(content, mtime=0), []
    for cut in [*cuts, 10**6]:
        pieces.append(packed[:cut])
        packed = packed[cut:]
    assert b"".join(unpacked(pieces, "GZIP")) == content
    assert b"".join(unpacked([content], "")) == content
    assert b"".join(unpacked([], "gzip")) == b""


def test_a_refusal_is_not_read_to_its_end(server: ScriptedServer, hasty: HttpClient) -> None:
    """The status counts; of a hundred megabytes of excuses the beginning is enough."""
    server.usual = Reply(422, b"sorry " * 1000, times=20_000)
    with pytest.raises(RecordError, match="HTTP 422"):
        hasty.send("GET", "bills")


# Drips


@pytest.mark.parametrize("packed", [False, True])
def test_a_body_in_drops_is_given_up(server: ScriptedServer, hasty: HttpClient, packed: bool) -> None:
    """Each byte comes in time, all of them never would; nothing need be unpacked for that to be seen."""
    body = gzip.compress(bytes(range(256)) * 4, mtime=0) if packed else b'{"data": []}' * 200
    server.usual = Reply(body=body, headers=GZIP if packed else {}, drip=0.02)
    began = time.monotonic()
    with pytest.raises(TransientError, match="timed out"):
        hasty.send("GET", "bills")
    with pytest.raises(OutcomeUnknownError, match="timed out"):
        hasty.send("POST", "bills", json={})
    assert time.monotonic() - began < 10
    assert len(server.asked) == 3  # the read was tried again


# Sign-in


def sign_in(server: ScriptedServer, clock: SteppedClock, tokens: TokensInMemory) -> ClientCredentials:
    return ClientCredentials(
        credential="acme/ifs",
        token_url=f"{server.url}/token",
        client_id=SecretStr("id"),
        client_secret=SecretStr("canary-4411-secret"),
        store=tokens,
        clock=clock,
        refresh=ifs_refresh(),
    )


@pytest.mark.parametrize(
    "life", [b"1e999999999", b"9" * 400, b"-5", b'"soon"', b"[]", b"NaN", b"1e400", b"99999999999", b"null", b"{}"]
)
def test_a_token_of_a_strange_life_is_used_or_refused(
    server: ScriptedServer, clock: SteppedClock, tokens: TokensInMemory, life: bytes
) -> None:
    """No number makes the time run over."""
    server.usual = Reply(body=b'{"access_token": "canary-4411-token", "expires_in": ' + life + b"}")
    auth = sign_in(server, clock, tokens)
    if life == b"NaN":  # which is no JSON
        with pytest.raises(ConfigurationError, match="without a token") as caught:
            auth.headers()
        assert "canary" not in str(caught.value)
    else:
        assert auth.headers() == {"Authorization": f"Bearer {SECRET}"}


@pytest.mark.parametrize("token", ["caf\\u00e9", "a\\r\\nX-Evil: 1", "\\u0000", "\\ud83d\\ude00"])
def test_a_token_that_no_header_takes_is_not_shown(
    server: ScriptedServer, clock: SteppedClock, tokens: TokensInMemory, token: str
) -> None:
    """The connection stops, and the message does not repeat the token."""
    server.script(Reply(body=f'{{"access_token": "canary-4411 {token}", "expires_in": 300}}'.encode()))
    auth = sign_in(server, clock, tokens)
    with (
        HttpClient("ifs", server.url, judge=judge_by_status("ifs"), auth=auth, clock=clock) as client,
        pytest.raises(ConfigurationError, match="cannot be written") as caught,
    ):
        client.send("GET", "bills")
    assert "canary" not in str(caught.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize("reply", [Reply(*(200, b"", GZIP)), Reply(body=b" " * 3 * MILLION), Reply(body=b"<html>")])
def test_a_strange_answer_to_a_sign_in_is_no_token(
    server: ScriptedServer, clock: SteppedClock, tokens: TokensInMemory, reply: Reply
) -> None:
    """Bombs, pages and nothing at all."""
    head, piece = bomb()
    server.usual = reply if "Content-Encoding" not in reply.headers else Reply(200, head + piece * 500, GZIP)
    with pytest.raises(ConfigurationError, match="without a token"):
        sign_in(server, clock, tokens).headers()


# Our own words


def test_what_repeats_a_secret_has_it_masked(client: HttpClient, server: ScriptedServer) -> None:
    """In a body that is kept, in a refusal that becomes a message, and in a header; other bytes stay as they are."""
    REDACTOR.register(SecretStr(SECRET))
    try:
        server.script(Reply(200, f'{{"memo": "{SECRET}", "n": 1.50}}'.encode(), {"X-Trace": SECRET}))
        answer = client.send("GET", "bills")
        assert answer.body == b'{"memo": "[redacted]", "n": 1.50}'
        assert answer.headers["x-trace"] == "[redacted]"
    finally:
        REDACTOR.forget(SecretStr(SECRET))
    assert client.send("GET", "bills").body == b"{}"


@pytest.mark.parametrize("name", ["acme/ramp/client_id", "organizationId", "username", "acme/bill/organization_id"])
def test_who_somebody_is_stays_in_a_body(client: HttpClient, server: ScriptedServer, name: str) -> None:
    """Records name organizations and users; the log need not. A secret of the same value is one all the same."""
    known = SecretStr("00802-canary-organization")
    REDACTOR.register(known, name)
    server.usual = Reply(body=b'{"organizationId": "00802-canary-organization"}')
    assert client.send("GET", "bills").body == server.usual.body
    assert "canary" not in REDACTOR.redact("for 00802-canary-organization")
    REDACTOR.register(known, "password")
    assert client.send("GET", "bills").body == b'{"organizationId": "[redacted]"}'


def test_a_short_secret_is_no_word_of_a_body(client: HttpClient, server: ScriptedServer) -> None:
    """A record must not lose it; messages do."""
    REDACTOR.register(SecretStr("Seals"), "password")
    server.usual = Reply(body=b'{"memo": "Seals"}')
    assert client.send("GET", "bills").body == server.usual.body


# Other places

ELSEWHERE = [
    "http://169.254.169.254/latest/", "https://169.254.169.254/", "file:///etc/passwd", "gopher://127.0.0.1/",
    "https://evil.example/", "http://127.0.0.1.evil.example/", "http://[::1]:{port}/", "http://localhost:{port}/",
    "http://127.0.0.1:{port}@evil.example/", "http://evil.example#@127.0.0.1:{port}/", "ftp://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}.evil.example/", "https://127.0.0.1:{port}/", "http://127.0.0.1:1/", "HTTP://127.0.0.1:0/",
    "http://0x7f000001:{port}/", "http://2130706433:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http:///etc/passwd",
    "http://127.0.0.1:{port}\\@evil.example/", "http://evil.example\\@127.0.0.1:{port}/",
]  # fmt: skip


@pytest.mark.parametrize("link", ELSEWHERE)
def test_a_link_to_another_place_is_not_followed(client: HttpClient, server: ScriptedServer, link: str) -> None:
    """Whatever it is made to look like; credentials go to one origin only."""
    with pytest.raises(ConfigurationError):
        client.send("GET", link.format(port=server.port))
    assert not server.asked


LINKS = st.text(st.sampled_from("htps:/\\@#?.%127 0[]evil\t\r\nA-é"), max_size=30)


@pytest.fixture(scope="module")
def local() -> Iterator[HttpClient]:
    """A client that asks nothing."""
    with HttpClient("vendor", OWN, judge=judge_by_status("vendor")) as client:
        yield client


@settings(deadline=None)
@given(link=LINKS, head=st.sampled_from(["", "http://127.0.0.1:8080"]))
def test_no_spelling_of_a_link_leads_away(local: HttpClient, link: str, head: str) -> None:
    """What is taken for an address of ours is one for the library that calls it too."""
    try:
        called = local._call("GET", below("vendor", OWN, head + link))
    except ConfigurationError:
        return
    assert (called.url.scheme, called.url.host, called.url.port) == ("http", "127.0.0.1", 8080)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["http://169.254.169.254/", "//evil.example/", "file:///etc/passwd"])
def test_a_redirect_to_another_place_is_not_followed(
    client: HttpClient, server: ScriptedServer, status: int, place: str
) -> None:
    """Neither is one to our own."""
    server.usual = Reply(status, headers={"Location": place})
    with pytest.raises(ConfigurationError, match="redirect"):
        client.send("GET", "bills")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/", "https://[fe80::1]/", "https://0.0.0.0/", "https://224.0.0.1/", "https://255.255.255.255/",
        "https://0xa9fea9fe/", "https://2852039166/", "https://[::ffff:169.254.169.254]/", "https://169.16689662/",
        "http://169.254.169.254/", "http://10.0.0.1/", "http://intranet/", "file:///etc/passwd", "unix:///var/run/x",
    ],
)  # fmt: skip
def test_settings_that_lead_next_door_are_refused(url: str) -> None:
    """No vendor answers where clouds keep their secrets, and nobody without TLS."""
    with pytest.raises(ConfigurationError):
        checked("vendor", url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/", "http://[::1]:8080/", "http://localhost/", "https://10.0.0.1/"]
)
def test_this_machine_and_a_company_s_own_network_are_places_of_services(url: str) -> None:
    """IFS Cloud may stand in a network of its own; a simulator stands here."""
    assert checked("vendor", url).hostname


# Names in paths


@pytest.mark.parametrize("name", ["..", ".", "", "\ud800"])
def test_a_name_that_leads_away_is_no_part_of_a_path(name: str) -> None:
    """It holds its record."""
    with pytest.raises(RecordError, match="no id that can be asked for") as caught:
        segment(name)
    assert caught.value.cause == Cause.UNREADABLE


@settings(deadline=None)
@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_every_other_name_is_one_part_of_a_path(local: HttpClient, name: str) -> None:
    """Slashes, question marks, line breaks and all."""
    if name in {".", ".."}:
        return
    url = local._call("GET", below("vendor", OWN, f"/bills/{segment(name)}")).url
    assert url.raw_path.count(b"/") == 3
    assert url.raw_path.startswith(b"/api/bills/")
    assert b"?" not in url.raw_path
