"""What a tenant must tell us about its IFS Cloud: addresses, limits, and the names of sets and attributes."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mlc_pipelines.ifs import names

_STRICT = ConfigDict(extra="forbid", frozen=True)


class SetSettings(BaseModel):
    """Where one kind of record lives and what its attributes are called.

    `child` is the nested collection below one company's record of `set`, for data that IFS only gives per company;
    `{letter}` in it stands for a code part letter. `aliases` are the tenant's names where they differ from the
    usual ones: for the set itself, and as `lines.amount` for the records of the child collection `lines`.
    """

    model_config = _STRICT

    service: str
    set: str
    channel: Literal["main", "int", "b2b"] = "main"
    kind: Literal["projection", "entity"] = "projection"
    child: str | None = None
    modified_attribute: str | None = None
    children: Mapping[str, str] = Field(default_factory=dict)
    aliases: Mapping[str, str] = Field(default_factory=dict)
    reference_fields: tuple[str, str] | None = None
    write: Literal["proposal_insert"] | None = None
    select: bool = False

    @property
    def root(self) -> str:
        """Path of the service, with a slash at its end."""
        return f"/{self.channel}/ifsapplications/{self.kind}/v1/{self.service}.svc/"


DEFAULT_SETS: Mapping[str, Mapping[str, Any]] = {
    "posting_proposal": {
        "service": "PostingProposalHandling",
        "set": "PostingProposalHeadSet",
        "modified_attribute": "ModifiedDate",
        "children": {"lines": "PostingProposalLines"},
        "write": "proposal_insert",
    },
    "voucher": {
        "service": "VoucherHandling",
        "set": "VoucherSet",
        "children": {"rows": "VoucherRows"},
        "reference_fields": ["ReferenceSerie", "ReferenceNumber"],
    },
    "voucher_row": {"service": "VoucherRowsAnalysis", "set": "VoucherRowSet"},
    "supplier": {
        "service": "SupplierHandling",
        "set": "SupplierInfoGeneralSet",
        "children": {"addresses": "SupplierInfoAddresses", "companies": "SupplierInvoiceCompanies"},
    },
    "purchase_order": {
        "service": "PurchaseOrderHandling",
        "set": "PurchaseOrderSet",
        "children": {"part": "LinePartArray", "nopart": "LineNopartArray"},
    },
    "account": {"service": "AccountHandling", "set": "CompanyFinanceSet", "child": "AccountArray"},
    "code_part": {"service": "CodePartValuesHandling", "set": "CompanyFinanceSet", "child": "Code{letter}Array"},
    "company": {"service": "CompanyHandling", "set": "CompanySet"},
    "payment_term": {"service": "PaymentTermHandling", "set": "PaymentTermSet"},
    "accounting_period": {"service": "AccountingPeriodsHandling", "set": "AccountingPeriodSet"},
}

OPTIONAL_SETS = frozenset({"supplier_invoice"})
"""Sets that are asked only where a tenant names them: `supplier_invoice` lists finally posted invoices too."""

NAMES: Mapping[str, Mapping[str, str]] = {
    "posting_proposal": names.PROPOSAL,
    "posting_proposal.lines": names.PROPOSAL_LINE,
    "supplier_invoice": names.SUPPLIER_INVOICE,
    "voucher": names.VOUCHER,
    "voucher.rows": names.VOUCHER_ROW,
    "voucher_row": names.VOUCHER_ROW,
    "supplier": names.SUPPLIER,
    "supplier.addresses": names.SUPPLIER_ADDRESS,
    "supplier.companies": names.SUPPLIER_COMPANY,
    "purchase_order": names.PURCHASE_ORDER,
    "purchase_order.part": names.PURCHASE_ORDER_LINE,
    "purchase_order.nopart": names.PURCHASE_ORDER_LINE,
    "account": names.ACCOUNT,
    "code_part": names.CODE_PART_VALUE,
    "company": names.COMPANY,
    "payment_term": names.PAYMENT_TERM,
    "accounting_period": names.ACCOUNTING_PERIOD,
}


class PaidMarks(BaseModel):
    """The attributes of an invoice that say how it was paid; an attribute set to null is not written."""

    model_config = _STRICT

    status: str | None = "Cf_Paid_Status"
    date: str | None = "Cf_Paid_Date"
    reference: str | None = "Cf_Payment_Reference"


class Marks(BaseModel):
    """The custom fields this project writes on an invoice; null for one that the tenant does not have."""

    model_config = _STRICT

    sent: str | None = "Cf_Spend_Reference"
    paid: PaidMarks = PaidMarks()

    def names(self) -> dict[str, str]:
        """Logical name and attribute of each mark that the tenant has."""
        marks = {
            "sent": self.sent,
            "paid_status": self.paid.status,
            "paid_date": self.paid.date,
            "payment_reference": self.paid.reference,
        }
        return {name: attribute for name, attribute in marks.items() if attribute is not None}


class IfsSettings(BaseModel):
    """One tenant's IFS Cloud."""

    model_config = _STRICT

    base_url: str
    token_url: str
    credential: str
    scope: str = "openid microprofile-jwt"
    token_refresh_seconds: int = Field(default=3000, ge=1, le=3000)
    page_size: int = Field(default=1000, ge=1, le=5000)
    # A cloud tenant takes about 1000 a minute; a higher figure is for a tenant that lifted its limit, or a test.
    requests_per_minute: int = Field(default=900, ge=1, le=100_000)
    # A write may last 15 minutes in IFS before others see it, with the time at which it began; times are often those
    # of the server's place (both documented), where clocks go back by an hour once a year.
    overlap_minutes: int = Field(default=80, ge=0, le=24 * 60)
    timezone_aware_header: bool = False
    batch: bool = True
    # How the status of an accounting period says that it may be posted to; without a word periods are not asked for.
    open_periods: tuple[str, ...] = ("Open",)
    read_seconds: float = Field(default=120.0, gt=0)
    write_seconds: float = Field(default=300.0, gt=0)
    sets: Mapping[str, SetSettings] = Field(default_factory=dict, validate_default=True)
    marks: Marks = Marks()

    @field_validator("base_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/") or parts.query:
            raise ValueError(f"{value} is not an origin such as https://acme.ifs.cloud")
        return value.rstrip("/")

    @field_validator("sets", mode="before")
    @classmethod
    def _over_the_defaults(cls, value: Any) -> dict[str, Any]:
        given = dict(value or {})
        known = {*DEFAULT_SETS, *OPTIONAL_SETS}
        unknown = sorted(set(given) - known)
        if unknown:
            raise ValueError(f"unknown set {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        merged = {}
        for name in [*DEFAULT_SETS, *(each for each in sorted(OPTIONAL_SETS) if given.get(each) is not None)]:
            own = given.get(name) or {}
            merged[name] = own if isinstance(own, SetSettings) else _merge(DEFAULT_SETS.get(name, {}), own)
        return merged

    @model_validator(mode="after")
    def _known_aliases(self) -> "IfsSettings":
        for name, settings in self.sets.items():
            for alias in settings.aliases:
                child, dot, logical = alias.rpartition(".")
                known = NAMES.get(f"{name}.{child}" if dot else name, {})
                if logical not in known:
                    raise ValueError(f"sets.{name}.aliases: unknown name {alias}; known are {', '.join(sorted(known))}")
        return self

    def names(self, set_name: str, child: str | None = None) -> dict[str, str]:
        """Logical name → attribute of a set, or of one of its child collections, with the tenant's aliases applied."""
        settings = self.sets[set_name]
        known = dict(NAMES.get(f"{set_name}.{child}" if child else set_name, {}))
        if set_name == "voucher_row":  # what is written on the rows of a voucher is looked for there
            known |= self._references()
        for alias, attribute in settings.aliases.items():
            of_child, _, logical = alias.rpartition(".")
            if of_child == (child or ""):
                known[logical] = attribute
        if child is None and "modified" in known and settings.modified_attribute is not None:
            known["modified"] = settings.modified_attribute
        if set_name == "posting_proposal" and child is None:
            known |= self.marks.names()
        if set_name == "voucher" and child == "rows":
            known |= self._references()
        return known

    def _references(self) -> dict[str, str]:
        fields = self.sets["voucher"].reference_fields
        return dict(zip(("reference_serie", "reference_number"), fields, strict=True)) if fields else {}


def _merge(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**defaults, **own}
    for table in ("children",):
        if table in defaults and own.get(table) is not None:
            merged[table] = {**defaults[table], **own[table]}
    return merged
