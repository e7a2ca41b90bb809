"""Tests of the settings of a BILL connection."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlc_pipelines_tests.integrations.bill.builders import settings


def test_organization_and_credential_are_all_that_must_be_said() -> None:
    """Left alone, nothing is made in BILL but vendors and bills, and new vendors wait for a person."""
    usual = settings()
    assert (usual.base_url, usual.events_address) == (
        "https://gateway.prod.bill.com/connect",
        "https://gateway.prod.bill.com/connect-events",
    )
    assert (usual.create_accounts, usual.create_dimensions, usual.new_vendors) == (False, False, "hold")
    assert (usual.login_kind, usual.calls_at_once, usual.bulk_bills) == ("sync_token", 3, False)
    assert usual.developer_key_name == "acme/bill/developer_key"


def test_two_connections_may_share_one_developer_key() -> None:
    """Its quota is counted by the name of the key."""
    assert settings(developer_key="house/bill/key").developer_key_name == "house/bill/key"


@pytest.mark.parametrize(
    ("base", "events"),
    [
        ("https://gateway.stage.bill.com/connect", "https://gateway.stage.bill.com/connect-events"),
        ("https://gateway.prod.bill.com/connect/", "https://gateway.prod.bill.com/connect-events"),
        ("http://127.0.0.1:8700/connect", "http://127.0.0.1:8700/connect-events"),
    ],
)
def test_the_webhook_address_stands_beside_the_other(base: str, events: str) -> None:
    """Never below it."""
    assert settings(base_url=base).events_address == events


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "https://gateway.bill.com/connect"},
        {"base_url": "https://api.bill.com/v3"},
        {"base_url": "https://gateway.prod.bill.com"},
        {"base_url": "http://gateway.prod.bill.com/connect"},
        {"base_url": "https://user@gateway.prod.bill.com/connect"},
        {"base_url": "https://gateway.prod.bill.com.evil.example/connect"},
        {"events_url": "https://gateway.prod.bill.com/connect/v3/connect-events"},
        {"events_url": "https://gateway.stage.bill.com/connect-events"},
        {"base_url": "http://127.0.0.1:8700/connect", "events_url": "https://gateway.prod.bill.com/connect-events"},
        {"webhook_url": "http://hooks.acme.example/bill"},
        {"webhook_url": "https://hooks.acme.example/bill?key=1"},
        {"calls_at_once": 4},
        {"calls_at_once": 0},
        {"calls_per_hour": 20_001},
        {"page_size": 101},
        {"login_kind": "partner"},
        {"home_currency": "dollar"},
        {"field_authority": {"bank": "ifs"}},
        {"field_authority": {"name": "nobody"}},
        {"spend": {"credential": "acme/spend", "calls_per_minute": 61}},
        {"organisation_id": "008ACME"},
        {"organization_id": ""},
    ],
)
def test_what_cannot_work_is_refused_when_it_is_read(wrong: dict[str, Any]) -> None:
    """Another host, a limit above BILL's or a typing error is found before anything is sent."""
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_ifs_decides_on_a_field_unless_it_is_said_otherwise() -> None:
    """Field by field."""
    some = settings(field_authority={"email": "bill", "phone": "hold"})
    assert [some.authority(name) for name in ("name", "address", "email", "phone")] == ["ifs", "ifs", "bill", "hold"]
