"""How BILL's webhooks are received: whose key, what they say, which flow hears them."""

from collections.abc import Callable, Mapping

from pydantic import SecretStr

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.integrations.bill import webhook
from mlc_pipelines.integrations.bill.client import open_events
from mlc_pipelines.integrations.bill.models import EventKind
from mlc_pipelines.integrations.bill.opening import means_of
from mlc_pipelines.integrations.bill.settings import BillSettings
from mlc_pipelines.integrations.bill.subscriptions import ensure_subscription, subscription_name
from mlc_pipelines.integrations.integration import Delivery, Event, Subscribed, Tenant, WebhookManners

FLOWS = {"bill": "payments", "payment": "payments", "vendor": "suppliers"}
"""Which flow hears of which object; other events are stored and left alone."""

KEY_OF = "webhook_key_of"
"""Words that say of which subscription the key in the vault is, by the name of the secret."""


def _secret_names(connection: Connection) -> list[str]:
    """Name the key, and the one before it: while a key is exchanged, events signed with either are on their way."""
    name = connection.section(BillSettings).webhook_secret
    return [name, f"{name}/previous"] if name else []


def _verify(_: Connection, delivery: Delivery, secrets: Mapping[str, SecretStr]) -> bool:
    return webhook.verify(delivery.raw, delivery.headers, list(secrets.values()))


def _read(_: Connection, raw: bytes) -> Event:
    said = webhook.parse(raw)
    return Event(id=said.event_id, type=said.event_type, object_id=said.object_id, account=said.organization_id)


def _flow_of(event_type: str) -> str | None:
    return FLOWS.get(event_type.partition(".")[0])


def _subscribe(tenant: Tenant, store: Callable[[str, SecretStr], None]) -> Subscribed:
    settings = tenant.connection.section(BillSettings)
    if settings.webhook_url is None:
        return Subscribed.NOT_WANTED
    name = settings.webhook_secret
    if name is None:
        raise ConfigurationError(
            f"{tenant.connection.path}: bill.webhook_url is set, but bill.webhook_secret does not say "
            "under which name its key is kept"
        )
    tenant.books.dictionary.learn("business", {settings.organization_id: tenant.connection.name})

    def keep(subscription: str, key: SecretStr) -> None:
        store(name, key)
        tenant.books.dictionary.learn(KEY_OF, {name: subscription})

    with open_events(settings, means_of(tenant)) as events_api:
        ensure_subscription(
            events_api,
            subscription_name(tenant.connection.name),
            settings.webhook_url,
            events=[EventKind(type_, settings.webhook_version) for type_ in settings.webhook_events],
            key_of=_key_of(tenant, name),
            store=keep,
            today=tenant.clock.now().date(),
        )
    return Subscribed.ACTIVE


def _key_of(tenant: Tenant, secret_name: str) -> str | None:
    """Name the subscription whose key is in the vault; None where none is, or nobody wrote down whose it is."""
    try:
        there = bool(tenant.secret(secret_name).get_secret_value())
    except ConfigurationError:
        return None
    return tenant.books.dictionary.known(KEY_OF).get(secret_name) if there else None


MANNERS = WebhookManners(
    is_open=lambda connection: bool(_secret_names(connection)),
    secret_names=_secret_names,
    verify=_verify,
    read=_read,
    flow_of=_flow_of,
    subscribe=_subscribe,
)
