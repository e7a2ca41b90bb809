"""Credentials: what an operator changes of the app holds from the next run on, though the last token lives for days."""

import pytest
from pydantic import SecretStr

from mlc_pipelines.errors import MlcError
from mlc_pipelines.integrations.ramp.settings import SCOPES
from mlc_pipelines_tests.roads.ramp.tenancy import Tenancy


def test_nothing_is_posted_for_an_app_that_was_exchanged(tenancy: Tenancy) -> None:
    """The old app may be another business': its token is not used once the secrets are others."""
    tenancy.house.vault.set("sandbox/ramp/client_id", SecretStr("app-of-another-business"))
    tenancy.change()
    reference = tenancy.invoice("INV-1")
    with pytest.raises(MlcError, match=r"sandbox/ramp: .* client id or secret is wrong"):
        tenancy.run("bills")
    assert tenancy.bills(reference) == []


def test_a_scope_that_was_granted_afterwards_is_used(tenancy: Tenancy) -> None:
    """Doing what the message says is enough."""
    tenancy.change(ramp={"scopes": [scope for scope in SCOPES if scope != "bills:write"]})
    reference = tenancy.invoice("INV-1")
    with pytest.raises(MlcError, match=r"name it in ramp\.scopes"):
        tenancy.run("bills")
    tenancy.change(ramp={"scopes": list(SCOPES)})
    tenancy.run("bills")
    assert len(tenancy.bills(reference)) == 1
