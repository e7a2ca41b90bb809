"""Webhook subscriptions of Ramp, as its API keeps them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec
from pydantic import SecretStr

from mlc_pipelines.errors import OutcomeUnknownError
from mlc_pipelines.integrations.ramp.calls import Calls, id_of
from mlc_pipelines.integrations.ramp.errors import AbsentError
from mlc_pipelines.integrations.ramp.models import Subscription
from mlc_pipelines.integrations.ramp.rows import decode
from mlc_pipelines.wire.addresses import segment
from mlc_pipelines.wire.bodies import BROKEN


class _Secret(msgspec.Struct):
    secret: str


_SUBSCRIPTIONS = msgspec.json.Decoder(list[Subscription])
_SECRET = msgspec.json.Decoder(_Secret)


class WebhookCalls(Calls):
    """Calls below /webhooks."""

    def webhooks(self) -> Sequence[Subscription]:
        """List the subscriptions of this app; a plain array without pages (documented)."""
        return decode(self._get("/webhooks"), _SUBSCRIPTIONS, "list of webhooks")

    def create_webhook(
        self, endpoint_url: str, event_types: Sequence[str], *, headers: Mapping[str, str] | None = None
    ) -> tuple[str, SecretStr]:
        """Subscribe an endpoint and give id and secret; Ramp shows the secret this once."""
        body = {"endpoint_url": endpoint_url, "event_types": list(event_types)}
        answer = self._post("/webhooks", {**body, "additional_headers": dict(headers)} if headers else body)
        try:
            return id_of(answer, "webhook"), SecretStr(_SECRET.decode(answer).secret)
        except BROKEN:  # its text could quote the secret
            raise OutcomeUnknownError("ramp: the answer to a new webhook has no secret; make it anew") from None

    def verify_webhook(self, webhook_id: str, challenge: str) -> None:
        """Give back the challenge that Ramp sent to the endpoint."""
        self._post(f"/webhooks/{segment(webhook_id)}/verify", {"challenge": challenge})

    def delete_webhook(self, webhook_id: str) -> None:
        """End a subscription; one that is gone already is as wanted."""
        with suppress(AbsentError):
            self._delete(f"/webhooks/{segment(webhook_id)}", repeatable=True)
