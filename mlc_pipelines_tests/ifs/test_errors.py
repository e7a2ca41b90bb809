"""What an answer of IFS means."""

import json

import pytest

from mlc_pipelines.errors import (
    Cause,
    ConfigurationError,
    MlcError,
    RecordError,
    StaleRecordError,
    TransientError,
)
from mlc_pipelines.ifs.errors import AbsentError, judge, reason
from mlc_pipelines.wire.answers import Answer

URL = "https://acme.ifs.cloud/main/ifsapplications/projection/v1/VoucherHandling.svc/VoucherSet?$filter=x"


def answered(
    status: int, body: object = None, *, method: str = "POST", headers: dict[str, str] | None = None
) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body or {"error": {"code": "X", "message": "no"}}).encode()
    return Answer(status, headers or {}, raw, method, URL)


@pytest.mark.parametrize(
    ("status", "method", "kind"),
    [
        (400, "POST", RecordError),
        (400, "GET", ConfigurationError),
        (401, "GET", ConfigurationError),
        (403, "POST", ConfigurationError),
        (404, "GET", AbsentError),
        (405, "POST", ConfigurationError),
        (408, "GET", TransientError),
        (409, "POST", RecordError),
        (412, "PATCH", StaleRecordError),
        (423, "PATCH", TransientError),
        (429, "POST", TransientError),
        (500, "POST", TransientError),
        (501, "GET", ConfigurationError),
        (502, "GET", TransientError),
        (503, "POST", TransientError),
        (504, "GET", TransientError),
    ],
)
def test_each_status_has_its_meaning(status: int, method: str, kind: type[MlcError]) -> None:
    """The class of the error says what may be done next."""
    assert type(judge(answered(status, method=method))) is kind


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("SupplierInfoGeneralSet(SupplierId='S%2F1%25')", RecordError),
        ("SupplierInfoGeneralSet(SupplierId='S%2F1%25')/SupplierInfoAddresses?$top=1000", ConfigurationError),
        ("SupplierInfoGeneralSet?$filter=startswith(Name,'A')", ConfigurationError),
    ],
)
def test_a_question_for_one_record_is_refused_for_its_key(address: str, kind: type[MlcError]) -> None:
    """Somebody typed it, and it holds that record; what is asked of a list comes from the settings."""
    url = f"https://acme.ifs.cloud/main/ifsapplications/projection/v1/SupplierHandling.svc/{address}"
    assert type(judge(Answer(400, {}, b"{}", "GET", url))) is kind


def test_success_is_no_error() -> None:
    """Only 400 and above is judged."""
    assert judge(answered(200)) is None


def test_a_business_refusal_that_comes_as_500_holds_the_record() -> None:
    """A text of the business logic (ORA-20110) is about the document, not about the server."""
    body = {"error": {"code": "DATABASE_ERROR", "message": "ORA-20110: Period 9 is closed"}}
    error = judge(answered(500, body))
    assert isinstance(error, RecordError)
    assert error.cause is Cause.REJECTED_BY_TARGET
    assert "Period 9 is closed" in str(error)


@pytest.mark.parametrize("text", ["ORA-00060: deadlock detected", "ORA-01013: user requested cancel"])
def test_a_database_in_trouble_is_tried_again(text: str) -> None:
    """Other database texts with 500 are not about the document."""
    assert isinstance(judge(answered(500, {"error": {"code": "E", "message": text}})), TransientError)


def test_stale_metadata_is_tried_again_but_a_create_is_looked_for() -> None:
    """MI_MODIFIED_ERROR passes by itself; it does not say whether the create was performed."""
    error = judge(answered(500, {"error": {"code": "MI_MODIFIED_ERROR", "message": "changed"}}))
    assert isinstance(error, TransientError)
    assert not error.refused


def test_429_was_not_performed() -> None:
    """A request above the limit may be sent again, even a create."""
    error = judge(answered(429))
    assert isinstance(error, TransientError)
    assert error.refused


@pytest.mark.parametrize("status", [400, 428])
def test_a_missing_precondition_is_our_fault(status: int) -> None:
    """Whatever its status, a change without an ETag stops the connection."""
    body = {"error": {"code": "ODP_MISSING_PRECONDITION", "message": "A precondition header is required."}}
    assert isinstance(judge(answered(status, body, method="PATCH")), ConfigurationError)


def test_the_message_says_where_and_what_without_the_query() -> None:
    """Service and set, status, code and every detail; no filter values."""
    body = {
        "error": {"code": "ODP_X", "message": "Refused.", "details": [{"code": "A", "message": "Account  missing"}]}
    }
    assert str(judge(answered(400, body))) == (
        "ifs: POST VoucherHandling.svc/VoucherSet: HTTP 400 ODP_X: Refused.; Account missing"
    )


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b"<html>Bad gateway</html>", ("", "answer that is not JSON")),
        (b"", ("", "answer that is not JSON")),
        (b'{"error":{"code":"C","message":{"lang":"en","value":"text"}}}', ("C", "text")),
        (b'{"error":{"code":null,"errors":["one",{"message":"two"}]}}', ("", "one; two")),
        (b'{"message":"flat"}', ("", "flat")),
        (b'{"error":"invalid"}', ("", "invalid")),
        (b"[]", ("", "[]")),
        (b"{}", ("", "no message")),
    ],
)
def test_every_shape_of_error_body_is_read(body: bytes, read: tuple[str, str]) -> None:
    """Tenants and proxies write errors in several ways; none of them breaks the reading."""
    assert reason(body) == read


def test_a_long_text_is_cut() -> None:
    """A whole payload never ends up in a message."""
    _, text = reason(json.dumps({"error": {"code": "X", "message": "a" * 5000}}).encode())
    assert len(text) <= 301
