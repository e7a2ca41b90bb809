"""Our errors as Dagster failures: the sentence alone, and a retry only when the other side is down."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from mlc_pipelines.errors import MlcError, OutcomeUnknownError, TransientError
from mlc_pipelines.ledger.leases import LeaseTakenError

PATIENCE = dg.RetryPolicy(max_retries=2, delay=20, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""For "the other side is down" only; everything else fails at once."""

_PASSING = (TransientError, OutcomeUnknownError, LeaseTakenError)


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn an error of ours into a failure that says its sentence."""
    try:
        yield
    except MlcError as error:
        raise dg.Failure(str(error), allow_retries=isinstance(error, _PASSING)) from None
