"""A small client of the simulator, for its own tests only."""

import json
import uuid
from collections.abc import Iterator
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import httpx

from mlc_pipelines.sandbox.bill import BillSandbox

ADDRESS = {"line1": "1 Mill Road", "city": "Akron", "zipOrPostalCode": "44301", "country": "US"}
ACCOUNTS = "/classifications/chart-of-accounts"


class Bill:
    """Calls with a session; paths are written out after /v3."""

    def __init__(self, sandbox: BillSandbox, *, user: bool = False) -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(timeout=10, headers={"devKey": sandbox.dev_key})
        self.log_in(user=user)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def log_in(self, *, user: bool = False) -> dict[str, Any]:
        answer = self.http.post(f"{self.sandbox.ap_url}/v3/login", json=login(self.sandbox, user=user))
        assert answer.status_code == 200, answer.text
        self.http.headers["sessionId"] = answer.json()["sessionId"]
        return dict(answer.json())

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(f"{self.sandbox.ap_url}/v3{path}", params=params)

    def post(self, path: str, body: Any = None, **params: Any) -> httpx.Response:
        return self._send("POST", path, body, params)

    def put(self, path: str, body: Any) -> httpx.Response:
        return self._send("PUT", path, body, {})

    def patch(self, path: str, body: Any) -> httpx.Response:
        return self._send("PATCH", path, body, {})

    def _send(self, method: str, path: str, body: Any, params: dict[str, Any]) -> httpx.Response:
        url = f"{self.sandbox.ap_url}/v3{path}"
        if body is None:
            return self.http.request(method, url, params=params)
        return self.http.request(method, url, params=params, content=dumped(body), headers=JSON)

    def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Return the rows of one large page."""
        answer = self.get(path, **{"max": 100, **params})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["results"])

    def pages(self, path: str, *, size: int, **params: Any) -> Iterator[list[dict[str, Any]]]:
        """Follow nextPage to its end."""
        answer = self.get(path, max=size, **params).json()
        while True:
            yield answer["results"]
            if answer.get("nextPage") is None:
                return
            answer = self.get(path, max=size, page=answer["nextPage"]).json()

    def events(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
        """Call the webhook API; a creation carries a key."""
        headers = {"X-Idempotent-Key": key or str(uuid.uuid4())} if (method, path) == ("POST", "/subscriptions") else {}
        return self.http.request(method, f"{self.sandbox.events_url}/v3{path}", json=body, headers=headers)

    def vendor(self, name: str = "Nordic Bearings Inc", **changes: Any) -> str:
        """Make a vendor and return its id."""
        answer = self.post("/vendors", {"name": name, "address": ADDRESS, **changes})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def bill(self, vendor_id: str, *amounts: str, **changes: Any) -> dict[str, Any]:
        """Make a bill and return its row."""
        answer = self.post("/bills", bill(vendor_id, *amounts, **changes))
        assert answer.status_code == 201, answer.text
        return exact(answer)


JSON = {"Content-Type": "application/json"}


def login(sandbox: BillSandbox, *, user: bool = False, **changes: str) -> dict[str, str]:
    """Return the body of a login."""
    name, word = sandbox.token_name, sandbox.token_value
    if user:
        name, word = sandbox.user_name, sandbox.user_password
    made = {"username": name, "password": word, "organizationId": sandbox.organization_id, "devKey": sandbox.dev_key}
    return made | changes


def bill(vendor_id: str, *amounts: str, **changes: Any) -> dict[str, Any]:
    """Return the body of a bill with these line amounts."""
    made = {
        "vendorId": vendor_id,
        "dueDate": "2026-04-01",
        "description": "IFS 10/SI/2026000123",
        "invoice": {"invoiceNumber": "INV-7781", "invoiceDate": "2026-03-02"},
        "purchaseOrderNumber": "P-4711",
        "billLineItems": [{"amount": Decimal(amount)} for amount in amounts],
    }
    return {**made, **changes}


def dumped(value: Any) -> str:
    """Write JSON with every Decimal as the number it is."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{dumped(held)}" for name, held in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dumped(row) for row in value) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def exact(answer: httpx.Response) -> dict[str, Any]:
    """Read an answer with exact numbers."""
    return dict(json.loads(answer.content, parse_float=Decimal))


def codes(answer: httpx.Response) -> tuple[int, list[str | None]]:
    """Return status and codes of a refusal, which is always an array."""
    assert isinstance(answer.json(), list), answer.text
    return answer.status_code, [row.get("code") for row in answer.json()]


def said(answer: httpx.Response) -> str:
    """Return the messages of a refused body or parameter."""
    assert answer.status_code == 400, answer.text
    return "; ".join(row["message"] for row in answer.json())
