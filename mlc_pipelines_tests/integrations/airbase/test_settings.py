"""Tests of the settings of an Airbase connection."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlc_pipelines.integrations.airbase.settings import AirbaseSettings, Paths
from mlc_pipelines_tests.integrations.airbase.builders import settings


def test_the_address_must_be_said() -> None:
    """It is the tenant's own: there is no usual one."""
    with pytest.raises(ValidationError, match="base_url"):
        AirbaseSettings.model_validate({"credential": "acme/ab"})


def test_left_alone_nothing_is_booked_and_gated_paths_are_empty() -> None:
    """Bearer before the token, vendors born there wait for a person, nothing is received."""
    usual = settings()
    assert usual.auth_scheme == "Bearer"
    assert usual.new_vendors == "hold"
    assert (usual.requests, usual.payments, usual.verify.modes) == (None, None, ())
    gated = ("purchase_orders", "bills", "payments", "purchase_requests", "vendor_terms")
    assert {getattr(usual.paths, name) for name in gated} == {""}


@pytest.mark.parametrize("url", ["https://acme.airbase.example/", "http://127.0.0.1:8700", "https://a.example/tenant"])
def test_an_address_is_https_or_this_machine(url: str) -> None:
    """The slash at its end does not matter; a tenant's may have a path."""
    assert settings(base_url=url).base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "http://acme.airbase.example"},
        {"base_url": "https://user@acme.airbase.example"},
        {"base_url": "https://"},
        {"base_url": "https://acme.airbase.example?x=1"},
        {"auth_scheme": "Basic"},
        {"paths": {"purchase_orders": "/v1/purchase_orders"}},
        {"paths": {"purchase_orders": "v1/purchase_orders/"}},
        {"paths": {"vendors": ""}},
        {"paths": {"expenses": "/v1/expenses/"}},
        {"vendor_terms": {"pointer": "payment_term"}},
        {"code_parts": {"CodeA": "4010"}},
        {"requests": {"voucher_type": "M"}},
        {"payments": {"voucher_type": "M", "user_group": "AC", "credit_account": {}, "types": {"card": "maybe"}}},
        {"requests_per_second": 0},
    ],
)
def test_what_cannot_be_right_is_refused(wrong: dict[str, Any]) -> None:
    """A person hears of it before anything is called."""
    with pytest.raises(ValidationError):
        settings(**wrong)


@pytest.mark.parametrize(
    "paths",
    [
        {"purchase_orders": "/v1/accounting/accounts/"},
        {"vendors": "/v1/accounting/subsidiaries/"},
        {"accounts": "/v2/gl/", "purchase_orders": "/v2/gl/orders/"},
    ],
)
def test_nothing_we_write_to_lies_at_accounts_or_subsidiaries(paths: dict[str, str]) -> None:
    """Not even by a slip of the settings."""
    with pytest.raises(ValidationError, match="never written"):
        Paths.model_validate(paths)
