"""Proving who we are on each request. The only place that opens secrets to send them."""

from mlc_pipelines.wire.auth.client_credentials import ClientCredentials, ifs_refresh, ramp_refresh
from mlc_pipelines.wire.auth.login_session import LoginSession
from mlc_pipelines.wire.auth.shared_token import Auth, TokenUnavailableError
from mlc_pipelines.wire.auth.static_tokens import StaticTokens

__all__ = [
    "Auth",
    "ClientCredentials",
    "LoginSession",
    "StaticTokens",
    "TokenUnavailableError",
    "ifs_refresh",
    "ramp_refresh",
]
