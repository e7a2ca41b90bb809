"""Proving who we are: bearer tokens by OAuth 2 client credentials. The only place that opens secrets to send them."""

import base64
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Literal, Protocol

import httpx
from pydantic import SecretStr
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from mlc_pipelines.errors import ConfigurationError, MlcError, TransientError
from mlc_pipelines.wire.addresses import checked, place
from mlc_pipelines.wire.bodies import bounded, from_json
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.faults import no_connection, reason
from mlc_pipelines.wire.memory import Token, TokenStore
from mlc_pipelines.wire.redaction import REDACTOR

_TRIES = 3
_MOST_BYTES = 1024 * 1024
_LONGEST_TEXT = 200
_LONGEST_WAIT = 30.0
_UNSAID_LIFETIME = 300  # assumed when the answer names no expires_in, which the standard allows
_WAIT = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_BACKOFF = wait_random_exponential(multiplier=0.5, max=_LONGEST_WAIT)
_NEXT = {
    "invalid_client": "client id or secret is wrong, or the client is switched off: check both and set them again",
    "unauthorized_client": "the client may not use the client credentials grant: allow it there",
    "invalid_grant": "the grant is refused: check the client's service user there",
    "invalid_scope": "a scope is not granted to the client: grant it there or take it out of the settings",
    "access_denied": "access is denied: check the client's rights there",
    "unsupported_grant_type": "client credentials are not offered: check token_url",
}


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
        """Replace what `headers` last gave to this thread, because it was answered with 401."""
        ...


def ifs_refresh(longest: float = 3000.0) -> Callable[[int], float]:
    """Refresh IFS tokens after `longest` seconds at most, earlier when they live shorter (180 s tokens were seen)."""

    def after(expires_in: int) -> float:
        return min(longest, max(expires_in - max(30.0, 0.1 * expires_in), 0.5 * expires_in))

    return after


def ramp_refresh(expires_in: int) -> float:
    """Refresh Ramp tokens an hour before they end (they are documented to live ten days), short ones half way."""
    return expires_in - 3600.0 if expires_in > 2 * 3600 else 0.5 * expires_in


class ClientCredentials:
    """Bearer tokens of one credential, shared through the store with every other process that uses it."""

    def __init__(
        self,
        *,
        credential: str,
        token_url: str,
        client_id: SecretStr,
        client_secret: SecretStr,
        store: TokenStore,
        clock: Clock,
        refresh: Callable[[int], float],
        scope: str = "",
        style: Literal["body", "basic"] = "body",
        timeout: float = 30.0,
    ) -> None:
        self._credential = credential
        self._token_url = token_url
        self._address = place(checked(f"{credential}: token_url", token_url))
        self._client_id = client_id
        self._client_secret = client_secret
        self._scope = scope
        self._style = style
        self._store = store
        self._clock = clock
        self._refresh = refresh
        self._timeout = timeout
        self._held: Token | None = None
        self._lock = threading.Lock()
        self._thread = threading.local()
        REDACTOR.register(client_secret)

    def headers(self) -> Mapping[str, str]:
        """Give the bearer header, renewing a token that is due."""
        token = self._held
        if token is None or self._clock.now() >= token.refresh_at:
            token = self._fresh()
        self._thread.given = token.value
        return {"Authorization": f"Bearer {token.value.get_secret_value()}"}

    def renew(self) -> None:
        """Replace the token last given to this thread, unless somebody has done so already."""
        given: SecretStr | None = getattr(self._thread, "given", None)
        with self._lock:
            if self._held is not None and given is not None and self._held.value != given:
                return
            self._hold(self._store.renew(self._credential, self._mint, refused=_opened(given)))

    def _fresh(self) -> Token:
        with self._lock:
            now = self._clock.now()
            token = self._held if self._held and now < self._held.refresh_at else self._store.read(self._credential)
            if token is None or now >= token.refresh_at:
                token = self._replaced(token)
            self._hold(token)
            return token

    def _replaced(self, due: Token | None) -> Token:
        try:
            return self._store.renew(self._credential, self._mint, refused=_opened(due.value if due else None))
        except TransientError:
            if due is None or self._clock.now() >= due.expires_at:
                raise
            return due  # still good for a while; the next request tries again

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
        value, expires_in = retrying(self._ask)
        return Token(
            value,
            refresh_at=asked_at + timedelta(seconds=self._refresh(expires_in)),
            expires_at=asked_at + timedelta(seconds=expires_in),
        )

    def _ask(self) -> tuple[SecretStr, int]:
        form, headers = self._request()
        try:
            with (
                httpx.Client(trust_env=False, follow_redirects=False, timeout=self._timeout) as client,
                client.stream("POST", self._token_url, data=form, headers=headers) as response,
            ):
                body, _ = bounded(response.iter_bytes(), most=_MOST_BYTES)
                status, asked = response.status_code, response.headers.get("retry-after", "")
        except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
            raise self._unreached(exc) from exc
        except httpx.LocalProtocolError:
            # Its text repeats the header, and the header holds the secret.
            raise ConfigurationError(
                f"{self._credential}: client id or secret cannot be written into a request; set them again"
            ) from None
        except (httpx.RequestError, httpx.InvalidURL) as exc:
            raise TokenUnavailableError(f"{self._credential}: no token from {self._address} ({reason(exc)})") from exc
        if status == HTTPStatus.OK:
            return self._token(body)
        raise self._refusal(status, body, asked)

    def _request(self) -> tuple[dict[str, str], dict[str, str]]:
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        name, secret = self._client_id.get_secret_value(), self._client_secret.get_secret_value()
        if self._style == "body":
            return form | {"client_id": name, "client_secret": secret}, headers
        pair = base64.b64encode(f"{name}:{secret}".encode()).decode()
        return form, headers | {"Authorization": f"Basic {pair}"}

    def _token(self, body: bytes) -> tuple[SecretStr, int]:
        answer = _fields(body)
        value = answer.get("access_token")
        if not isinstance(value, str) or not value:
            raise ConfigurationError(f"{self._credential}: {self._address} answers without a token; check token_url")
        try:
            lifetime = int(answer.get("expires_in") or _UNSAID_LIFETIME)
        except (TypeError, ValueError):
            lifetime = _UNSAID_LIFETIME
        return SecretStr(value), max(lifetime, 1)

    def _refusal(self, status: int, body: bytes, retry_after: str) -> MlcError:
        answer = _fields(body)
        code, text = answer.get("error"), answer.get("error_description")
        said = f"{self._credential}: {self._address} gives no token: HTTP {status}"
        if isinstance(code, str):
            said += f" {code}"
        if isinstance(text, str):
            said += f" ({REDACTOR.redact(' '.join(text.split()))[:_LONGEST_TEXT]})"
        if status in _WAIT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            seconds = float(retry_after) if retry_after.strip().isdecimal() else None
            return TokenUnavailableError(said, retry_after=seconds)
        if status == HTTPStatus.NOT_FOUND:
            return ConfigurationError(f"{said}; there is no such realm or path: check token_url")
        if status < HTTPStatus.BAD_REQUEST:
            return ConfigurationError(f"{said}; the address answers with a redirect: check token_url")
        return ConfigurationError(f"{said}; {_NEXT.get(str(code), 'check the client and its secret')}")

    def _unreached(self, exc: httpx.TransportError) -> MlcError:
        error = no_connection(f"{self._credential}: token", self._address, error=exc)
        return TokenUnavailableError(str(error)) if isinstance(error, TransientError) else error


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, TransientError) and error.retry_after is not None:
        return min(error.retry_after, _LONGEST_WAIT)
    return _BACKOFF(state)


def _opened(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()


def _fields(body: bytes) -> dict[str, Any]:
    try:
        answer = from_json(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
