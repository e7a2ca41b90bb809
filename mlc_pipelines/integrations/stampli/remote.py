"""The drop server of one connection: opened when it is first asked, with as many channels as files at once."""

import threading

from pydantic import SecretStr

from mlc_pipelines.integrations.integration import Tenant
from mlc_pipelines.integrations.stampli.settings import StampliSettings
from mlc_pipelines.wire.sftp import HostKey, Sftp, open_sftp, server_keys
from mlc_pipelines.wire.sftp_login import Patience


class Remote:
    """Opens the server at the first call and lends it from then on."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._settings = tenant.connection.section(StampliSettings)
        self._lock = threading.Lock()
        self._open: Sftp | None = None

    def __call__(self) -> Sftp:
        """Give the server, logged in."""
        with self._lock:
            if self._open is None:
                self._open = self._opened()
            return self._open

    def keys(self) -> list[HostKey]:
        """Give the public keys that the server offers, without trusting any of them."""
        settings = self._settings
        patience = Patience(connect=settings.connect_seconds, login=settings.login_seconds)
        return server_keys(settings.host, settings.port, where="stampli", patience=patience)

    def close(self) -> None:
        """Hang up, if anybody ever called."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def _opened(self) -> Sftp:
        settings = self._settings
        return open_sftp(
            "stampli",
            settings.host,
            port=settings.port,
            username=settings.user,
            host_keys=settings.host_keys,
            password=self._secret("password", wanted=settings.login != "key"),
            private_key=self._secret("private_key", wanted=settings.login != "password"),
            passphrase=self._secret("passphrase", wanted=settings.key_is_locked and settings.login != "password"),
            channels=settings.files_at_once,
            connect_seconds=settings.connect_seconds,
            login_seconds=settings.login_seconds,
            operation_seconds=settings.operation_seconds,
            clock=self._tenant.clock,
        )

    def _secret(self, name: str, *, wanted: bool) -> SecretStr | None:
        return self._tenant.secret(f"{self._settings.credential}/{name}") if wanted else None
