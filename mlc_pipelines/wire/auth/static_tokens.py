"""Tokens made by hand in a vendor's portal: the one in use, and the next one while they are being exchanged."""

import threading
from collections.abc import Mapping, Sequence

from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.wire.redaction import REDACTOR


class StaticTokens:
    """Shows one token until it is refused, then the next; when none is left, a person must make one."""

    def __init__(self, *, credential: str, tokens: Sequence[SecretStr], scheme: str = "Bearer") -> None:
        self._credential = credential
        self._tokens = tuple(tokens)
        self._scheme = scheme
        self._current = 0
        self._lock = threading.Lock()
        self._thread = threading.local()
        for token in tokens:
            REDACTOR.register(token)

    def headers(self) -> Mapping[str, str]:
        """Give the header with the token in use."""
        self._thread.given = self._current
        return {"Authorization": f"{self._scheme} {self._tokens[self._current].get_secret_value()}"}

    def renew(self) -> None:
        """Go on to the next token; ConfigurationError when every one has been refused."""
        with self._lock:
            if self._current != getattr(self._thread, "given", self._current):
                return  # another thread has gone on already
            if self._current + 1 == len(self._tokens):
                raise ConfigurationError(
                    f"{self._credential}: the token is refused ({self._scheme}); check the word before it "
                    "(auth_scheme), or make a new token in the portal and set it"
                )
            self._current += 1
