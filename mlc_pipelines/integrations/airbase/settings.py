"""What a tenant must tell us about its Airbase: where it is, which word opens it, which paths it has."""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mlc_pipelines.integrations.airbase.guard import is_read_only
from mlc_pipelines.integrations.airbase.pointers import Pointer
from mlc_pipelines.integrations.airbase.verification import VerifySettings
from mlc_pipelines.integrations.erp.voucher_rules import EVERY_COMPANY, VoucherRules

_STRICT = ConfigDict(extra="forbid", frozen=True)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_ACCOUNTING = "/v1/accounting/"
Scheme = Literal["Bearer", "Token"]


class Paths(BaseModel):
    """Where each resource lies. Those of the accounting API were seen in public code; the last five are gated.

    An empty path is a resource that is not used; a flow that needs it does not run and `mlc check` says so.
    """

    model_config = _STRICT

    vendors: str = f"{_ACCOUNTING}vendors/"
    subsidiaries: str = f"{_ACCOUNTING}subsidiaries/"
    accounts: str = f"{_ACCOUNTING}accounts/"
    currencies: str = f"{_ACCOUNTING}currencies/"
    ledger_entries: str = f"{_ACCOUNTING}ledger_entries/"
    purchase_orders: str = ""
    bills: str = ""
    payments: str = ""
    purchase_requests: str = ""
    vendor_terms: str = ""

    @field_validator("*")
    @classmethod
    def _slashes(cls, value: str) -> str:
        if value and not (value.startswith("/") and value.endswith("/") and "?" not in value and "//" not in value):
            raise ValueError("a path begins and ends with a slash, such as /v1/purchase_orders/")
        return value

    @field_validator("vendors", "subsidiaries", "ledger_entries")
    @classmethod
    def _needed(cls, value: str) -> str:
        if not value:
            raise ValueError("is needed by every tenant; leave it out for the usual path")
        return value

    @model_validator(mode="after")
    def _apart(self) -> "Paths":
        for name in ("vendors", "ledger_entries", "purchase_orders"):  # what we write to
            if is_read_only(getattr(self, name), self.read_only):
                raise ValueError(f"{name} lies where accounts or subsidiaries are, and those are never written")
        return self

    @property
    def read_only(self) -> tuple[str, ...]:
        """Name what is never written."""
        return tuple(path for path in (self.accounts, self.subsidiaries) if path)


class LinePointers(BaseModel):
    """Where a line keeps its values."""

    model_config = _STRICT

    amount: Pointer = "/amount"
    account: Pointer = "/account/erp_reference_id"
    text: Pointer = "/description"
    tags: Pointer = "/tags"
    tag_type: Pointer = "/type"
    tag_value: Pointer = "/erp_reference_id"


class ChargePointers(BaseModel):
    """Where an approved request or a payment keeps its values; only the envelope of an event is known for certain."""

    model_config = _STRICT

    id: Pointer = "/id"
    number: Pointer = "/number"
    status: Pointer | None = "/status"
    kind: Pointer = "/type"
    subsidiary: Pointer = "/subsidiary/erp_reference_id"
    vendor: Pointer = "/vendor/erp_reference_id"
    vendor_id: Pointer = "/vendor/airbase_id"
    vendor_name: Pointer = "/vendor/name"
    currency: Pointer = "/currency"
    currency_reference: Pointer | None = None
    total: Pointer = "/total_amount"
    also_total: Pointer | None = None  # where the total stands a second time; the two must agree
    dated: Pointer = "/payment_date"
    invoice_number: Pointer | None = "/invoice_number"
    bank_account: Pointer | None = "/bank_account/erp_reference_id"
    ap_account: Pointer | None = "/ap_account/erp_reference_id"
    erp_invoice: Pointer | None = None  # company^invoice id of the IFS invoice that a request belongs to
    lines: Pointer = "/lines"
    line: LinePointers = LinePointers()


ENTRY_POINTERS = ChargePointers(
    number="/invoice_number",
    currency="/currency/iso_code",
    currency_reference="/currency/erp_reference_id",
    total="/amounts/amount/amount",
    also_total="/total_amount",
    dated="/entry_date",
    lines="/expense_list",
)
"""How a ledger entry is read (keys seen in public code)."""

REQUEST_POINTERS = ChargePointers(kind="/purchase_type", dated="/approved_date")


class RequestSettings(VoucherRules):
    """Which approved requests are booked, and how. `mapping.purchase_types` gives the account of an uncoded line.

    A value of `approved` at `fields.status` is an approval; `filters` are the query of the poll.
    """

    approved: tuple[str, ...] = ("approved",)
    filters: Mapping[str, str] = Field(default_factory=lambda: {"status": "approved"})
    fields: ChargePointers = REQUEST_POINTERS


Posting = Literal["lines", "payable"]


class PaymentSettings(VoucherRules):
    """Which payments are booked, and how. `types` says how each type is posted; one that is not named is held.

    `lines` debits the coded lines, `payable` what we owe (the entry's AP account, else `payable_account`). The other
    side is the entry's bank account, for lines without one its AP account, else `credit_account`. `credit_types` are
    those that may be below zero.
    """

    types: Mapping[str, Posting] = Field(default_factory=dict)
    credit_types: tuple[str, ...] = ()
    payable_account: Mapping[str, str] = Field(default_factory=dict)
    paid: tuple[str, ...] = ("paid",)
    fields: ChargePointers = ChargePointers()

    def owed_on(self, company: str) -> str | None:
        """Give the account on which a company owes, if one is set."""
        return self.payable_account.get(company) or self.payable_account.get(EVERY_COMPANY)


class OrderSettings(BaseModel):
    """How purchase orders are written: status words, and what the keys are called where they differ from ours.

    `statuses` maps IFS states; an order in a state of `not_sent` waits. `keys` and `line_keys` rename.
    """

    model_config = _STRICT

    statuses: Mapping[str, str] = Field(
        default_factory=lambda: {
            "Released": "open",
            "Confirmed": "open",
            "Received": "open",
            "Arrived": "open",
            "Closed": "closed",
            "Cancelled": "cancelled",
        }
    )
    not_sent: tuple[str, ...] = ("Planned",)
    dropped_lines: tuple[str, ...] = ("Cancelled",)
    lookup: str = "po_number"
    keys: Mapping[str, str] = Field(default_factory=dict)
    line_keys: Mapping[str, str] = Field(default_factory=dict)


class TermPointers(BaseModel):
    """Where the list of vendor payment terms keeps its values."""

    model_config = _STRICT

    vendor: Pointer = "/vendor/erp_reference_id"
    vendor_id: Pointer = "/vendor/airbase_id"
    vendor_name: Pointer = "/vendor/name"
    pointer: Pointer = "/payment_term"


class BornSupplier(BaseModel):
    """What a supplier made of a vendor begins with: an Airbase vendor has no country and no currency."""

    model_config = _STRICT

    country: str | None = None
    currency: str | None = None
    language: str | None = None
    pay_term: str | None = None


class AirbaseSettings(BaseModel):
    """The `airbase` section of a connection file.

    `credential` names the secret `<credential>/token` and, while tokens are exchanged, `<credential>/token_next`.
    `subsidiaries` gives each company its subsidiary's ERP reference where it is not the company's own code; records of
    `foreign_subsidiaries` are another connection's and left alone.
    """

    model_config = _STRICT

    base_url: str
    credential: str
    auth_scheme: Scheme = "Bearer"
    paths: Paths = Paths()
    subsidiaries: Mapping[str, str] = Field(default_factory=dict)
    foreign_subsidiaries: tuple[str, ...] = ()
    new_vendors: Literal["hold", "create"] = "hold"
    born_supplier: BornSupplier = BornSupplier()
    vendor_terms: TermPointers = TermPointers()
    purchase_orders: OrderSettings = OrderSettings()
    requests: RequestSettings | None = None
    payments_source: Literal["payments_api", "ledger_entries"] = "ledger_entries"
    payments: PaymentSettings | None = None
    code_parts: Mapping[str, str] = Field(default_factory=dict)  # CodeB: 300, for lines that have none
    verify: VerifySettings = VerifySettings()
    requests_per_second: int = Field(default=5, ge=1, le=1000)
    low_water_percent: int = Field(default=10, ge=0, le=100)
    low_water_pause_seconds: float = Field(default=60.0, ge=0)
    page_size: int = Field(default=250, ge=1, le=1000)
    read_seconds: float = Field(default=75.0, gt=0)
    write_seconds: float = Field(default=75.0, gt=0)
    settle_after_seconds: float = Field(default=75.0, ge=0)
    ifs_settle_after_seconds: float = Field(default=900.0, ge=0)

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("must be an https address")
        if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("must be a plain address, no user, query or fragment")
        return value.rstrip("/")

    @field_validator("code_parts")
    @classmethod
    def _letters(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        wrong = [name for name in value if name not in {f"Code{letter}" for letter in "BCDEFGHIJ"}]
        if wrong:
            raise ValueError(f"code parts are CodeB to CodeJ, not {', '.join(wrong)}")
        return value


SETTINGS = AirbaseSettings
