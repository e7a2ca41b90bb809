"""Sessions: a login with user name and password gives a session id that goes with each request."""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError, MlcError
from mlc_pipelines.wire.auth.shared_token import SharedToken
from mlc_pipelines.wire.bodies import to_json
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.memory import TokenStore
from mlc_pipelines.wire.redaction import REDACTOR


class LoginSession(SharedToken):
    """A session of one credential, shared by every process that uses it; nobody logs in beside another.

    `login` are the fields of the JSON body, secrets among them, `always` headers that go with each request, secret
    too. `read` gives the session id of an answer, `judge` the error of a refusal (its TransientError is tried again).
    A session is renewed after `renew_after` seconds, used or not, and ends after `lifetime`.
    """

    def __init__(
        self,
        *,
        credential: str,
        login_url: str,
        login: Mapping[str, SecretStr],
        session_header: str,
        always: Mapping[str, SecretStr],
        read: Callable[[bytes], str | None],
        judge: Callable[[int, bytes], MlcError],
        renew_after: float,
        lifetime: int,
        store: TokenStore,
        clock: Clock,
        timeout: float = 30.0,
    ) -> None:
        secrets = (*login.items(), *always.items())
        super().__init__(
            credential=credential,
            url=login_url,
            asks=secrets,
            store=store,
            clock=clock,
            refresh=lambda _: renew_after,
            timeout=timeout,
            setting="base_url",
        )
        self._login = login
        self._header = session_header
        self._always = always
        self._read = read
        self._judge = judge
        self._lifetime = lifetime
        for name, secret in secrets:
            REDACTOR.register(secret, name)

    def _shown(self, token: str) -> Mapping[str, str]:
        return {self._header: token} | {name: secret.get_secret_value() for name, secret in self._always.items()}

    def _ask(self) -> tuple[SecretStr, int]:
        body = to_json({name: secret.get_secret_value() for name, secret in self._login.items()})
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        status, answer, _ = self._post(headers, content=body)
        if status != HTTPStatus.OK:
            raise self._judge(status, answer)
        session = self._read(answer)
        if not session:
            raise ConfigurationError(f"{self._credential}: {self._address} answers a login without a session")
        return SecretStr(session), self._lifetime
