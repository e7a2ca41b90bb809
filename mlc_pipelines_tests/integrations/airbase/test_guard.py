"""Tests of what tells a path that belongs to the ERP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.integrations.airbase.guard import is_read_only


@pytest.mark.parametrize(
    "path",
    [
        "/v1/accounting/accounts/",
        "/v1/accounting/accounts/bulk_upsert/",
        "/v1/accounting/accounts/7f/",
        "/v1/accounting/subsidiaries",
        "v1/accounting//accounts/",
        "/v1/accounting/./accounts/",
        "/v1/accounting/vendors/../accounts/",
        "/v1/Accounting/Accounts/",
        "/v1/accounting/%61ccounts/",
        "/v1/accounting/%2561ccounts/",
        "/v1/accounting/accounts/?page=1",
        "https://api.airbase.example/v1/accounting/accounts/",
        "/tenant/v1/accounting/subsidiaries/9/",
        "/v2/gl/accounts/",
    ],
)
def test_accounts_and_subsidiaries_are_known_however_they_are_written(path: str) -> None:
    """Case, dots, doubled slashes and percent signs change nothing."""
    assert is_read_only(path, ["/v2/gl/"])


@pytest.mark.parametrize("path", ["/v1/accounting/vendors/", "/v1/accounts/", "/v1/accounting/account/", "/", ""])
def test_others_are_left_alone(path: str) -> None:
    """Only these two resources are guarded."""
    assert not is_read_only(path, [])


@given(st.text(alphabet="/.%accountsubridie25461", max_size=40))
def test_whatever_comes_behind_is_guarded_too(rest: str) -> None:
    """Unless it leads out again."""
    assert is_read_only(f"/v1/accounting/accounts/{rest.replace('.', '')}", [])
