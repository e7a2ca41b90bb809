"""The one tree of errors; what a caller may do next is the class.

MlcError
├── ConfigurationError      stop this connection: a person fixes settings or access rights
├── TransientError          try again later: the other side is down, slow or says wait
│   └── NotYetError         this record waits for another one; the other side is well
├── RecordError             hold this record and go on with the rest; names its cause
│   └── StaleRecordError    the record changed after it was read: read it again and decide again
├── OutcomeUnknownError     a write was sent and its answer lost: look before sending again
└── StorageError            our own database cannot answer: stop, the next run goes on from what is committed
"""

import re
from enum import StrEnum

LONGEST = 1000
"""Signs of a message that anybody reads."""

_ILLEGIBLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def legible(text: str, most: int = LONGEST) -> str:
    """Give a text as it can be shown and kept: on one line, without half signs, and cut where it is too long."""
    if len(text) <= most and text.isprintable():  # as nearly all are: a glance
        return text
    plain = _ILLEGIBLE.sub(lambda found: " " if found[0].isspace() else "\ufffd", text[: most + 1])
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


class Cause(StrEnum):
    """Why a record is held or ignored; `flows/causes.py` has the sentence for each."""

    ACCOUNT_UNMAPPED = "account_unmapped"
    DIMENSION_UNMAPPED = "dimension_unmapped"
    ENTITY_UNMAPPED = "entity_unmapped"
    TAX_UNMAPPED = "tax_unmapped"
    SUPPLIER_UNKNOWN = "supplier_unknown"
    SUPPLIER_INCOMPLETE = "supplier_incomplete"
    VENDOR_UNKNOWN = "vendor_unknown"
    VENDOR_CONFLICT = "vendor_conflict"
    BORN_IN_TARGET = "born_in_target"
    NOT_OURS = "not_ours"
    ALREADY_KNOWN = "already_known"
    PERIOD_CLOSED = "period_closed"
    AMOUNT_MISMATCH = "amount_mismatch"
    AMOUNT_INEXACT = "amount_inexact"
    CREDIT_NOTE = "credit_note"
    NEGATIVE_LINE = "negative_line"
    CANCELLED = "cancelled"
    NOT_READY = "not_ready"
    CHANGED_AFTER_DELIVERY = "changed_after_delivery"
    CANCELLED_AFTER_DELIVERY = "cancelled_after_delivery"
    CHANGED_ELSEWHERE = "changed_elsewhere"
    SENT_ELSEWHERE = "sent_elsewhere"
    DUPLICATE_SUSPECTED = "duplicate_suspected"
    INVOICE_UNKNOWN = "invoice_unknown"
    REJECTED_BY_TARGET = "rejected_by_target"
    REJECTED_IN_TARGET = "rejected_in_target"
    UNREADABLE = "unreadable"
    OUTCOME_UNSETTLED = "outcome_unsettled"
    CLOSED_BY_HAND = "closed_by_hand"


class MlcError(Exception):
    """Anything this project raises on purpose. The message reads: where, what, which value, what next.

    A value may come from anybody, so that the message is legible whatever the value was.
    """

    def __str__(self) -> str:
        return legible(super().__str__())


class ConfigurationError(MlcError):
    """Settings, secrets or rights are wrong; nothing of this connection can go on. Each line is about one of them."""

    def __str__(self) -> str:
        return "\n".join(map(legible, Exception.__str__(self).split("\n")))


class TransientError(MlcError):
    """The other side cannot answer now.

    `retry_after` is in seconds, as the other side asked; `refused` is true when the request was provably not
    performed (no connection, 429), so that even a create may be sent again.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, refused: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.refused = refused


class NotYetError(TransientError):
    """One record waits for another to arrive first; nothing was sent, and the other side is well."""

    def __init__(self, message: str) -> None:
        super().__init__(message, refused=True)


class RecordError(MlcError):
    """One record cannot go on. `key` names what must change, as `kind:value` (`account:10^4010`)."""

    def __init__(self, message: str, *, cause: Cause, key: str | None = None) -> None:
        super().__init__(message)
        self.cause = cause
        self.key = key


class StaleRecordError(RecordError):
    """The record changed between our read and our write (HTTP 412)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, cause=Cause.CHANGED_ELSEWHERE)


class OutcomeUnknownError(MlcError):
    """A write was sent and no answer came: it may have been performed."""


class StorageError(MlcError):
    """Our own database is full, locked or away. Nothing goes on without it; what was committed stays."""
