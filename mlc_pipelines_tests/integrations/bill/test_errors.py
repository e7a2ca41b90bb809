"""Tests of how BILL's refusals are read: the body first, then the status."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mlc_pipelines.errors import ConfigurationError, MlcError, RecordError, TransientError
from mlc_pipelines.integrations.bill.errors import AbsentError, judging, judging_login, refusal, session_ended
from mlc_pipelines.wire.answers import Answer
from mlc_pipelines.wire.auth import TokenUnavailableError
from mlc_pipelines.wire.clock import Clock


class StoppedClock:
    """A quarter to ten."""

    def now(self) -> datetime:
        return datetime(2026, 11, 15, 9, 45, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        """Nothing waits here."""


CLOCK: Clock = StoppedClock()


def answer(status: int, *items: dict[str, Any], body: bytes | None = None) -> Answer:
    text = json.dumps(list(items)).encode() if body is None else body
    return Answer(status, {}, text, "POST", "https://gateway.prod.bill.com/connect/v3/bills?x=1")


def item(code: str, message: str = "No.") -> dict[str, Any]:
    return {"code": code, "severity": "ERROR", "category": "REQUEST", "message": message}


def read(status: int, *items: dict[str, Any], body: bytes | None = None) -> MlcError:
    error = judging(CLOCK)(answer(status, *items, body=body))
    assert error is not None
    return error


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (422, "BDC_1001", TransientError),
        (422, "BDC_1002", RecordError),
        (400, "BDC_1101", ConfigurationError),
        (400, "BDC_1102", ConfigurationError),
        (401, "BDC_1109", ConfigurationError),
        (404, "BDC_1121", ConfigurationError),
        (422, "BDC_1144", TransientError),
        (400, "BDC_1144", TransientError),
        (422, "BDC_1322", TransientError),
        (403, "BDC_1361", ConfigurationError),
        (403, "BDC_1374", ConfigurationError),
        (422, "BDC_9999", RecordError),
        (400, "", RecordError),
        (401, "", ConfigurationError),
        (403, "", ConfigurationError),
        (404, "", AbsentError),
        (408, "", TransientError),
        (429, "", TransientError),
        (500, "", TransientError),
        (503, "BDC_9999", TransientError),
    ],
)
def test_the_code_goes_before_the_status(status: int, code: str, kind: type[MlcError]) -> None:
    """What a caller may do next is the class."""
    assert type(read(status, item(code))) is kind


@pytest.mark.parametrize("code", ["BDC_1144", "BDC_1322"])
def test_a_limit_means_that_nothing_was_done(code: str) -> None:
    """Even a create may be sent again."""
    error = read(422, item(code))
    assert isinstance(error, TransientError)
    assert error.refused


def test_a_spent_quota_lasts_until_the_full_hour() -> None:
    """There is no Retry-After."""
    error = read(422, item("BDC_1144"))
    assert isinstance(error, TransientError)
    assert error.retry_after == 15 * 60


def test_a_system_error_may_have_been_performed() -> None:
    """A create is looked for before it is sent again."""
    error = read(422, item("BDC_1001"))
    assert isinstance(error, TransientError)
    assert not error.refused


@pytest.mark.parametrize(
    ("status", "items", "ended"),
    [
        (401, [item("BDC_1109", "Session is invalid.  Please log in.")], True),
        (401, [], True),
        (403, [item("BDC_1361", "Your session has expired.")], True),
        (403, [item("BDC_1361", "Untrusted session.")], False),
        (403, [item("BDC_1361", "UNTRUSTED SESSION.")], False),
        (403, [item("BDC_4711")], False),
        (422, [item("BDC_1109")], True),
        (200, [item("BDC_1109")], False),
    ],
)
def test_a_new_login_is_made_only_where_it_helps(status: int, items: list[dict[str, Any]], ended: bool) -> None:
    """An untrusted session would be made again for ever."""
    assert session_ended(answer(status, *items)) is ended


def test_a_sentence_that_comes_twice_is_said_once() -> None:
    """The second time it stands behind the id of its object."""
    said = refusal(
        json.dumps([item("BDC_1", "Due date is required."), item("BDC_1", "[00nX] Due date is required.")]).encode()
    )
    assert said.text == "BDC_1 [00nX] Due date is required."


def test_items_without_a_code_are_read_too() -> None:
    """Plain validation has only messages."""
    said = refusal(b'[{"severity": "ERROR", "message": "max must be at most 100", "params": ["max"]}]')
    assert said.text == "max must be at most 100 (['max'])"
    assert said.codes == frozenset()


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b'"text"', b"[]", b"[1]", b"{}", b"\xff\xfe"])
def test_a_body_of_another_shape_is_quoted(body: bytes) -> None:
    """The status decides then."""
    assert isinstance(read(502, body=body), TransientError)
    assert isinstance(read(400, body=body), RecordError)


def test_a_long_text_is_cut() -> None:
    """A page of HTML does not fill the log."""
    assert len(str(read(502, body=b"x" * 10_000))) < 500


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "BDC_1101", ConfigurationError),
        (400, "BDC_1102", ConfigurationError),
        (422, "BDC_1144", TokenUnavailableError),
        (422, "BDC_1322", TokenUnavailableError),
        (503, "", TokenUnavailableError),
        (429, "", TokenUnavailableError),
        (400, "", ConfigurationError),
    ],
)
def test_a_refused_login_stops_the_connection_or_waits(status: int, code: str, kind: type[MlcError]) -> None:
    """What may be taken later is not asked for again by every call."""
    assert type(judging_login("acme/bill", CLOCK)(status, json.dumps([item(code)]).encode())) is kind
