"""Whom we trust: the public certificate authorities, and those that a company adds for its own servers."""

import os
import ssl
from functools import cache

import httpx

from mlc_pipelines.errors import ConfigurationError

CA_FILE = "MLC_CA_FILE"


def trusted() -> ssl.SSLContext:
    """Give the rules by which the other side of an encrypted connection is checked.

    They hold the public authorities and those in the PEM file that `MLC_CA_FILE` names; ConfigurationError when it
    cannot be read.
    """
    return _context(os.environ.get(CA_FILE, ""))


@cache
def _context(file: str) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if file:
        try:
            context.load_verify_locations(cafile=file)
        except OSError as error:  # an SSLError is one too
            raise ConfigurationError(
                f"{CA_FILE}: {file} cannot be read as certificates ({error.strerror or error}); "
                "name a PEM file with the certificate of your authority"
            ) from error
    return context
