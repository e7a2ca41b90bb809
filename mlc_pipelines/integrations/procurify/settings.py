"""What a tenant must tell us about its Procurify: where it is, whose key, and how its bills are read."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mlc_pipelines.integrations.erp.voucher_rules import VoucherRules

CARD = 2
"""Bills of this type are card statements; Procurify's own accounting sync leaves them out too (documented)."""

_STRICT = ConfigDict(extra="forbid", frozen=True)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Feed(StrEnum):
    """What is read, and under which name its path can be set."""

    BILLS = "bills"
    BILL = "bill"
    ORDERS = "purchase_orders"
    ORDER = "purchase_order"
    VENDORS = "vendors"
    ACCOUNT_CODES = "account_codes"
    DEPARTMENTS = "departments"
    LOCATIONS = "locations"
    CURRENCIES = "currencies"


PATHS: Mapping[Feed, str] = MappingProxyType(
    {
        Feed.BILLS: "/api/v3/ap/bills/",
        Feed.BILL: "/api/v2/ap/bills/{id}/",
        Feed.ORDERS: "/api/v2/purchase_orders/purchased/all/",
        Feed.ORDER: "/api/v2/purchase_orders/{id}/",
        Feed.VENDORS: "/api/v3/vendors/",
        Feed.ACCOUNT_CODES: "/api/v3/account-codes/",
        Feed.DEPARTMENTS: "/api/v3/departments/",
        Feed.LOCATIONS: "/api/v2/locations/",
        Feed.CURRENCIES: "/api/v2/currencies/",
    }
)
"""Three families of versions live side by side, and none has all that is needed (documented)."""


class ProcurifySettings(BaseModel):
    """The `procurify` section of a connection file.

    `credential` names two secrets, `<credential>/client_id` and `<credential>/client_secret`. `domain` is the
    customer's word before `.procurify.com`; `base_url` and `token_url` follow from it unless they are given.
    """

    model_config = _STRICT

    domain: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")
    base_url: str = ""
    token_url: str = ""
    audience: str = "https://api.procurify.com/"
    credential: str
    paths: Mapping[Feed, str] = Field(default_factory=dict)
    bill_order: str | None = "last_modified_datetime"
    order_order: str | None = None
    time_zone: str = "UTC"
    first_day: date | None = None
    backfill_days: int = Field(default=31, ge=1, le=366)
    most_pages: int = Field(default=40, ge=1)
    overlap_minutes: int = Field(default=15, ge=0, le=24 * 60)
    lag_minutes: int = Field(default=1, ge=0, le=60)
    page_size: int = Field(default=50, ge=5, le=50)
    calls_per_second: int = Field(default=5, ge=2, le=100)
    calls_at_once: int = Field(default=4, ge=1, le=4)
    read_seconds: float = Field(default=60.0, gt=0)
    ifs_settle_after_seconds: float = Field(default=900.0, ge=0)
    bill_statuses: frozenset[int] = frozenset({2, 4, 6, 7, 8})
    bill_types: frozenset[int] = frozenset({0})
    vendor_types: frozenset[int] = frozenset({3, 4})
    vendor_tax_field: str | None = "tax"
    new_suppliers: Literal["hold", "create"] = "hold"
    default_company: str | None = None
    cost_center_source: Literal["approver", "allocation"] = "approver"
    cost_center_part: str = Field(default="B", pattern="^[B-J]$")
    inclusive_tax: Literal["inside", "apart"] = "inside"
    credit_notes: Literal["book", "hold"] = "book"
    invoice_series: str = "SI"
    invoice_type: str = "SUPPINV"
    credit_type: str = "SUPPCREDIT"
    vouchers: VoucherRules | None = None
    canary_bill: str | None = None
    canary_order: str | None = None

    @field_validator("base_url", "token_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("must be an https address")
        if value and (not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc):
            raise ValueError("must be a plain address: host and path, no user, query or fragment")
        return value.rstrip("/")

    @field_validator("audience")
    @classmethod
    def _slash(cls, value: str) -> str:
        if not value.endswith("/"):
            raise ValueError("must end with a slash, as Procurify compares it letter by letter")
        return value

    @field_validator("paths")
    @classmethod
    def _paths(cls, value: Mapping[Feed, str]) -> Mapping[Feed, str]:
        for feed, path in value.items():
            if not (path.startswith("/") and path.endswith("/")):
                raise ValueError(f"{feed.value}: a path begins and ends with a slash")
            if ("{id}" in PATHS[feed]) != ("{id}" in path):
                raise ValueError(f"{feed.value}: compare with {PATHS[feed]}")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("is no time zone such as Europe/Berlin") from error
        return value

    @field_validator("bill_types")
    @classmethod
    def _no_cards(cls, value: frozenset[int]) -> frozenset[int]:
        if CARD in value:
            raise ValueError("card bills (2) are never carried: the card statement has them already")
        return value

    @model_validator(mode="before")
    @classmethod
    def _where(cls, given: Any) -> Any:
        """Fill in the addresses that follow from the domain."""
        if not isinstance(given, Mapping):
            return given
        base = given.get("base_url") or (f"https://{given['domain']}.procurify.com" if given.get("domain") else "")
        if not base:
            raise ValueError("name the domain: the word before .procurify.com")
        token = given.get("token_url") or f"{str(base).rstrip('/')}/oauth/token"
        return {**given, "base_url": base, "token_url": token}

    @property
    def zone(self) -> ZoneInfo:
        """Where the account's day begins."""
        return ZoneInfo(self.time_zone)

    def path(self, feed: Feed) -> str:
        """Give the path of a feed: the tenant's own, else the one known."""
        return self.paths.get(feed, PATHS[feed])


SETTINGS = ProcurifySettings
