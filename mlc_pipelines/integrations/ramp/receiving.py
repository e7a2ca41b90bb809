"""How Ramp's webhooks are received: whose secret, what they say, which flow hears them."""

from collections.abc import Callable, Mapping

from pydantic import SecretStr

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.integrations.integration import Delivery, Event, Subscribed, Tenant, WebhookManners
from mlc_pipelines.integrations.ramp import webhook
from mlc_pipelines.integrations.ramp.opening import open_client
from mlc_pipelines.integrations.ramp.settings import RampSettings
from mlc_pipelines.integrations.ramp.subscriptions import ACTIVE, answer_challenge, ensure_subscription

FLOWS = {
    "bills.approved": "vouchers",
    "bills.ready_to_sync": "vouchers",
    "bills.updated": "vouchers",
    "bills.archived": "vouchers",
    "bills.paid": "payments",
    "payments.updated": "payments",
    "vendors.updated": "suppliers",
    "vendors.activated": "suppliers",
}
"""Which flow hears which event; others are stored and left alone."""


def _secret_names(connection: Connection) -> list[str]:
    name = connection.section(RampSettings).webhook_secret
    return [name] if name else []


def _verify(_: Connection, delivery: Delivery, secrets: Mapping[str, SecretStr]) -> bool:
    return webhook.verify(delivery.raw, delivery.headers, list(secrets.values()))


def _read(_: Connection, raw: bytes) -> Event:
    said = webhook.parse(raw)
    if isinstance(said, webhook.Challenge):
        return Event(id="", type="webhooks.verification", object_id=None, challenge=said.challenge)
    return Event(id=said.id, type=said.type, object_id=said.object_id, account=said.business_id)


def _answer(tenant: Tenant, event: Event) -> None:
    settings = tenant.connection.section(RampSettings)
    with open_client(tenant) as ramp:
        answer_challenge(ramp, event.challenge or "", endpoint_url=settings.webhook_url)


def _subscribe(tenant: Tenant, store: Callable[[str, SecretStr], None]) -> Subscribed:
    """Subscribe our address. One that still waits for its challenge is made anew, for it is not sent for ever."""
    settings = tenant.connection.section(RampSettings)
    if settings.webhook_url is None:
        return Subscribed.NOT_WANTED
    if settings.webhook_secret is None:
        raise ConfigurationError(
            f"{tenant.connection.path}: ramp.webhook_url is set, but ramp.webhook_secret does not say "
            "under which name its secret is kept"
        )
    with open_client(tenant) as ramp:
        if "business:read" in settings.scopes:
            business = ramp.business()
            tenant.books.dictionary.learn("business", {business.id: business.business_name_legal or ""})
        found = ensure_subscription(
            ramp,
            settings.webhook_url,
            secret_name=settings.webhook_secret,
            store=store,
            secret_known=_is_known(tenant, settings.webhook_secret),
            events=settings.webhook_events,
            pending_serves=False,
        )
    return Subscribed.ACTIVE if found.status == ACTIVE else Subscribed.HANDSHAKE_AWAITED


def _is_known(tenant: Tenant, secret_name: str) -> bool:
    try:
        return bool(tenant.secret(secret_name).get_secret_value())
    except ConfigurationError:
        return False


MANNERS = WebhookManners(
    is_open=lambda _: True,  # a handshake comes before there is a secret
    secret_names=_secret_names,
    verify=_verify,
    read=_read,
    flow_of=FLOWS.get,
    answer_challenge=_answer,
    subscribe=_subscribe,
)
