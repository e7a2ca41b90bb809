"""Our webhook subscription in BILL: one for our address, with all our events, switched on, and its key kept."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from datetime import date
from uuid import UUID, uuid4

from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.integrations.bill.models import EventKind, Subscription
from mlc_pipelines.integrations.bill.webhook_client import MOST, WebhookCalls

logger = logging.getLogger(__name__)

PREFIX = "mlc_pipelines"
"""What the names of our subscriptions begin with; others are never deleted."""


def subscription_name(connection: str) -> str:
    """Name the subscription of a connection."""
    return f"{PREFIX} {connection}"


def ensure_subscription(
    events_api: WebhookCalls,
    name: str,
    url: str,
    *,
    events: Sequence[EventKind],
    key_of: str | None,
    store: Callable[[str, SecretStr], None],
    today: date,
) -> str:
    """See to it that exactly one subscription serves our address with all our events, and give its id.

    BILL shows the key once: it goes to `store` with the id that it belongs to, which is handed in again as `key_of`.
    One whose key we do not know gets a new key. One that BILL switched off, after too many failed tries, is switched on
    again; the polls have gone on meanwhile.
    """
    there = events_api.subscriptions()
    fitting = [found for found in there if found.notification_url == url]
    ours = [found for found in fitting if found.name == name] or fitting[:1]
    for found in there:
        if found.name == name and found not in ours[:1]:
            events_api.delete_subscription(found.id)  # an address of before, or one too many
    if not ours:
        return _made(events_api, name, url, events=events, store=store, there=there, today=today)
    kept = ours[0]
    if not kept.status.enabled or not set(events) <= set(kept.events):
        events_api.change_subscription(kept, sorted({*kept.events, *events}, key=lambda event: event.type))
        logger.info("webhook switched on", extra={"integration": "bill", "webhook": kept.id})
    if key_of != kept.id:
        store(kept.id, events_api.new_key(kept.id, once=str(uuid4())))
        logger.info("webhook key exchanged", extra={"integration": "bill", "webhook": kept.id})
    return kept.id


def _made(
    events_api: WebhookCalls,
    name: str,
    url: str,
    *,
    events: Sequence[EventKind],
    store: Callable[[str, SecretStr], None],
    there: Sequence[Subscription],
    today: date,
) -> str:
    others = [found for found in there if found.name != name]
    if len(others) >= MOST:
        raise ConfigurationError(
            f"bill: the organization has {len(others)} webhook subscriptions, and {MOST} are allowed; "
            "delete one in BILL, or take webhook_url out of the connection: polls go on without it"
        )
    once = once_key(name, url, [found.id for found in there], today=today)
    made, key = events_api.create_subscription(name, url, events, once=once)
    store(made, key)  # before anything else is asked: it is shown this once
    if made not in {found.id for found in events_api.subscriptions()}:  # the answer to one made and deleted today
        made, key = events_api.create_subscription(name, url, events, once=str(uuid4()))
        store(made, key)
    logger.info("webhook subscribed", extra={"integration": "bill", "webhook": made})
    return made


def once_key(name: str, url: str, there: Sequence[str], *, today: date) -> str:
    """Derive a UUID of version 4, the same on this day for the same wish, so that a crash makes no second one."""
    text = "\n".join([name, url, today.isoformat(), *sorted(there)])
    return str(UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))
