"""What a tenant must tell us about its BILL organization: where it is, whose login, what may happen on its own."""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mlc_pipelines.integrations.bill.webhook import EVENTS

HOSTS = ("https://gateway.prod.bill.com", "https://gateway.stage.bill.com")
PLACES = {"base_url": "/connect", "events_url": "/connect-events"}
"""The four addresses that credentials may be sent to (documented); other hosts seen in public code are not BILL's."""

ACCOUNT_TYPES: Mapping[str, str] = {
    "asset": "OTHER_ASSET",
    "liability": "OTHER_CURRENT_LIABILITY",
    "revenue": "INCOME",
    "cost": "EXPENSE",
    "equity": "EQUITY",
}
FIELDS = ("name", "address", "email", "phone")
Authority = Literal["ifs", "bill", "hold"]

_STRICT = ConfigDict(extra="forbid", frozen=True)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class SpendSettings(BaseModel):
    """BILL Spend & Expense: `<credential>/api_token` is its secret, and opens nothing else (documented)."""

    model_config = _STRICT

    credential: str
    calls_per_minute: int = Field(default=55, ge=2, le=60)


class BillSettings(BaseModel):
    """The `bill` section of a connection file.

    `credential` names three secrets: `<credential>/username`, `/password` (name and value of a sync token, or of a
    user) and `/developer_key`; `developer_key` names the latter elsewhere, where several connections share one key and
    so its hourly quota. `home_currency` is what a vendor without a currency of its own is paid in.
    """

    model_config = _STRICT

    base_url: str = f"{HOSTS[0]}{PLACES['base_url']}"
    events_url: str | None = None
    organization_id: str = Field(pattern=r"^\w+$")
    credential: str
    developer_key: str | None = None
    login_kind: Literal["sync_token", "user"] = "sync_token"
    calls_at_once: int = Field(default=3, ge=1, le=3)
    calls_per_hour: int = Field(default=19_000, ge=20, le=20_000)
    page_size: int = Field(default=100, ge=1, le=100)
    home_currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    # Reference data: what BILL lacks is held unless it may be made there.
    create_accounts: bool = False
    create_dimensions: bool = False
    account_types: Mapping[str, str] = ACCOUNT_TYPES
    dimension_names: Literal["code_text", "code", "text"] = "code_text"
    # Vendors: whose word counts where supplier and vendor differ.
    field_authority: Mapping[str, Authority] = Field(default_factory=dict)
    new_vendors: Literal["hold", "create"] = "hold"
    # Bills.
    negative_lines: bool = False
    bulk_bills: bool = False
    amend_while: tuple[str, ...] = ("UNASSIGNED", "ASSIGNED")
    look_back_days: int = Field(default=30, ge=0)
    purchase_order_length: int = Field(default=50, ge=1)
    description_length: int = Field(default=500, ge=50)
    # Payments.
    watch_days: int = Field(default=30, ge=0)
    payments_since: Literal["updatedTime", "processDate", "nothing"] = "updatedTime"
    webhook_secret: str | None = None
    webhook_url: str | None = None
    webhook_events: tuple[str, ...] = EVENTS
    webhook_version: str = "1"
    spend: SpendSettings | None = None
    read_seconds: float = Field(default=75.0, gt=0)
    write_seconds: float = Field(default=120.0, gt=0)
    settle_after_seconds: float = Field(default=120.0, ge=0)
    ifs_settle_after_seconds: float = Field(default=900.0, ge=0)

    @property
    def events_address(self) -> str:
        """Where webhooks are subscribed; beside the other address, never below it (documented)."""
        return self.events_url or f"{self.base_url}-events"

    @property
    def developer_key_name(self) -> str:
        """Name of the developer key's secret; quota and calls at once are counted by it."""
        return self.developer_key or f"{self.credential}/developer_key"

    def authority(self, field: str) -> Authority:
        """Say whose word counts for a field of a vendor: IFS's, unless the connection file says otherwise."""
        return self.field_authority.get(field, "ifs")

    @field_validator("field_authority")
    @classmethod
    def _known_fields(cls, value: Mapping[str, Authority]) -> Mapping[str, Authority]:
        unknown = sorted(set(value) - set(FIELDS))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is no field of a vendor; there are: {', '.join(FIELDS)}")
        return value

    @field_validator("base_url", "events_url", "webhook_url")
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

    @model_validator(mode="after")
    def _one_environment(self) -> "BillSettings":
        for name, place in PLACES.items():
            address = self.base_url if name == "base_url" else self.events_address
            allowed = [f"{host}{place}" for host in HOSTS]
            if address not in allowed and urlsplit(address).hostname not in _LOOPBACK:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}")
        if urlsplit(self.base_url).hostname != urlsplit(self.events_address).hostname:
            raise ValueError("base_url and events_url are of two environments, which share neither data nor keys")
        return self


SETTINGS = BillSettings
