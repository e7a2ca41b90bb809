"""A token that all processes of one credential share, and that one of them renews at a time."""

import hashlib
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Protocol

import httpx
from pydantic import SecretStr
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from mlc_pipelines.errors import ConfigurationError, MlcError, TransientError
from mlc_pipelines.wire.addresses import checked, place
from mlc_pipelines.wire.bodies import BadPackingError, bounded, unpacked
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.faults import no_connection, reason
from mlc_pipelines.wire.memory import Token, TokenStore
from mlc_pipelines.wire.redaction import REDACTOR
from mlc_pipelines.wire.trust import trusted

_TRIES = 3
_MOST_BYTES = 1024 * 1024
_BODY_SECONDS = 60.0
_LONGEST_LIFE = 366 * 24 * 3600
_LONGEST_WAIT = 30.0
_BACKOFF = wait_random_exponential(multiplier=0.5, max=_LONGEST_WAIT)


class TokenUnavailableError(TransientError):
    """No token could be had now; the request it was for was not sent, and its own tries are used up."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after, refused=True)


class Auth(Protocol):
    """What proves our identity on each request."""

    def headers(self) -> Mapping[str, str]:
        """Give the headers for one request of this thread."""
        ...

    def renew(self) -> None:
        """Replace what `headers` last gave to this thread, because it was refused."""
        ...


class SharedToken(ABC):
    """Holds the token of one credential; what asks for a new one says how (`_ask`) and how it is shown (`_shown`).

    `asks` is all that a token is asked with: one that was asked with anything else is another app's, or may do less.
    """

    def __init__(
        self,
        *,
        credential: str,
        url: str,
        asks: Iterable[tuple[str, str | SecretStr]],
        store: TokenStore,
        clock: Clock,
        refresh: Callable[[int], float],
        timeout: float,
        setting: str,
    ) -> None:
        self._credential = credential
        self._url = url
        self._address = place(checked(f"{credential}: {setting}", url))
        self._asked = _digest([("credential", credential), ("url", url), *asks])
        self._store = store
        self._clock = clock
        self._refresh = refresh
        self._timeout = timeout
        self._held: Token | None = None
        self._lock = threading.Lock()
        self._thread = threading.local()

    @abstractmethod
    def _ask(self) -> tuple[SecretStr, int]:
        """Ask once for a new token; give it and the seconds it lives. TransientError is tried again."""

    @abstractmethod
    def _shown(self, token: str) -> Mapping[str, str]:
        """Write a token into the headers of a request."""

    def headers(self) -> Mapping[str, str]:
        """Give the headers with the token, renewing one that is due."""
        token = self._held
        if token is None or self._clock.now() >= token.refresh_at:
            token = self._fresh()
        self._thread.given = token.value
        return self._shown(token.value.get_secret_value())

    def renew(self) -> None:
        """Replace the token last given to this thread, unless somebody has done so already."""
        given: SecretStr | None = getattr(self._thread, "given", None)
        with self._lock:
            if self._held is not None and given is not None and self._held.value != given:
                return
            self._hold(self._renewed(given))

    def _fresh(self) -> Token:
        with self._lock:
            now = self._clock.now()
            token = self._held
            if token is None or now >= token.refresh_at:
                token = self._store.read(self._credential, self._asked) or token
            if token is None or now >= token.refresh_at:
                token = self._replaced(token)
            self._hold(token)
            return token

    def _replaced(self, due: Token | None) -> Token:
        try:
            return self._renewed(due.value if due else None)
        except TransientError:
            if due is None or self._clock.now() >= due.expires_at:
                raise
            return due  # still good for a while; the next request tries again

    def _renewed(self, refused: SecretStr | None) -> Token:
        value = None if refused is None else refused.get_secret_value()
        return self._store.renew(self._credential, self._mint, asked=self._asked, refused=value)

    def _hold(self, token: Token) -> None:
        if self._held is not None and self._held.value != token.value:
            REDACTOR.forget(self._held.value)
        REDACTOR.register(token.value)
        self._held = token

    def _mint(self) -> Token:
        retrying = Retrying(
            sleep=self._clock.sleep,
            retry=retry_if_exception_type(TransientError),
            wait=_wait,
            stop=stop_after_attempt(_TRIES),
            reraise=True,
        )
        asked_at = self._clock.now()
        value, says = retrying(self._ask)
        expires_in = min(says, _LONGEST_LIFE)
        return Token(
            value,
            refresh_at=asked_at + timedelta(seconds=self._refresh(expires_in)),
            expires_at=asked_at + timedelta(seconds=expires_in),
        )

    def _post(
        self, headers: Mapping[str, str], *, form: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> tuple[int, bytes, str]:
        """Post to the address: status, body and Retry-After of the answer."""
        try:
            with (
                httpx.Client(
                    trust_env=False, verify=trusted(), follow_redirects=False, timeout=self._timeout
                ) as client,
                client.stream("POST", self._url, data=form, content=content, headers=headers) as response,
            ):
                packed = unpacked(response.iter_raw(), response.headers.get("content-encoding", ""))
                body, _ = bounded(packed, most=_MOST_BYTES, seconds=_BODY_SECONDS)
                return response.status_code, body, response.headers.get("retry-after", "")
        except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
            raise self._unreached(exc) from exc
        except (httpx.LocalProtocolError, UnicodeEncodeError):
            # Its text repeats the header, and the header holds the secret.
            raise ConfigurationError(
                f"{self._credential}: client id or secret cannot be written into a request; set them again"
            ) from None
        except (httpx.RequestError, httpx.InvalidURL, BadPackingError, TimeoutError) as exc:
            raise TokenUnavailableError(f"{self._credential}: no token from {self._address} ({reason(exc)})") from exc

    def _unreached(self, exc: httpx.TransportError) -> MlcError:
        error = no_connection(f"{self._credential}: token", self._address, error=exc)
        return TokenUnavailableError(str(error)) if isinstance(error, TransientError) else error


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, TransientError) and error.retry_after is not None:
        return min(error.retry_after, _LONGEST_WAIT)
    return _BACKOFF(state)


def _digest(asks: Iterable[tuple[str, str | SecretStr]]) -> str:
    opened = [(name, value.get_secret_value() if isinstance(value, SecretStr) else value) for name, value in asks]
    return hashlib.sha256(json.dumps(opened).encode()).hexdigest()
