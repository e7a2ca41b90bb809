"""What every test starts from."""

import pytest

from mlc_pipelines.wire.redaction import REDACTOR


@pytest.fixture(autouse=True)
def forget_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what one test registers as secret from masking the words of the next one."""
    monkeypatch.setattr(REDACTOR, "_known", dict(REDACTOR._known))
    monkeypatch.setattr(REDACTOR, "_pattern", REDACTOR._pattern)
