"""Ramp's client: one method per endpoint we use, over one road to Ramp."""

from collections.abc import Callable

from pydantic import SecretStr

from mlc_pipelines.integrations.ramp.accounting_client import AccountingCalls
from mlc_pipelines.integrations.ramp.bill_client import BillCalls
from mlc_pipelines.integrations.ramp.calls import ROOT
from mlc_pipelines.integrations.ramp.errors import judge
from mlc_pipelines.integrations.ramp.settings import RampSettings
from mlc_pipelines.integrations.ramp.webhook_client import WebhookCalls
from mlc_pipelines.wire.auth import ClientCredentials, ramp_refresh
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.http import HttpClient, Limits
from mlc_pipelines.wire.memory import Budget, Guard, TokenStore


class RampClient(AccountingCalls, BillCalls, WebhookCalls):
    """All calls of one tenant to its Ramp business; safe to use from several threads."""


def open_ramp(
    settings: RampSettings,
    *,
    vault_get: Callable[[str], SecretStr],
    tokens: TokenStore,
    budget: Budget,
    guard: Guard,
    clock: Clock,
) -> RampClient:
    """Assemble the client of one tenant: its app, its share of the rate limit, its time limits.

    The token endpoint takes the app's id and secret as HTTP Basic and a form body (documented).
    """
    auth = ClientCredentials(
        credential=settings.credential,
        token_url=f"{settings.base_url}{ROOT}/token",
        client_id=vault_get(f"{settings.credential}/client_id"),
        client_secret=vault_get(f"{settings.credential}/client_secret"),
        scope=" ".join(settings.scopes),
        style="basic",
        store=tokens,
        clock=clock,
        refresh=ramp_refresh,
    )
    http = HttpClient(
        "ramp",
        settings.base_url,
        judge=judge,
        auth=auth,
        budget=budget,
        guard=guard,
        limits=Limits(read_seconds=settings.read_seconds, write_seconds=settings.write_seconds),
        clock=clock,
        headers={"Accept": "application/json"},
    )
    return RampClient(
        http,
        page_size=settings.page_size,
        vendor_owner=settings.vendor_owner_id,
        payment_method=settings.payment_method,
    )
