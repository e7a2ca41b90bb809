"""What a tenant must tell us about its Stampli: the server, its keys, and how it writes and ends its files."""

import re
from collections.abc import Mapping
from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mlc_pipelines.integrations.erp.voucher_rules import VoucherRules
from mlc_pipelines.integrations.stampli.feeds import DocumentType, Feeds, InvoiceFeed, OrderFeed, VendorFeed

__all__ = ["Feeds", "InvoiceFeed", "OrderFeed", "StampliSettings", "VendorFeed"]

_STRICT = ConfigDict(extra="forbid", frozen=True)
_HOST_KEY = re.compile(r"(?:\S+ )?(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-\S+ [A-Za-z0-9+/]+={0,3}(?: .*)?")


def _invoice_types() -> dict[DocumentType, str]:
    return {"INVOICE": "SUPPINV", "CREDIT": "SUPPCREDIT"}


class StampliSettings(BaseModel):
    """The `stampli` section of a connection file.

    `credential` names the secrets: `<credential>/private_key` (and `<credential>/passphrase` for one that is locked),
    `<credential>/password`, or both, as `login` says. `host_keys` are the server's public keys as known_hosts lines or
    without the host name; several for a rotation. `vouchers` says how each invoice is booked beside its supplier
    invoice; without it only the supplier invoice is made.
    """

    model_config = _STRICT

    host: str = Field(min_length=1)
    port: int = Field(default=22, ge=1, le=65535)
    user: str = Field(min_length=1)
    credential: str
    login: Literal["key", "password", "both"] = "key"
    key_is_locked: bool = False
    host_keys: tuple[str, ...]
    feeds: Feeds
    timezone: str = "UTC"
    dedup_scope: Literal["vendor_invoice", "invoice_number"] = "vendor_invoice"
    vendor_create: bool = False
    vendor_name_must_agree: bool = False
    vendor_prefix: str = Field(default="ST", pattern=r"^[A-Z0-9]{1,4}$")
    vendor_country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    vouchers: VoucherRules | None = None
    paid: Literal["mark", "record"] = "mark"
    invoice_series: str = "SI"
    invoice_types: Mapping[DocumentType, str] = Field(default_factory=_invoice_types)
    due_days: int = Field(default=30, ge=0, le=365)
    tolerance_minor_units: int = Field(default=1, ge=0, le=1)
    cost_center_part: str = Field(default="B", pattern=r"^[B-J]$")
    connect_seconds: float = Field(default=20.0, gt=0)
    login_seconds: float = Field(default=30.0, gt=0)
    operation_seconds: float = Field(default=60.0, gt=0)
    poll_seconds: float = Field(default=600.0, gt=0)
    files_at_once: int = Field(default=8, ge=1, le=16)
    ifs_settle_after_seconds: float = Field(default=900.0, ge=0)

    @field_validator("host_keys")
    @classmethod
    def _keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError(
                "name the server's public keys; without them nobody knows whose server answers. "
                "`mlc check` shows the key that the server offers, to be compared by another channel"
            )
        for line in value:
            if not _HOST_KEY.fullmatch(line.strip()):
                raise ValueError("each is a public key such as ssh-ed25519 AAAA…, with or without a host before it")
        return tuple(line.strip() for line in value)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("must be a time zone such as America/New_York") from error
        return value

    @model_validator(mode="after")
    def _types_complete(self) -> Self:
        missing = {"INVOICE", "CREDIT"} - set(self.invoice_types)
        if missing:
            raise ValueError(f"invoice_types lacks {', '.join(sorted(missing))}")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The zone of times that are written without one."""
        return ZoneInfo(self.timezone)


SETTINGS = StampliSettings
