"""Canonical JSON: the same bytes for the same content."""

from decimal import Decimal

from mlc_pipelines.flows.content import encode, fingerprint


def test_the_order_of_names_does_not_matter() -> None:
    """At any depth; what is a list keeps its order."""
    one, other = {"b": [{"d": 1, "c": 2}], "a": Decimal("1.50")}, {"a": Decimal("1.50"), "b": [{"c": 2, "d": 1}]}
    assert encode(one) == encode(other) == b'{"a":"1.50","b":[{"c":2,"d":1}]}'
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint([1, 2]) != fingerprint([2, 1])


def test_a_fingerprint_is_the_sha256_of_the_canonical_text() -> None:
    """It is kept for years: other bytes would make every record look changed."""
    assert fingerprint({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
