"""Tests of what a webhook says, and of who hears it."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.connections.tables_of_words import MappingTables
from mlc_pipelines.errors import RecordError
from mlc_pipelines.integrations.airbase.receiving import MANNERS, flow_of
from mlc_pipelines_tests.integrations.airbase.builders import BOOKED, settings

EVENT = {
    "id": "evt_7c1f",
    "object": "event",
    "type": "purchase_request_approved",
    "created_date": "2026-04-02T09:14:31",
}


def connection(**given: Any) -> Connection:
    sections = {"airbase": settings(**given)}
    return Connection("acme", "airbase", ("10",), None, enabled=True, path=Path("acme.yaml"), sections=sections,
                      mapping=MappingTables({}))  # fmt: skip


def raw(**given: Any) -> bytes:
    return json.dumps({**EVENT, "data": {"id": "pr_5521"}, **given}).encode()


def test_an_event_names_its_request() -> None:
    """By the pointer of the tenant's requests."""
    event = MANNERS.read(connection(), raw())
    assert (event.id, event.type, event.object_id) == ("evt_7c1f", "purchase_request_approved", "pr_5521")
    other = connection(requests={**BOOKED, "fields": {"id": "/request/key"}})
    assert MANNERS.read(other, raw(data={"request": {"key": 17}})).object_id == "17"


def test_an_event_of_a_payment_names_the_payment() -> None:
    """By the pointer of the tenant's payments."""
    paying = connection(payments={**BOOKED, "fields": {"id": "/key"}})
    assert MANNERS.read(paying, raw(type="payment_completed", data={"key": "p1"})).object_id == "p1"


def test_an_event_without_an_id_is_known_by_its_body() -> None:
    """The same body is the same event."""
    one, same, other = (MANNERS.read(connection(), raw(id=None, data=data)) for data in ({}, {}, {"id": "x"}))
    assert one.id == same.id != other.id
    assert len(one.id) == len("sha256:") + 64
    assert one.object_id is None


def test_an_unknown_event_is_an_event() -> None:
    """It is stored, and no flow hears it; one without a type too."""
    assert MANNERS.read(connection(), raw(type="card_locked")).type == "card_locked"
    assert MANNERS.read(connection(), raw(type=None)).type == "unknown"
    assert (flow_of("card_locked"), flow_of("unknown")) == (None, None)


@pytest.mark.parametrize(
    ("event", "flow"),
    [
        ("purchase_request_approved", "request_vouchers"),
        ("purchase_request_withdrawn", "request_vouchers"),
        ("payment_completed", "payment_vouchers"),
        ("vendor_created", "suppliers"),
        ("vendor_payment_terms_updated", "payment_terms"),
    ],
)
def test_events_are_heard_by_how_they_begin(event: str, flow: str) -> None:
    """Only the first name is known for certain; the others are a hint to look."""
    assert flow_of(event) == flow


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff", b"[" * 100_000, b"<html>"])
def test_what_is_no_event_is_refused(body: bytes) -> None:
    """Not JSON, or no object."""
    with pytest.raises(RecordError):
        MANNERS.read(connection(), body)


def test_nothing_is_taken_in_without_a_mode() -> None:
    """A tenant that has not said how events prove themselves receives none."""
    assert not MANNERS.is_open(connection())
    verify = {"modes": ["header_secret"], "header_secret": {"header": "X-Secret", "secrets": ["acme/ab/webhook"]}}
    opened = connection(verify=verify)
    assert MANNERS.is_open(opened)
    assert MANNERS.secret_names(opened) == ["acme/ab/webhook"]
    assert MANNERS.takes_paths
