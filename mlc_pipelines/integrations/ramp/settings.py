"""What a tenant must tell us about its Ramp: where it is, whose key, and what may happen there on its own."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mlc_pipelines.integrations.erp.voucher_rules import VoucherRules
from mlc_pipelines.integrations.ramp.webhook import EVENTS

SCOPES = (
    "accounting:read", "accounting:write", "bills:read", "bills:write", "vendors:read", "vendors:write",
    "entities:read", "bank_accounts:read", "business:read", "users:read", "purchase_orders:read",
)  # fmt: skip
WINDOW_SECONDS = 10
"""Ramp counts calls in a rolling window of ten seconds (documented)."""

_STRICT = ConfigDict(extra="forbid", frozen=True)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
PaymentMethod = Literal["UNSPECIFIED", "vendor_default", "ACH", "CHECK", "DOMESTIC_WIRE", "INTERNATIONAL", "SWIFT"]


class BillMode(StrEnum):
    """How far a bill goes on its own."""

    DRAFT = "draft"  # a person completes and submits it in Ramp
    SUBMIT = "submit"  # handed over as a draft, then submitted for approval
    PREAPPROVED = "preapproved"  # approved at once; Ramp's approval flow is bypassed


class VoucherSettings(VoucherRules):
    """Which bills are booked in IFS, and how."""

    bills: Literal["all", "born_in_ramp"] = "born_in_ramp"


class RampSettings(BaseModel):
    """The `ramp` section of a connection file.

    `credential` names two secrets, `<credential>/client_id` and `<credential>/client_secret`. `entities` gives each
    company its entity in Ramp, by name or id. `vendor_owner_id` is the Ramp user who owns vendors made here: required
    by Ramp in 2025 (documented), optional since (seen in public code). `payment_method` is only sent with preapproved
    bills: left UNSPECIFIED a person chooses it in Ramp, `vendor_default` takes the one set up for the vendor.
    """

    model_config = _STRICT

    base_url: str = "https://api.ramp.com"
    credential: str
    scopes: tuple[str, ...] = SCOPES
    provider_name: str = "IFS Cloud"
    entities: Mapping[str, str] = Field(default_factory=dict)
    bill_mode: BillMode = BillMode.DRAFT
    payment_method: PaymentMethod = "UNSPECIFIED"
    negative_lines: bool = False
    vouchers: VoucherSettings | None = None
    new_vendors: Literal["hold", "create"] = "hold"
    vendor_owner_id: str | None = Field(default=None, pattern=_UUID)
    webhook_secret: str | None = None
    webhook_url: str | None = None
    webhook_events: tuple[str, ...] = EVENTS
    # Ramp takes 200; a higher figure is for an account whose limit was lifted, or a test.
    requests_per_10_seconds: int = Field(default=200, ge=2, le=100_000)
    page_size: int = Field(default=100, ge=2, le=100)
    read_seconds: float = Field(default=75.0, gt=0)
    write_seconds: float = Field(default=75.0, gt=0)
    settle_after_seconds: float = Field(default=75.0, ge=0)
    ifs_settle_after_seconds: float = Field(default=900.0, ge=0)

    @field_validator("base_url", "webhook_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("must be an https address")
        if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("must be a plain address: host and path, no user, query or fragment")
        return value.rstrip("/")

    @field_validator("base_url")
    @classmethod
    def _host_only(cls, value: str) -> str:
        if urlsplit(value).path:
            raise ValueError("must end after the host; the path /developer/v1 is ours to add")
        return value


SETTINGS = RampSettings
