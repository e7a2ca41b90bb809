"""BILL Spend & Expense, read only. A client of its own: its token opens nothing else, and nothing else opens it.

It has a limit of its own too, 60 calls a minute, and no login (documented).
"""

from collections.abc import Callable, Mapping

from pydantic import SecretStr

from mlc_pipelines.integrations.bill.calls import Calls
from mlc_pipelines.integrations.bill.errors import judging
from mlc_pipelines.integrations.bill.settings import BillSettings, SpendSettings
from mlc_pipelines.wire.auth import StaticTokens
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.http import HttpClient, Limits
from mlc_pipelines.wire.memory import Budget

HEADER = "apiToken"
_SCHEME = "Bearer"


class SpendToken:
    """Shows the token in a header of its own, not as a bearer token (documented)."""

    def __init__(self, credential: str, token: SecretStr) -> None:
        self._token = StaticTokens(credential=credential, tokens=[token], scheme=_SCHEME)

    def headers(self) -> Mapping[str, str]:
        """Give the header with the token."""
        return {HEADER: self._token.headers()["Authorization"].removeprefix(f"{_SCHEME} ")}

    def renew(self) -> None:
        """There is no other token: a person makes one."""
        self._token.renew()


class SpendClient(Calls):
    """Calls below /v3/spend."""

    def transactions(self) -> bytes:
        """Read one card transaction, to see that they can be read; its shape is not documented."""
        return self._http.send("GET", "/v3/spend/transactions", params=[("max", "1")]).body


def open_spend(
    settings: BillSettings,
    spend: SpendSettings,
    *,
    vault_get: Callable[[str], SecretStr],
    budget: Budget,
    clock: Clock,
) -> SpendClient:
    """Assemble the client."""
    http = HttpClient(
        "bill spend",
        settings.base_url,
        judge=judging(clock),
        auth=SpendToken(spend.credential, vault_get(f"{spend.credential}/api_token")),
        budget=budget,
        limits=Limits(read_seconds=settings.read_seconds, write_seconds=settings.write_seconds),
        clock=clock,
        headers={"Accept": "application/json"},
    )
    return SpendClient(http)
