"""What is hashed, to the byte: a ledger of ten years must still verify."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.ledger import chain
from mlc_pipelines.ledger.tables import entries

AT = datetime(2026, 11, 20, 8, 0, 0, 1, tzinfo=UTC)
EVENT: dict[str, Any] = {
    "entry_id": 7,
    "seq": 2,
    "at": AT,
    "kind": "translated",
    "before": "received",
    "after": "translated",
    "actor": "mlc",
    "detail": '{"reference":"A"}',
    "previous": chain.GENESIS,
}
ROW: dict[str, Any] = {
    "connection": "acme",
    "flow": "papers",
    "company": "10",
    "key": "A",
    "version": 1,
    "fingerprint": "f",
    "label": "INV-A",
    "partner": "S-1001",
    "amount_micros": 10_000_000,
    "currency": "EUR",
    "dated": date(2026, 11, 3),
    "stage": "deliver",
    "cause": None,
    "cause_key": None,
    "problem": "ø",
    "reference": "A",
    "external_id": None,
    "confirmation": None,
}


def test_an_event_is_hashed_as_it_always_was() -> None:
    """Other bytes would make every event of the past look forged."""
    assert chain.event_hash(**EVENT) == "75c76ec1c9ed5f76bf646776c7c62b1090a0d106c30ef9f7043a4bf078c7fd2e"
    assert (
        chain.event_hash(**EVENT | {"before": None})
        == "f03d7a969a664719cfb4c017bdd456f2a1b00378aeaf71d08df07f260131fb92"
    )


@given(st.text(), st.text(), st.none() | st.text(), st.text())
def test_an_event_is_a_json_array_of_its_columns(kind: str, actor: str, before: str | None, detail: str) -> None:
    """Whatever the texts are, anybody with JSON and SHA-256 comes to the same hash."""
    event = EVENT | {"kind": kind, "actor": actor, "before": before, "detail": detail}
    facts = [7, 2, "2026-11-20T08:00:00.000001Z", kind, before, "translated", actor, detail, chain.GENESIS]
    written = json.dumps(facts, separators=(",", ":"), ensure_ascii=True)
    assert chain.event_hash(**event) == hashlib.sha256(written.encode("ascii")).hexdigest()


def test_a_row_is_hashed_as_it_always_was() -> None:
    """As an array of texts; what is empty stays empty."""
    assert chain.row_digest(ROW) == "bc70bb29d7f7b285c713a1e670afb9b444d85bd9fb78052774ce9bf4c539b729"
    assert set(ROW) == set(chain.SEALED_COLUMNS) <= {column.name for column in entries.c}


@pytest.mark.parametrize("name", chain.SEALED_COLUMNS)
def test_no_column_of_a_row_can_change_unseen(name: str) -> None:
    """Each counts, and so does whether it is empty."""
    assert chain.row_digest(ROW | {name: "other"}) != chain.row_digest(ROW)
    assert chain.row_digest(ROW | {name: None}) != chain.row_digest(ROW | {name: "None"})


def test_a_moment_is_told_in_utc_with_microseconds() -> None:
    """So that texts sort as times do."""
    assert chain.moment_text(AT) == "2026-11-20T08:00:00.000001Z"
    there = AT.replace(microsecond=0).astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert chain.moment_text(there) == "2026-11-20T08:00:00.000000Z"


def test_a_document_is_hashed_by_sha256() -> None:
    """As any tool does."""
    assert chain.digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())))
def test_facts_are_written_as_the_standard_library_writes_them(facts: dict[str, Any]) -> None:
    """Sorted keys, no spaces, ASCII: the quick way of all-ASCII facts and the slow one of all others agree."""
    assert chain.encode(facts) == json.dumps(facts, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize(
    "sign", [chr(code) for code in (*range(0x20), 0x22, 0x2F, 0x5C, 0x7F, 0x80, 0x2028, 0xD800, 0x1F600)]
)
def test_every_odd_sign_is_escaped_as_ever(sign: str) -> None:
    """DEL is the one ASCII sign of which libraries differ."""
    assert chain.encode([sign]) == json.dumps([sign])
