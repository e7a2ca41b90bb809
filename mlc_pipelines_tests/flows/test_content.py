"""Canonical JSON: the same bytes for the same content."""

from decimal import Decimal

import pytest

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint, kept_parts, kept_rows


def test_the_order_of_names_does_not_matter() -> None:
    """At any depth; what is a list keeps its order."""
    one, other = {"b": [{"d": 1, "c": 2}], "a": Decimal("1.50")}, {"a": Decimal("1.50"), "b": [{"c": 2, "d": 1}]}
    assert encode(one) == encode(other) == b'{"a":"1.50","b":[{"c":2,"d":1}]}'
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint([1, 2]) != fingerprint([2, 1])


def test_a_fingerprint_is_the_sha256_of_the_canonical_text() -> None:
    """It is kept for years: other bytes would make every record look changed."""
    assert fingerprint({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_a_copy_is_taken_apart_byte_for_byte() -> None:
    """As it was kept, in the order that is asked for."""
    assert kept_parts(b'{"head": {"n": 1.50}, "lines": [1, {"a": 2}], "x": 0}', "lines", "head") == [
        b'[1, {"a": 2}]',
        b'{"n": 1.50}',
    ]
    assert kept_rows(b'[1, {"a": 2}]') == [b"1", b'{"a": 2}']


@pytest.mark.parametrize("source", [b"", b"[]", b'{"head": 1}', b"10^1001", b"[" * 5000])
def test_a_copy_of_what_could_not_be_read_has_no_parts(source: bytes) -> None:
    """It is held again when somebody replays it."""
    with pytest.raises(RecordError, match="correct it in its source") as caught:
        kept_parts(source, "head", "lines")
    assert caught.value.cause is Cause.UNREADABLE


@pytest.mark.parametrize("part", [b"", b"{}", b"5", b"[" * 5000])
def test_lines_that_are_no_list_hold(part: bytes) -> None:
    """The record, not the run."""
    with pytest.raises(RecordError, match="lines that cannot be read"):
        kept_rows(part)
