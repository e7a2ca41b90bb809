"""What goes into the ledger and what comes out: frozen records."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import msgspec
from msgspec import structs

from mlc_pipelines.errors import Cause, legible
from mlc_pipelines.ledger.states import Stage, State

MICROS = 6
_MICRO = Decimal(1).scaleb(-MICROS)
_MOST = Decimal(2**63 - 1).scaleb(-MICROS)  # what a database's whole number holds

LONGEST_WORD = 1000
"""Bytes of a key, a reference or an id: an index of PostgreSQL takes rows of no more than 2,700."""

LONGEST_SHOWN = 300
"""Signs of a label or a name, which are there to be looked at."""

CURRENCY_SIGNS = 3

_UNKEPT = re.compile(r"[\x00\ud800-\udfff]")


def is_kept(text: str) -> bool:
    """Tell whether a database takes a text: none takes half a sign, and PostgreSQL no NUL."""
    return _UNKEPT.search(text) is None


def is_word(text: str) -> bool:
    """Tell whether a text can be a key or an id: there, kept by any database, and not longer than an index takes."""
    if text.isascii() and text.isprintable():  # as nearly all are: a glance
        return 0 < len(text) <= LONGEST_WORD
    return is_kept(text) and len(text.encode()) <= LONGEST_WORD


def to_micros(amount: Decimal | None) -> int | None:
    """Give an amount in whole millionths of its unit; raise ValueError when it has finer places or is too large."""
    if amount is None:
        return None
    if not amount.is_finite() or amount.copy_abs() > _MOST:
        raise ValueError(f"amount {amount:.2E} is beyond what the ledger counts")
    counted = amount.quantize(_MICRO)
    if counted != amount:
        raise ValueError(f"amount {amount:.20g} has more than {MICROS} decimal places")
    return int(counted.scaleb(MICROS))


def from_micros(micros: int | None) -> Decimal | None:
    """Give the amount back, without a trail of zeros beyond two places."""
    if micros is None:
        return None
    amount = Decimal(micros).scaleb(-MICROS)
    cents = amount.quantize(Decimal("0.01"))
    return cents if cents == amount else amount.normalize()


class SourceRecord(msgspec.Struct, frozen=True, gc=False):
    """One record as the source gave it.

    `content` is the original (never changed afterwards); `fingerprint` is over what matters to the target, so that
    our own marks in the source do not look like a change. `tag` is the source's own version mark. A record with
    a `problem` is written down all the same and held.
    """

    key: str
    company: str
    content: bytes
    fingerprint: str
    tag: str | None = None
    label: str = ""
    partner: str = ""
    amount: Decimal | None = None
    currency: str | None = None
    dated: date | None = None
    problem: str | None = None

    def misfit(self) -> str | None:
        """Say why no ledger can keep the record as it is; None for one that it can."""
        words = {"key": self.key, "company": self.company, "tag": self.tag, "currency": self.currency}
        for name, text in words.items():
            if text and not is_word(text):
                return f"its {name} is {legible(text, 60)!r}, which cannot be kept"
        if not self.key:
            return "it has no key"
        if self.currency is not None and len(self.currency) != CURRENCY_SIGNS:
            return f"its currency is {legible(self.currency, 60)!r}, which is none"
        return None

    def legible(self) -> "SourceRecord":
        """Give the record with label and partner as they can be shown."""
        label, partner = legible(self.label, LONGEST_SHOWN), legible(self.partner, LONGEST_SHOWN)
        shown = (label, partner) == (self.label, self.partner)
        return self if shown else structs.replace(self, label=label, partner=partner)


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of one source record, as it stands in the ledger."""

    id: int
    connection: str
    flow: str
    company: str
    key: str
    version: int
    state: State
    stage: Stage
    since: datetime
    fingerprint: str
    label: str
    partner: str
    amount: Decimal | None
    currency: str | None
    dated: date | None
    cause: Cause | None
    cause_key: str | None
    problem: str | None
    reference: str | None
    external_id: str | None
    confirmation: str | None
    attempts: int
    chain_seq: int
    chain_head: str
    source: bytes = b""
    payload: bytes | None = None
    latest: bool = True
    pruning: int | None = None  # the pruning that put its documents and events into an archive


@dataclass(frozen=True, slots=True)
class Hold:
    """Why an entry stops here."""

    cause: Cause
    problem: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Translated:
    """What translation made of a source record."""

    payload: bytes
    reference: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A record that by rule is not carried, and the reason; with a `key` it is looked at again when that changes."""

    cause: Cause
    problem: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Landed:
    """The target has it: its id there, and facts for the trail (never a payload)."""

    external_id: str
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Postponed:
    """The other side could not answer; nothing was written there."""

    problem: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, and the answer lost. It may never have been `sent` where its worker stopped."""

    problem: str
    sent: bool = True


@dataclass(frozen=True, slots=True)
class Absent:
    """Looked for, and not there: it may be sent again. `sent` as of the write that was looked for."""

    sent: bool = True


Outcome = Landed | Hold | Postponed | Unknown | Absent
