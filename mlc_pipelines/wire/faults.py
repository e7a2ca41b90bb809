"""What the line itself can do wrong, told in words a person can act on."""

import socket
import ssl
from collections.abc import Iterator

from mlc_pipelines.errors import ConfigurationError, MlcError, TransientError


def no_connection(where: str, address: str, *, error: BaseException) -> MlcError:
    """Read why a connection could not be made; nothing was sent, so everything may be sent again."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ConfigurationError(
                f"{where}: the certificate of {address} is not accepted ({cause.verify_message}); "
                "have it corrected there, check the address, or name your own authority's certificate in MLC_CA_FILE"
            )
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return ConfigurationError(
                f"{where}: no encrypted connection to {address} ({_tls_reason(cause)}); check address and port"
            )
    return TransientError(
        f"{where}: no connection to {address} ({reason(error)}), nothing was sent; try later, or check the address",
        refused=True,
    )


def reason(error: BaseException) -> str:
    """Name the innermost cause without repeating what was sent."""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return "the name is not known"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        if isinstance(cause, ConnectionError):
            return "connection broken"
        if isinstance(cause, TimeoutError):
            return "timed out"
    return _plain(type(error).__name__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _tls_reason(error: ssl.SSLError) -> str:
    return (error.reason or type(error).__name__).replace("_", " ").lower()


def _plain(name: str) -> str:
    """RemoteProtocolError becomes remote protocol error."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
