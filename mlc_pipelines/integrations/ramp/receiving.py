"""How Ramp's webhooks are received: whose secret, what they say, which flow hears them."""

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.integrations.integration import Event, Tenant, WebhookManners
from mlc_pipelines.integrations.ramp import webhook
from mlc_pipelines.integrations.ramp.opening import open_client
from mlc_pipelines.integrations.ramp.settings import RampSettings

FLOWS = {
    "bills.approved": "vouchers",
    "bills.ready_to_sync": "vouchers",
    "bills.paid": "payments",
    "vendors.updated": "suppliers",
    "vendors.activated": "suppliers",
}
"""Which flow hears which event; others are stored and left alone."""


def _secret_name(connection: Connection) -> str | None:
    return connection.section(RampSettings).webhook_secret


def _read(raw: bytes) -> Event:
    said = webhook.parse(raw)
    if isinstance(said, webhook.Challenge):
        return Event(id="", type="webhooks.verification", object_id=None, challenge=said.challenge)
    return Event(id=said.id, type=said.type, object_id=said.object_id, account=said.business_id)


def _answer(tenant: Tenant, event: Event) -> None:
    """Finish the handshake: tell Ramp its challenge for every subscription of our address that waits for it."""
    settings = tenant.connection.section(RampSettings)
    with open_client(tenant) as ramp:
        for subscription in ramp.webhooks():
            if subscription.endpoint_url == settings.webhook_url and subscription.status == "pending_verification":
                ramp.verify_webhook(subscription.id, event.challenge or "")


MANNERS = WebhookManners(
    secret_name=_secret_name,
    verify=webhook.verify,
    read=_read,
    flow_of=FLOWS.get,
    answer_challenge=_answer,
)
