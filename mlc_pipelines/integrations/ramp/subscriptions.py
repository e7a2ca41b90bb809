"""Our webhook subscription in Ramp: one for our endpoint, with all our events, and its secret kept."""

import logging
from collections.abc import Callable, Sequence

from pydantic import SecretStr

from mlc_pipelines.errors import OutcomeUnknownError, RecordError, TransientError
from mlc_pipelines.integrations.ramp.models import Subscription
from mlc_pipelines.integrations.ramp.webhook import EVENTS
from mlc_pipelines.integrations.ramp.webhook_client import WebhookCalls

logger = logging.getLogger(__name__)

ACTIVE, PENDING = "active", "pending_verification"


def ensure_subscription(
    ramp: WebhookCalls,
    endpoint_url: str,
    *,
    secret_name: str,
    store: Callable[[str, SecretStr], None],
    secret_known: bool,
    events: Sequence[str] = EVENTS,
    pending_serves: bool = True,
) -> Subscription:
    """See to it that exactly one subscription serves our endpoint with all our events, and give it.

    Ramp shows the secret once, at creation: it goes to `store`. A subscription whose secret we do not know, that lacks
    an event or is inactive is of no use, and none can be changed: it is deleted and made anew (documented). What other
    endpoints have is left alone. A new one is verified when Ramp's challenge reaches the receiver; with
    `pending_serves` false one that is not verified yet is made anew, to be challenged again.
    """
    ours = [found for found in ramp.webhooks() if found.endpoint_url == endpoint_url]
    # Of two, nobody can tell whose secret is the one we know.
    statuses = (ACTIVE, PENDING) if pending_serves else (ACTIVE,)
    if secret_known and len(ours) == 1 and ours[0].status in statuses and set(events) <= set(ours[0].event_types):
        return ours[0]
    for found in ours:
        ramp.delete_webhook(found.id)
    return _subscribed(ramp, endpoint_url, events, secret_name=secret_name, store=store)


def _subscribed(
    ramp: WebhookCalls,
    endpoint_url: str,
    events: Sequence[str],
    *,
    secret_name: str,
    store: Callable[[str, SecretStr], None],
) -> Subscription:
    try:
        webhook_id, secret = ramp.create_webhook(endpoint_url, events)
    except OutcomeUnknownError as error:
        # The secret is lost with the answer, so whatever was made is of no use.
        for found in ramp.webhooks():
            if found.endpoint_url == endpoint_url:
                ramp.delete_webhook(found.id)
        raise TransientError(f"{error}; nothing is left of it, subscribe again") from error
    store(secret_name, secret)
    logger.info("webhook subscribed", extra={"integration": "ramp", "webhook": webhook_id})
    return Subscription(webhook_id, endpoint_url, tuple(events), PENDING)


def answer_challenge(ramp: WebhookCalls, challenge: str, *, endpoint_url: str | None) -> str:
    """Give a challenge back for the subscription that waits for it; give its id.

    The handshake does not say whose it is, so those of our endpoint that wait are tried. TransientError when none
    waits: Ramp may not list it yet, and sends the challenge again when the receiver answers 503 (documented).
    """
    refused: RecordError | None = None
    for found in ramp.webhooks():
        if found.status == PENDING and endpoint_url in (None, found.endpoint_url):
            try:
                ramp.verify_webhook(found.id, challenge)
            except RecordError as error:
                refused = error
                continue
            return found.id
    if refused is not None:
        raise refused
    raise TransientError("ramp: a webhook challenge came, but no subscription of ours waits for one; try again later")
