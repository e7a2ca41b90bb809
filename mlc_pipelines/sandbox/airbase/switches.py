"""The switches of the simulator: where the vendor's behaviour is unknown or differs between tenants."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PATHS: Mapping[str, str] = MappingProxyType(
    {
        "purchase_orders": "/v1/purchase_orders/",
        "purchase_requests": "/v1/purchase_requests/",
        "payments": "/v1/payments/",
        "vendor_terms": "/v1/vendor_terms/",
    }
)
"""Made up: the vendor shows the paths of these four to customers only. An empty path is not served."""

EVENTS = (
    "purchase_request_approved",
    "purchase_request_withdrawn",
    "payment_completed",
    "vendor_created",
    "vendor_payment_terms_updated",
)
"""Only the first is confirmed; the others are made up."""


@dataclass
class Switches:
    """May be changed while the sandbox runs; every default is explained in README.md."""

    schemes: tuple[str, ...] = ("Token",)  # the words that work before the token
    next_null_on_full_page: bool = False  # pagination.next is null although more pages follow
    next_is_number: bool = False  # pagination.next is a page number, not an address
    default_page_size: int = 50
    max_page_size: int = 500  # larger sizes are cut down silently; the envelope tells the size used
    bulk_leaves_out: bool = False  # an invalid row is missing from both lists; off: it refuses the whole batch
    linking: str = "bulk"  # who may fill an empty erp_reference_id: bulk, both (PATCH too) or never
    duplicate_order_status: int = 409  # what a second purchase order of one number gets: 409 or 400
    retry_after: bool = True  # 429 carries Retry-After
    onboarding: bool = False  # a sync session can be started
    novel_fields: bool = False  # answers carry a field no client knows yet


@dataclass
class WebhookSigning:
    """How the subscription proves itself; every mode named is applied, none at all sends bare events."""

    modes: tuple[str, ...] = ("hmac",)  # hmac, header_secret, basic
    secret: str = "airbase-sandbox-webhook-secret"  # noqa: S105  # the published secret of a simulator
    header: str = "X-Airbase-Signature"
    encoding: str = "hex"  # or base64
    prefix: str = ""  # written before the digest, such as sha256=
    timestamp_header: str | None = None  # with it "<timestamp>.<body>" is signed instead of the body
    timestamp_skew: int = 0  # seconds added to the timestamp; negative is stale
    secret_header: str = "X-Airbase-Webhook-Secret"  # noqa: S105  # the name of a header
    username: str = "airbase"
    password: str = "airbase-sandbox-webhook-password"  # noqa: S105  # the published secret of a simulator

    def __post_init__(self) -> None:
        """Refuse words this simulator does not know."""
        unknown = set(self.modes) - {"hmac", "header_secret", "basic"}
        if unknown or self.encoding not in ("hex", "base64"):
            raise ValueError(f"unknown webhook signing: modes {self.modes}, encoding {self.encoding}")
