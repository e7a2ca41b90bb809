"""Our errors as Dagster failures: the sentence alone, and a retry only when the other side is down."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from mlc_pipelines.errors import ConfigurationError, MlcError, OutcomeUnknownError, StorageError, TransientError
from mlc_pipelines.ledger.leases import LeaseTakenError
from mlc_pipelines.wire.redaction import REDACTOR

PATIENCE = dg.RetryPolicy(max_retries=2, delay=20, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""For "the other side is down", and our own database, only; everything else fails at once."""

ERROR_MARK = "error"
"""Where a failure says which class of error it comes from."""

_BROAD = (ConfigurationError, TransientError, OutcomeUnknownError)
_PASSING = (TransientError, OutcomeUnknownError, StorageError, LeaseTakenError)


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn an error of ours into a failure that says its sentence; of any other one, all but the secrets is told."""
    try:
        yield
    except MlcError as error:
        marks = {ERROR_MARK: dg.MetadataValue.text(_class_of(error))}
        said = REDACTOR.redact(str(error))
        raise dg.Failure(said, metadata=marks, allow_retries=isinstance(error, _PASSING)) from None
    except Exception as error:  # noqa: BLE001  # Dagster would keep all of its words, and those of its causes
        kind = type(error).__name__
        where = REDACTOR.redact(traceback.format_exc())
        marks = {ERROR_MARK: dg.MetadataValue.text(kind), "traceback": dg.MetadataValue.text(where)}
        raise dg.Failure(f"unexpected {kind}", metadata=marks, allow_retries=False) from None


def _class_of(error: MlcError) -> str:
    """Name the class that says what may be done next, whatever the narrower class is called."""
    narrow = next((kind for kind in _BROAD if isinstance(error, kind)), type(error))
    return narrow.__name__
