"""Bearer tokens by OAuth 2 client credentials."""

import base64
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Literal

from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError, MlcError
from mlc_pipelines.wire.auth.shared_token import SharedToken, TokenUnavailableError
from mlc_pipelines.wire.bodies import from_json, to_json
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.memory import TokenStore
from mlc_pipelines.wire.redaction import REDACTOR

_LONGEST_TEXT = 200
_UNSAID_LIFETIME = 300  # assumed when the answer names no expires_in, which the standard allows
_WAIT = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_NEXT = {
    "invalid_client": "client id or secret is wrong, or the client is switched off: check both and set them again",
    "unauthorized_client": "the client may not use the client credentials grant: allow it there",
    "invalid_grant": "the grant is refused: check the client's service user there",
    "invalid_scope": "a scope is not granted to the client: grant it there or take it out of the settings",
    "access_denied": "access is denied: check the client's rights there",
    "unsupported_grant_type": "client credentials are not offered: check token_url",
}


def ifs_refresh(longest: float = 3000.0) -> Callable[[int], float]:
    """Refresh IFS tokens after `longest` seconds at most, earlier when they live shorter (180 s tokens were seen)."""

    def after(expires_in: int) -> float:
        return min(longest, max(expires_in - max(30.0, 0.1 * expires_in), 0.5 * expires_in))

    return after


def ramp_refresh(expires_in: int) -> float:
    """Refresh Ramp tokens an hour before they end (they are documented to live ten days), short ones half way."""
    return expires_in - 3600.0 if expires_in > 2 * 3600 else 0.5 * expires_in


class ClientCredentials(SharedToken):
    """Bearer tokens of one credential, shared through the store with every other process that uses it.

    `style` says where id and secret go: into a form, into HTTP Basic beside a form, or into a JSON body; `extra` are
    further fields of the request, such as an audience.
    """

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
        extra: Mapping[str, str] | None = None,
        style: Literal["body", "basic", "json"] = "body",
        timeout: float = 30.0,
    ) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._fields = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {}) | dict(extra or {})
        self._style = style
        super().__init__(
            credential=credential,
            url=token_url,
            asks=(("client_id", client_id), ("client_secret", client_secret), *self._fields.items()),
            store=store,
            clock=clock,
            refresh=refresh,
            timeout=timeout,
            setting="token_url",
        )
        REDACTOR.register(client_secret)
        REDACTOR.register(SecretStr(self._pair()))  # it opens as much

    def _shown(self, token: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token}"}

    def _ask(self) -> tuple[SecretStr, int]:
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        name, secret = self._client_id.get_secret_value(), self._client_secret.get_secret_value()
        named = self._fields | {"client_id": name, "client_secret": secret}
        if self._style == "json":
            status, body, asked = self._post(headers | {"Content-Type": "application/json"}, content=to_json(named))
        elif self._style == "body":
            status, body, asked = self._post(headers, form=named)
        else:
            status, body, asked = self._post(headers | {"Authorization": f"Basic {self._pair()}"}, form=self._fields)
        if status == HTTPStatus.OK:
            return self._token(body)
        raise self._refusal(status, body, asked)

    def _pair(self) -> str:
        name, secret = self._client_id.get_secret_value(), self._client_secret.get_secret_value()
        return base64.b64encode(f"{name}:{secret}".encode(errors="replace")).decode()

    def _token(self, body: bytes) -> tuple[SecretStr, int]:
        answer = _fields(body)
        value = answer.get("access_token")
        if not isinstance(value, str) or not value:
            raise ConfigurationError(f"{self._credential}: {self._address} answers without a token; check token_url")
        try:
            lifetime = int(float(answer.get("expires_in") or _UNSAID_LIFETIME))
        except (TypeError, ValueError, OverflowError):
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


def _fields(body: bytes) -> dict[str, Any]:
    try:
        answer = from_json(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
