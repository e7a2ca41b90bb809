"""Errors as Dagster shows them: a sentence, what may be done next, and no secret."""

import dagster as dg
import pytest
from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError, MlcError, TransientError
from mlc_pipelines.orchestration.failures import told_plainly
from mlc_pipelines.wire.redaction import REDACTOR

SECRET = "canary-7781-secret"


@pytest.fixture(autouse=True)
def known() -> None:
    REDACTOR.register(SecretStr(SECRET))


@pytest.mark.parametrize(("error", "again"), [(ConfigurationError, False), (TransientError, True)])
def test_an_error_of_ours_says_its_sentence(error: type[MlcError], again: bool) -> None:
    """Without the secret that somebody put into it."""
    with pytest.raises(dg.Failure) as caught, told_plainly():
        raise error(f"ifs: it says {SECRET}")
    assert (caught.value.description, caught.value.allow_retries) == ("ifs: it says [redacted]", again)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_any_other_error_says_its_kind_and_where_it_was() -> None:
    """Its words, and those of what caused it, are kept without secrets; it is not tried again."""

    def work() -> None:
        known: dict[str, str] = {}
        try:
            known[SECRET]
        except KeyError as error:
            raise ValueError(f"header Bearer {SECRET}") from error

    with pytest.raises(dg.Failure) as caught, told_plainly():
        work()
    assert (caught.value.description, caught.value.allow_retries) == ("unexpected ValueError", False)
    assert caught.value.__suppress_context__
    where = str(caught.value.metadata["traceback"].value)
    assert "in work" in where
    assert "KeyError" in where
    assert SECRET not in where
