"""Tests of how Ramp's refusals are read."""

import json
from typing import Any

import pytest

from mlc_pipelines.errors import Cause, ConfigurationError, RecordError, TransientError
from mlc_pipelines.integrations.ramp.errors import AbsentError, NotSubmittableError, judge, reason
from mlc_pipelines.wire.answers import Answer


def refusal(status: int, code: str = "DEVELOPER_7001", message: str = "no", **given: Any) -> Answer:
    body = {"error_v2": {"error_code": code, "message": message, "additional_info": given.pop("info", {})}}
    headers = {"x-trace-id": "trace-1", **given.pop("headers", {})}
    url = "https://api.ramp.com/developer/v1/bills?remote_id=10^1"
    return Answer(status, headers, json.dumps(body).encode(), "POST", url)


@pytest.mark.parametrize(("status", "code"), [(401, "X"), (403, "DEVELOPER_7100"), (400, "DEVELOPER_7089")])
def test_keys_scopes_and_connections_stop_the_connection(status: int, code: str) -> None:
    """A person must change rights or set-up before anything can go on."""
    assert isinstance(judge(refusal(status, code)), ConfigurationError)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_trouble_on_the_other_side_passes(status: int) -> None:
    """Only 429 is known not to have been performed."""
    error = judge(refusal(status))
    assert isinstance(error, TransientError)
    assert error.refused is (status == 429)


def test_ramps_own_wait_is_taken() -> None:
    """Retry-After is honoured where Ramp sends it."""
    error = judge(refusal(429, headers={"retry-after": "7"}))
    assert isinstance(error, TransientError)
    assert error.retry_after == 7.0


@pytest.mark.parametrize(
    ("status", "code", "message", "cause"),
    [
        (422, "DEVELOPER_7001", "country: required", Cause.REJECTED_BY_TARGET),
        (409, "DEVELOPER_9999", "no", Cause.REJECTED_BY_TARGET),
        (418, "DEVELOPER_9999", "no", Cause.REJECTED_BY_TARGET),
        (400, "DEVELOPER_7080", "state is required", Cause.SUPPLIER_INCOMPLETE),
        (422, "DEVELOPER_7122", "Unknown accounting field f", Cause.DIMENSION_UNMAPPED),
        (422, "DEVELOPER_7123", "Unknown option 10^300 of ifs-code-part-b", Cause.DIMENSION_UNMAPPED),
        (422, "DEVELOPER_7123", "Unknown option 10^4010 of Category", Cause.ACCOUNT_UNMAPPED),
        (422, "DEVELOPER_7001", "invoice number 7 Already Exists", Cause.DUPLICATE_SUSPECTED),
    ],
)
def test_a_refused_record_names_its_cause(status: int, code: str, message: str, cause: Cause) -> None:
    """What Ramp refuses is held, with the cause that leads to who can mend it."""
    error = judge(refusal(status, code, message))
    assert isinstance(error, RecordError)
    assert error.cause is cause
    assert message in str(error)


def test_what_is_absent_and_what_cannot_be_submitted_have_their_own_class() -> None:
    """Callers act on these two."""
    assert isinstance(judge(refusal(404, "DEVELOPER_7002")), AbsentError)
    assert isinstance(judge(refusal(400, "BILL_PAY_7145")), NotSubmittableError)


def test_a_message_says_where_what_and_under_which_trace() -> None:
    """Path, status, code, fields and trace are there; query and host are not."""
    said = str(judge(refusal(422, message="Invalid", info={"country": ["required"], "state": "odd"})))
    assert "POST /developer/v1/bills: HTTP 422 DEVELOPER_7001: Invalid [country: required; state: odd]" in said
    assert "trace-1" in said
    assert "remote_id" not in said


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (b"", None, "no text"),
        (b"<html>\n502  Bad Gateway</html>", None, "<html> 502 Bad Gateway</html>"),
        (b'["odd"]', None, "['odd']"),
        (b'{"error": {"country": ["required"]}}', None, "{'country': ['required']}"),
        (b'{"error": "invalid_scope", "error_description": "unknown"}', None, "unknown"),
        (b'{"error_v2": {"error_code": "D", "message": "m", "additional_info": null}}', "D", "m"),
        (b"\xff\xfe", None, "��"),
    ],
)
def test_any_body_gives_a_reason(body: bytes, code: str | None, text: str) -> None:
    """An answer of a proxy, an older form or no body at all is told as well as it can be."""
    assert reason(body) == (code, text)


def test_a_long_text_is_cut() -> None:
    """A message never carries a whole payload."""
    assert len(reason(b"x" * 5000)[1]) == 301
