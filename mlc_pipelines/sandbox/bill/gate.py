"""The gate every call passes: slot, developer key, quota, session, parameters, then the endpoint under the lock."""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mlc_pipelines.sandbox.bill.answers import (
    MISSPELT,
    UNSUPPORTED,
    Answer,
    Problem,
    RefusalError,
    invalid,
    refused,
    respond,
)
from mlc_pipelines.sandbox.bill.filters import Rules
from mlc_pipelines.sandbox.bill.limits import ADMITTED, LOGIN_PATH, HourlyQuota, Slots, too_many_at_once
from mlc_pipelines.sandbox.bill.lists import list_page
from mlc_pipelines.sandbox.bill.sessions import Session, SessionOffice, untrusted
from mlc_pipelines.sandbox.bill.store import Store
from mlc_pipelines.sandbox.kernel.faults import Faults
from mlc_pipelines.sandbox.kernel.journal import note_effect
from mlc_pipelines.sandbox.kernel.rate import RateLimit

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
AP, EVENTS = "/connect", "/connect-events"
Row = TypeVar("Row")


@dataclass(frozen=True)
class Call:
    """One request on its way to an endpoint."""

    request: Request
    body: bytes
    gate: "Gate"
    session: Session | None = None

    def json(self) -> Any:
        """Return the JSON body with numbers kept exact."""
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_no_constant)
        except (UnicodeDecodeError, ValueError) as exc:
            raise invalid(f"The body is not JSON: {exc}") from exc

    def key(self) -> str:
        """Return the id from the path."""
        return str(self.request.path_params["id"])

    def page(self, rows: Iterable[Row], *, rules: Rules, render: Callable[[Row], dict[str, Any]]) -> Answer:
        """Return the page asked for."""
        url, switches = self.request.url, self.gate.store.switches
        return list_page(url.path, self.request.query_params, rows, rules=rules, render=render, switches=switches)

    def note(self, effect: str) -> None:
        """Write into the journal what this call changed."""
        note_effect(self.request, effect)

    def someone_edits(self) -> bool:
        """Tell whether a person was quicker than this write."""
        return self.gate.faults.someone_edits(self.request)


Handler = Callable[[Call], Answer]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True)
class Endpoint:
    """A method on a path; `entrance` is session, webhooks, payment or spend."""

    method: str
    path: str
    handler: Handler
    parameters: tuple[str, ...] = ()
    has_body: bool = False
    entrance: str = "session"


class Gate:
    """Turns endpoints into routes and stands before each of them."""

    def __init__(
        self,
        store: Store,
        *,
        sessions: SessionOffice,
        faults: Faults,
        slots: Slots,
        quota: HourlyQuota,
        spend_calls: RateLimit,
    ) -> None:
        self.store = store
        self.sessions = sessions
        self.faults = faults
        self.slots = slots
        self.quota = quota
        self.spend_calls = spend_calls

    def routes(self, endpoints: Iterable[Endpoint]) -> list[BaseRoute]:
        """Return one route per path, fixed paths first, and a 404 for the rest."""
        table: dict[str, dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            table.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        paths = sorted(table, key=lambda known: (known.count("{"), known))
        made: list[BaseRoute] = [Route(path, self._route(table[path]), methods=METHODS) for path in paths]
        return [
            Route(LOGIN_PATH, self._login, methods=METHODS),
            *made,
            Route("/{rest:path}", self._nowhere, methods=METHODS),
        ]

    def _route(self, methods: Mapping[str, Endpoint]) -> Callable[..., Any]:
        async def route(request: Request) -> Response:
            body = await request.body()
            if request.scope.get(ADMITTED, True):
                await asyncio.sleep(self.store.switches.work_seconds)  # the vendor works; its slot is taken meanwhile
            return self._answer(lambda: self._call(request, body, methods))

        return route

    def _answer(self, make: Callable[[], Answer]) -> Response:
        with self.store.lock:
            try:
                answer = make()
            except RefusalError as refusal:
                answer = refusal.answer(self.store.now())
            return respond(answer)

    def _call(self, request: Request, body: bytes, methods: Mapping[str, Endpoint]) -> Answer:
        endpoint = methods.get("GET" if request.method == "HEAD" else request.method)
        known = endpoint or next(iter(methods.values()))
        session = None
        if known.entrance == "spend":
            self._enter_spend(request)
        else:
            session = self._enter(request)
        if endpoint is None:
            raise refused(405, UNSUPPORTED, f"{request.method} is not supported here.")
        self._permit(endpoint, session)
        self._check(request, parameters=endpoint.parameters, has_body=endpoint.has_body)
        return endpoint.handler(Call(request, body, self, session))

    def _enter(self, request: Request) -> Session:
        if not request.scope.get(ADMITTED, True):
            raise too_many_at_once(self.store.switches.limit_status)
        dev_key = request.headers.get("devkey", "")
        self._know(dev_key)
        self.quota.spend(dev_key)
        return self.sessions.admit(request.headers.get("sessionid", ""), dev_key=dev_key)

    def _know(self, dev_key: str) -> None:
        if dev_key != self.sessions.credentials.dev_key:
            raise refused(401, "BDC_1102", "Developer key is wrong.", category="APPLICATION")

    def _enter_spend(self, request: Request) -> None:
        given = request.headers
        if given.get("apitoken") != self.sessions.credentials.spend_token or {"sessionid", "devkey"} & set(given):
            raise invalid("The API token is missing or wrong.", status=401)
        if self.spend_calls.refuse() is not None:
            message = f"The limit of {self.spend_calls.limit} calls a minute is reached."
            raise refused(self.store.switches.limit_status, "BDC_1144", message, category="APPLICATION")

    def _permit(self, endpoint: Endpoint, session: Session | None) -> None:
        switches = self.store.switches
        allowed = {"webhooks": switches.sync_token_webhooks, "payment": switches.sync_token_record_payment}
        if session is not None and session.sync and not allowed.get(endpoint.entrance, True):
            raise untrusted()

    def _check(self, request: Request, *, parameters: tuple[str, ...], has_body: bool) -> None:
        given = request.query_params
        unknown = [Problem("Unknown parameter.", name, MISSPELT) for name in given if name not in parameters]
        twice = [Problem("Given more than once.", name) for name in given if len(given.getlist(name)) > 1]
        if unknown or twice:
            raise RefusalError(400, [*unknown, *twice])
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if has_body and kind != "application/json":
            raise invalid("Content-Type must be application/json.", status=415)

    async def _login(self, request: Request) -> Response:
        body = await request.body()
        try:
            if request.method != "POST":
                raise refused(405, UNSUPPORTED, f"{request.method} is not supported here.")
            self._check(request, parameters=(), has_body=True)
            wanted = self.sessions.read_login(Call(request, body, self).json())
        except RefusalError as refusal:
            return respond(refusal.answer(self.store.now()))
        key = (wanted["devKey"], wanted["organizationId"])
        if not self.slots.enter(key):
            return respond(too_many_at_once(self.store.switches.limit_status).answer(self.store.now()))
        try:
            await asyncio.sleep(self.store.switches.work_seconds)
            return self._answer(lambda: self._log_in(wanted))
        finally:
            self.slots.leave(key)

    def _log_in(self, wanted: dict[str, Any]) -> Answer:
        self._know(wanted["devKey"])
        self.quota.spend(wanted["devKey"])
        self.quota.spend(wanted["devKey"], "logins")
        return Answer(200, self.sessions.log_in(wanted))

    async def _nowhere(self, request: Request) -> Response:
        return self._answer(self._no_such_path)

    def _no_such_path(self) -> Answer:
        raise refused(404, UNSUPPORTED, "API call is not supported. Check the path.")
