"""The front door: HTTP requests in, after token, rate and permission checks, OData answers out."""

import json
import re
from collections.abc import Callable
from math import ceil

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mlc_pipelines.sandbox.ifs.answers import NOT_FOUND, Answer, Call, OdataError, error_answer
from mlc_pipelines.sandbox.ifs.tenant import Tenant
from mlc_pipelines.sandbox.ifs.tokens import TokenOffice
from mlc_pipelines.sandbox.kernel.journal import note_effect
from mlc_pipelines.sandbox.kernel.rate import RateLimit

_ADDRESS = re.compile(r"^(/(main|int|b2b)/ifsapplications/(projection|entity)/v1/(\w+)\.svc)(?:/(.*))?$", re.DOTALL)
METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


class Front:
    """Turns HTTP into calls of the tenant, which may be a new one after a reset."""

    def __init__(self, tenant: Callable[[], Tenant], *, tokens: TokenOffice, rate: RateLimit) -> None:
        self._tenant = tenant
        self._tokens = tokens
        self._rate = rate

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the token endpoint and of all services."""
        return [
            Route("/auth/realms/{realm}/protocol/openid-connect/token", self._token, methods=["POST"]),
            Route("/{path:path}", self._odata, methods=METHODS),
        ]

    async def _token(self, request: Request) -> Response:
        status, content = self._tokens.answer(
            await request.body(),
            request.headers,
            realm=request.path_params["realm"],
            seconds=self._tenant().switches.token_seconds,
        )
        headers = {"cache-control": "no-store", "content-type": "application/json"}
        return Response(json.dumps(content), status_code=status, headers=headers)

    async def _odata(self, request: Request) -> Response:
        if not self._tokens.holds(request.headers.get("authorization", "")):
            challenge = {"www-authenticate": 'Bearer realm="sandbox", error="invalid_token"'}
            return Response(status_code=401, headers=challenge)
        switches = self._tenant().switches
        self._rate.limit = switches.requests_per_minute
        wait = self._rate.refuse()
        if wait is not None:
            headers = {"retry-after": str(max(1, ceil(wait)))} if switches.retry_after_header else {}
            return Response("Too Many Requests", status_code=429, headers=headers)
        call = None
        try:
            call, answer = self._ask(request, await request.body())
        except OdataError as exc:
            answer = error_answer(exc)
        for effect in answer.effects:
            note_effect(request, effect)
        as_text = call.decimals_as_text if call is not None else False
        headers = {"odata-version": "4.0"} | answer.headers
        return Response(answer.body(decimals_as_text=as_text), status_code=answer.status, headers=headers)

    def _ask(self, request: Request, body: bytes) -> tuple[Call, Answer]:
        raw_path = bytes(request.scope["raw_path"]).decode("ascii")
        match = _ADDRESS.match(raw_path)
        if match is None:
            raise OdataError(404, NOT_FOUND, f"Nothing is served at {raw_path}.")
        root, channel, kind, name, path = match.groups()
        service = self._tenant().service(name, channel=channel, kind=kind)
        call = Call(
            method=request.method,
            path=path or "",
            query=bytes(request.scope["query_string"]).decode("latin-1"),
            headers=dict(request.headers),
            body=body,
            origin=f"{request.url.scheme}://{request.url.netloc}",
            root=f"{root}/",
            request=request,
        )
        return call, self._tenant().answer(call, service)
