"""What every test starts from."""

import signal

import pytest

from mlc_pipelines.wire.redaction import REDACTOR


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs that tests start, also where the tests run in the background of a shell."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def forget_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what one test registers as secret from masking the words of the next one."""
    monkeypatch.setattr(REDACTOR, "_known", dict(REDACTOR._known))
    monkeypatch.setattr(REDACTOR, "_written", REDACTOR._written)
    monkeypatch.setattr(REDACTOR, "_told", dict(REDACTOR._told))
    monkeypatch.setattr(REDACTOR, "_spelled", REDACTOR._spelled)
