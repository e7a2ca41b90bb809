"""Feeds: where each kind of file lies, when it is whole, how it is laid out, and what becomes of it at the end.

No column, element or file name of Stampli's templates is public: they are agreed with each customer. All of it is
setting, and what has a default here is an assumption.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mlc_pipelines.integrations.stampli.fields import DIMENSION, INVOICE, ORDER, VENDOR, Shape

_STRICT = ConfigDict(extra="forbid", frozen=True)
DocumentType = Literal["INVOICE", "CREDIT"]
Status = Literal["PENDING", "APPROVED", "PAID", "REJECTED", "CANCELLED"]
Thousands = Literal[",", ".", " ", "\u00a0", "\u202f", "'", "\u2019"]


class DoneMarker(BaseModel):
    """How an uploader says that it is done: a file beside each (`suffix`), or one for the whole folder (`name`)."""

    model_config = _STRICT

    suffix: str = ".done"
    name: str | None = None


class Ready(BaseModel):
    """When a file is whole. `stable`: same size and time in two listings of ours, so many seconds apart."""

    model_config = _STRICT

    rule: Literal["stable", "done_marker", "either"] = "stable"
    settle_seconds: float = Field(default=30.0, ge=0)
    done_marker: DoneMarker = DoneMarker()


class Move(BaseModel):
    """Where finished files go."""

    model_config = _STRICT

    to: str = Field(pattern="^/")


class After(BaseModel):
    """What becomes of the remote file once all of it is in our ledger: `none`, `delete`, or `{move: {to: /folder}}`."""

    model_config = _STRICT

    remote: Literal["none", "delete"] | Mapping[Literal["move"], Move] = "none"

    @property
    def to(self) -> str | None:
        """The folder that files are moved to, if any."""
        return self.remote["move"].to if not isinstance(self.remote, str) else None


class FileLimits(BaseModel):
    """What is too much: such a file is refused whole, more files than that wait for the next poll."""

    model_config = _STRICT

    max_file_mb: int = Field(default=50, ge=1, le=500)
    max_files_per_poll: int = Field(default=500, ge=1)
    max_rows: int = Field(default=500_000, ge=1)


class Values(BaseModel):
    """How values are written, in CSV and XML alike."""

    model_config = _STRICT

    decimal: Literal[".", ","] = "."
    thousands: Thousands | None = None
    negative: tuple[Literal["leading", "trailing", "parentheses"], ...] = ("leading",)
    currency_signs: tuple[str, ...] = ()
    dates: tuple[str, ...] = Field(default=("%Y-%m-%d",), min_length=1)
    moments: tuple[str, ...] = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
    nulls: tuple[str, ...] = ()

    @field_validator("dates", "moments")
    @classmethod
    def _formats(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for form in value:
            try:
                datetime.strptime(datetime(2026, 12, 31).strftime(form), form)  # noqa: DTZ001, DTZ007 - only tries the form
            except ValueError as error:
                raise ValueError("each is a form such as %Y-%m-%d") from error
        return value

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError("decimal and thousands are the same sign")
        return self


class Trailer(BaseModel):
    """A last row that counts: known by its first cell, with count and sum at positions (the first is 1)."""

    model_config = _STRICT

    marker: str = Field(min_length=1)
    count: int | None = Field(default=None, ge=2)
    counts: Literal["rows", "records"] = "rows"
    sum: int | None = Field(default=None, ge=2)
    sum_of: str = "amount"


class Csv(BaseModel):
    """How CSV files are written."""

    model_config = _STRICT

    delimiter: Literal[",", ";", "\t", "|"] = ","
    quote: str | None = Field(default='"', min_length=1, max_length=1)
    escape: Literal["doubled", "backslash"] = "doubled"
    encoding: Literal["utf-8-sig", "cp1252", "utf-16", "latin-1"] = "utf-8-sig"
    header: bool = True
    skip_rows: int = Field(default=0, ge=0)
    trailer: Trailer | None = None
    rows: Literal["line", "record"] = "line"


class Xml(BaseModel):
    """How XML files are laid out: path of a record from the root, of a line below it, and of each field below those.

    A path is names parted by `/`, with `@attribute` at its end for an attribute; prefixes are those of `namespaces`.
    """

    model_config = _STRICT

    record: str = Field(min_length=1)
    line: str | None = None
    namespaces: Mapping[str, str] = Field(default_factory=dict)
    fields: Mapping[str, str]


class Stamp(BaseModel):
    """A time in the file name: a pattern with one group, and the form of what it finds."""

    model_config = _STRICT

    pattern: str = r"(\d{8}_\d{6})"
    form: str = "%Y%m%d_%H%M%S"


class Feed(BaseModel):
    """One folder of one kind of file. `columns` names the column of each field, or its position without a header."""

    model_config = _STRICT
    shape: ClassVar[Shape]

    directory: str = Field(pattern="^/")
    include: tuple[str, ...] = ("*.csv", "*.xml")
    exclude: tuple[str, ...] = (
        "*.tmp", "*.part", "*.filepart", "*.partial", "*.crdownload", "~*", ".*", "*.lock",
    )  # fmt: skip
    ready: Ready = Ready()
    csv: Csv = Csv()
    columns: Mapping[str, str] = Field(default_factory=dict)
    xml: Xml | None = None
    values: Values = Values()
    defaults: Mapping[str, str] = Field(default_factory=dict)
    group_by: tuple[str, ...] = ()
    stamp: Stamp | None = None
    after: After = After()
    limits: FileLimits = FileLimits()

    @model_validator(mode="after")
    def _layout_complete(self) -> Self:
        if not self.columns and self.xml is None:
            raise ValueError("say how files are laid out: columns for CSV, xml for XML, or both")
        for where, given in (("columns", self.columns), ("xml.fields", self.xml.fields if self.xml else {})):
            if given:
                self._check_fields(where, given)
        unknown = set(self.defaults) - self.shape.fields | set(self.group_by) - self.shape.header
        if unknown:
            raise ValueError(f"unknown fields {', '.join(sorted(unknown))}")
        if not self.csv.header and any(not place.isdecimal() or place == "0" for place in self.columns.values()):
            raise ValueError("without a header row columns are positions; the first is 1")
        return self

    def _check_fields(self, where: str, given: Mapping[str, str]) -> None:
        further = {
            name for name in given if name.startswith(DIMENSION) and name[len(DIMENSION) :] in tuple("BCDEFGHIJ")
        }
        unknown = set(given) - self.shape.fields - (further if self.shape.lines else set())
        if unknown:
            raise ValueError(f"{where}: unknown fields {', '.join(sorted(unknown))}")
        for must in self.shape.musts:
            if not any(name in given or name in self.defaults for name in must):
                raise ValueError(f"{where}: {' or '.join(must)} is missing")

    @property
    def grouped_by(self) -> tuple[str, ...]:
        """The fields that make rows one record."""
        return self.group_by or self.shape.group

    def layout_version(self) -> str:
        """Name the layout: another name when anything that reading depends on was changed."""
        told = self.model_dump_json(include={"csv", "columns", "xml", "values", "defaults", "group_by", "limits"})
        return hashlib.sha256(told.encode()).hexdigest()[:12]


def _plain_types() -> dict[str, DocumentType]:
    return {"INVOICE": "INVOICE", "CREDIT": "CREDIT"}


class InvoiceFeed(Feed):
    """Invoices. A status word that `status_map` lacks holds its invoice."""

    shape: ClassVar[Shape] = INVOICE

    status_map: Mapping[str, Status]
    post_when: tuple[Literal["PENDING", "APPROVED", "PAID"], ...] = ("APPROVED", "PAID")
    document_types: Mapping[str, DocumentType] = Field(default_factory=_plain_types)


class VendorFeed(Feed):
    """Vendors. `new`: an unknown one is only remembered, held, or made a supplier."""

    shape: ClassVar[Shape] = VENDOR

    new: Literal["remember", "hold", "create"] = "remember"


class OrderFeed(Feed):
    """Purchase orders: remembered as reference data."""

    shape: ClassVar[Shape] = ORDER


class Feeds(BaseModel):
    """The folders that are read."""

    model_config = _STRICT

    invoices: InvoiceFeed
    vendors: VendorFeed | None = None
    purchase_orders: OrderFeed | None = None
