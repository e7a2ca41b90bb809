"""Tests of the settings of a Ramp connection."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.ramp.settings import BillMode, RampSettings

VOUCHERS = {"voucher_type": "I", "user_group": "AC", "credit_account": {"10": "2440"}}


def settings(**given: Any) -> RampSettings:
    return RampSettings.model_validate({"credential": "acme/ramp", **given})


def test_a_credential_is_all_that_must_be_said() -> None:
    """Left alone, Ramp approves, nobody is paid by us, and new vendors wait for a person."""
    usual = settings()
    assert usual.base_url == "https://api.ramp.com"
    assert usual.bill_mode is BillMode.DRAFT
    assert usual.new_vendors == "hold"
    assert usual.vouchers is None
    assert usual.payment_method == "UNSPECIFIED"


@pytest.mark.parametrize("url", ["https://demo-api.ramp.com", "https://demo-api.ramp.com/", "http://127.0.0.1:8700"])
def test_an_address_is_https_or_this_machine(url: str) -> None:
    """The slash at its end does not matter."""
    assert settings(base_url=url).base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "http://api.ramp.com"},
        {"base_url": "https://api.ramp.com/developer/v1"},
        {"base_url": "https://user@api.ramp.com"},
        {"base_url": "https://"},
        {"base_url": "api.ramp.com"},
        {"webhook_url": "http://hooks.acme.example/ramp"},
        {"webhook_url": "https://hooks.acme.example/ramp?key=1"},
        {"requests_per_10_seconds": 100_001},
        {"requests_per_10_seconds": 1},
        {"bill_mode": "approved"},
        {"vendor_owner_id": "Mara"},
        {"payment_method": "CASH"},
        {"page_size": 101},
        {"base_urll": "https://api.ramp.com"},
        {"vouchers": {**VOUCHERS, "bills": "some"}},
    ],
)
def test_what_cannot_work_is_refused_when_it_is_read(wrong: dict[str, Any]) -> None:
    """A typing error or a limit above Ramp's is found before anything is sent."""
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_a_company_without_a_credit_account_is_named() -> None:
    """A star stands for every company that is not named."""
    vouchers = settings(vouchers=VOUCHERS).vouchers
    assert vouchers is not None
    assert vouchers.credit_account_of("10", setting="ramp.vouchers.credit_account") == "2440"
    with pytest.raises(RecordError, match="company 20") as caught:
        vouchers.credit_account_of("20", setting="ramp.vouchers.credit_account")
    assert (caught.value.cause, caught.value.key) == (Cause.ACCOUNT_UNMAPPED, "credit_account:20")
    for_all = settings(vouchers={**VOUCHERS, "credit_account": {"*": "2441"}}).vouchers
    assert for_all is not None
    assert for_all.credit_account_of("20", setting="ramp.vouchers.credit_account") == "2441"
