"""Tests of refusals: what an error answer means for the caller, and which time-outs ask for smaller pages."""

import pytest

from mlc_pipelines.errors import ConfigurationError, MlcError, RecordError, TransientError
from mlc_pipelines.integrations.procurify.errors import AbsentError, SlowError, is_slow, judge, reason
from mlc_pipelines.wire.answers import Answer


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, body, "GET", "https://acme.procurify.com/api/v3/ap/bills/?page=1")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RecordError),
        (401, ConfigurationError),
        (403, ConfigurationError),
        (404, AbsentError),
        (408, SlowError),
        (429, TransientError),
        (500, TransientError),
        (504, SlowError),
    ],
)
def test_a_status_says_what_may_be_done(status: int, kind: type[MlcError]) -> None:
    """Settings, later, smaller, or not at all."""
    assert type(judge(answer(status))) is kind or isinstance(judge(answer(status)), kind)


def test_a_throttled_call_was_not_performed() -> None:
    """And it says when to come again."""
    error = judge(answer(429, b"{}", retry_after="12"))
    assert isinstance(error, TransientError)
    assert (error.refused, error.retry_after) == (True, 12.0)


def test_the_message_has_the_trace_and_no_query() -> None:
    """Their support asks for the trace."""
    said = str(judge(answer(500, b'{"message": "broken"}', x_procurify_request_id="req-7")))
    assert said == "procurify: GET /api/v3/ap/bills/: HTTP 500: broken (trace req-7)"


def test_a_refused_token_names_what_looks_like_one() -> None:
    """A missing slash or header looks like a bad secret."""
    said = str(judge(answer(401)))
    assert ("audience ends with a slash" in said, "X-Procurify-Client" in said) == (True, True)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"detail": "Not found.", "message": "x"}', "Not found."),
        (b'{"message": "Unauthorized"}', "Unauthorized"),
        (b'["a", "b"]', '["a", "b"]'),
        (b"<html>\n  Bad Gateway</html>", "<html> Bad Gateway</html>"),
        (b"", "no text"),
    ],
)
def test_the_text_of_an_error_is_found(body: bytes, text: str) -> None:
    """Under detail, then message; anything else is quoted."""
    assert reason(body) == text


def test_a_long_text_is_cut() -> None:
    """After 800 characters."""
    assert len(reason(b"x" * 5000)) == 801


def test_only_a_wait_for_an_answer_is_slow() -> None:
    """A connection that was not made, or broke, is not."""
    late = TransientError("no answer")
    late.__cause__ = RuntimeError()
    late.__cause__.__context__ = TimeoutError()
    unmade = TransientError("no connection", refused=True)
    unmade.__cause__ = TimeoutError()
    assert [is_slow(each) for each in (SlowError("504"), late, unmade, TransientError("x"), TimeoutError())] == [
        True,
        True,
        False,
        False,
        False,
    ]
