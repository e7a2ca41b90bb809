"""BILL's clients: one method per endpoint we use, over one session and one share of the limits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from pydantic import SecretStr

from mlc_pipelines.integrations.bill.bill_client import BillCalls
from mlc_pipelines.integrations.bill.classification_client import ClassificationCalls
from mlc_pipelines.integrations.bill.errors import judging, judging_login, session_ended
from mlc_pipelines.integrations.bill.models import Login, reader
from mlc_pipelines.integrations.bill.settings import BillSettings
from mlc_pipelines.integrations.bill.vendor_client import VendorCalls
from mlc_pipelines.integrations.bill.webhook_client import WebhookCalls
from mlc_pipelines.wire.auth import Auth, LoginSession
from mlc_pipelines.wire.bodies import BROKEN
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.http import HttpClient, Limits
from mlc_pipelines.wire.memory import Budget, Guard, Slots, TokenStore

MINUTE, HOUR = 60, 3600
LIVES: dict[str, tuple[float, int]] = {"sync_token": (47.0 * HOUR, 48 * HOUR), "user": (25.0 * MINUTE, 35 * MINUTE)}
"""Seconds after which a session is renewed, and after which it has ended.

Both lives are said of sessions that nobody uses, the longer one also as a plain life (documented): ours count from the
login, used or not.
"""

_read_login = reader(Login, "session")


class _SessionId(msgspec.Struct, rename="camel"):
    session_id: str | None = None


_SESSION_ID = msgspec.json.Decoder(_SessionId)


class CountedLogin(LoginSession):
    """A login that is a call like any other: BILL counts it among those at once, and against the hour."""

    def __init__(self, *, budget: Budget, slots: Slots, **login: Any) -> None:
        super().__init__(**login)
        self._budget = budget
        self._slots = slots

    def _ask(self) -> tuple[SecretStr, int]:
        self._budget.acquire()
        with self._slots.slot():
            return super()._ask()


class BillClient(VendorCalls, ClassificationCalls, BillCalls):
    """All calls of one tenant to its BILL organization; safe to use from several threads."""

    def session(self) -> Login:
        """Say whose session this is (seen in public code)."""
        return _read_login(self._get("/v3/login/session"))


@dataclass(frozen=True, slots=True)
class Means:
    """What calls need beside the settings: secrets, remembered sessions, shares of the limits, the lease, the clock."""

    vault_get: Callable[[str], SecretStr]
    tokens: TokenStore
    budget: Budget
    slots: Slots
    guard: Guard
    clock: Clock


def open_bill(settings: BillSettings, means: Means) -> BillClient:
    """Assemble the client of one tenant; nothing is called yet."""
    http = _http(settings, settings.base_url, means=means)
    return BillClient(http, page_size=settings.page_size)


def open_events(settings: BillSettings, means: Means) -> WebhookCalls:
    """Assemble the client of the webhook address, with the same session and within the same limits."""
    return WebhookCalls(_http(settings, settings.events_address, means=means))


def _http(settings: BillSettings, address: str, *, means: Means) -> HttpClient:
    # A spent quota lasts until the full hour: a wait that long is not waited for here, the record is postponed.
    limits = Limits(read_seconds=settings.read_seconds, write_seconds=settings.write_seconds, longest_wait=float(HOUR))
    return HttpClient(
        "bill",
        address,
        judge=judging(means.clock),
        auth=_session(settings, means),
        ended=session_ended,
        budget=means.budget,
        slots=means.slots,
        guard=means.guard,
        limits=limits,
        clock=means.clock,
        headers={"Accept": "application/json"},
    )


def _session(settings: BillSettings, means: Means) -> Auth:
    """Log in with the developer key in the body; afterwards it goes in a header beside the session (documented)."""
    developer_key = means.vault_get(settings.developer_key_name)
    renew_after, lifetime = LIVES[settings.login_kind]
    return CountedLogin(
        budget=means.budget,
        slots=means.slots,
        credential=f"{settings.credential} in {settings.organization_id}",
        login_url=f"{settings.base_url}/v3/login",
        login={
            "username": means.vault_get(f"{settings.credential}/username"),
            "password": means.vault_get(f"{settings.credential}/password"),
            "organizationId": SecretStr(settings.organization_id),
            "devKey": developer_key,
        },
        session_header="sessionId",
        always={"devKey": developer_key},
        read=_session_id,
        judge=judging_login(settings.credential, means.clock),
        renew_after=renew_after,
        lifetime=lifetime,
        store=means.tokens,
        clock=means.clock,
        timeout=settings.read_seconds,
    )


def _session_id(answer: bytes) -> str | None:
    try:
        return _SESSION_ID.decode(answer).session_id
    except BROKEN:
        return None
