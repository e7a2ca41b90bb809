"""Airbase's client: one method per endpoint we use, over one road to Airbase."""

from collections.abc import Callable
from contextlib import suppress

from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.integrations.airbase.calls import Room
from mlc_pipelines.integrations.airbase.document_client import DocumentCalls
from mlc_pipelines.integrations.airbase.errors import judge
from mlc_pipelines.integrations.airbase.settings import AirbaseSettings, Scheme
from mlc_pipelines.wire.auth import StaticTokens
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.http import HttpClient, Limits
from mlc_pipelines.wire.memory import Budget, Guard


class AirbaseClient(DocumentCalls):
    """All calls of one tenant; safe to use from several threads."""


def open_airbase(
    settings: AirbaseSettings,
    *,
    vault_get: Callable[[str], SecretStr],
    budget: Budget,
    guard: Guard,
    clock: Clock,
    scheme: Scheme | None = None,
) -> AirbaseClient:
    """Assemble the client of one tenant; `scheme` is another word before the token than the settings say."""
    auth = StaticTokens(
        credential=settings.credential,
        tokens=_tokens(settings.credential, vault_get),
        scheme=scheme or settings.auth_scheme,
    )
    http = HttpClient(
        "airbase",
        settings.base_url,
        judge=judge,
        auth=auth,
        budget=budget,
        guard=guard,
        limits=Limits(read_seconds=settings.read_seconds, write_seconds=settings.write_seconds),
        clock=clock,
        headers={"Accept": "application/json"},
    )
    room = Room(budget, percent=settings.low_water_percent, pause_seconds=settings.low_water_pause_seconds)
    return AirbaseClient(http, settings.paths, room=room, page_size=settings.page_size)


def _tokens(credential: str, vault_get: Callable[[str], SecretStr]) -> list[SecretStr]:
    """Open the token in use and, if there is one, the next."""
    tokens = [vault_get(f"{credential}/token")]
    with suppress(ConfigurationError):  # no exchange is under way
        tokens.append(vault_get(f"{credential}/token_next"))
    return tokens
