"""The `$batch` request and its answer."""

from datetime import date
from decimal import Decimal

import pytest

from mlc_pipelines.errors import OutcomeUnknownError
from mlc_pipelines.ifs.batch import Change, answers, change_set
from mlc_pipelines.wire.answers import Answer

URL = "https://acme.ifs.cloud/main/ifsapplications/projection/v1/VoucherHandling.svc/$batch"


def whole(body: str, content_type: str = "multipart/mixed;boundary=b") -> Answer:
    return Answer(200, {"content-type": content_type}, body.replace("\n", "\r\n").encode(), "POST", URL)


MADE = """--b
Content-Type: multipart/mixed;boundary=c

--c
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

HTTP/1.1 201 Created
Content-Type: application/json
ETag: W/"abc"

{"VoucherNo":2026000017,"VoucherText":"Bürobedarf"}
--c
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

HTTP/1.1 204 No Content


--c--
--b--
"""


def test_a_change_set_numbers_its_parts_and_refers_to_the_first() -> None:
    """Header and rows travel together; the rows name the header that does not exist yet."""
    changes = [
        Change("VoucherSet", {"Company": "10", "VoucherDate": date(2026, 3, 14)}),
        Change("$1/VoucherRows", {"CurrencyDebetAmount": Decimal("1000.00"), "Text": "Büro"}, if_match="$1"),
    ]
    content_type, body = change_set(changes)
    text = body.decode()
    boundary = content_type.removeprefix("multipart/mixed;boundary=")
    assert text.startswith(f"--{boundary}\r\n")
    assert text.endswith(f"--{boundary}--\r\n")
    assert text.index("Content-ID: 1") < text.index("POST VoucherSet HTTP/1.1") < text.index("Content-ID: 2")
    assert "POST $1/VoucherRows HTTP/1.1\r\n" in text
    assert "If-Match: $1\r\n" in text
    assert '{"Company":"10","VoucherDate":"2026-03-14"}' in text
    assert '{"CurrencyDebetAmount":1000.00,"Text":"Büro"}' in text


def test_the_answers_come_in_order_with_status_headers_and_body() -> None:
    """Each part is an answer of its own."""
    first, second = answers(whole(MADE))
    assert first.status == 201
    assert first.headers["etag"] == 'W/"abc"'
    assert first.json() == {"VoucherNo": 2026000017, "VoucherText": "Bürobedarf"}
    assert (second.status, second.body) == (204, b"")


def test_a_failed_change_set_is_one_refusal() -> None:
    """The refusal stands where the change set would be."""
    body = """--b
Content-Type: application/http

HTTP/1.1 400 Bad Request
Content-Type: application/json

{"error":{"code":"X","message":"no"}}
--b--
"""
    (refusal,) = answers(whole(body))
    assert refusal.status == 400
    assert b'"code":"X"' in refusal.body


@pytest.mark.parametrize(
    "answer",
    [
        whole("", "application/json"),
        whole("<html>proxy</html>", "text/html"),
        whole("--b\nContent-Type: application/http\n\nnonsense\n--b--\n"),
        whole("--b\nContent-Type: application/http\n\nHTTP/1.1 x\n--b--\n"),
    ],
)
def test_an_answer_that_cannot_be_read_leaves_the_outcome_open(answer: Answer) -> None:
    """The documents may exist: look before sending again."""
    with pytest.raises(OutcomeUnknownError, match="look whether"):
        answers(answer)
