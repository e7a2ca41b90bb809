"""A small client of the simulator, for its own tests only."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from mlc_pipelines.sandbox.airbase import AirbaseSandbox

VENDORS = "/v1/accounting/vendors/"
BULK = f"{VENDORS}bulk_upsert/"
ENTRIES = "/v1/accounting/ledger_entries/"
ORDERS = "/v1/purchase_orders/"
REQUESTS = "/v1/purchase_requests/"


class Airbase:
    """Calls with a token; paths are written out."""

    def __init__(self, sandbox: AirbaseSandbox, *, word: str = "Token") -> None:
        self.sandbox = sandbox
        headers = {"Authorization": f"{word} {sandbox.token}", "Accept": "application/json"}
        self.http = httpx.Client(base_url=sandbox.url, timeout=10, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(path, params=params)

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.http.post(path, json=body)

    def patch(self, path: str, body: Any) -> httpx.Response:
        return self.http.patch(path, json=body)

    def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Return the rows of the first page, a large one."""
        answer = self.get(path, page_size=250, **params)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["data"])

    def pages(self, path: str, *, size: int) -> Iterator[list[dict[str, Any]]]:
        """Follow pagination.next to its end."""
        answer = self.get(path, page_size=size).json()
        while True:
            yield answer["data"]
            if answer["pagination"]["next"] is None:
                return
            answer = self.http.get(answer["pagination"]["next"]).json()


def order(po_number: str = "P-10428", **changes: Any) -> dict[str, Any]:
    """Return a purchase order as pushed."""
    line = {
        "line_number": "1-1",
        "description": "Seal kit",
        "quantity": "4",
        "unit_price": "112.50",
        "amount": "450.00",
        "account": {"erp_reference_id": "4010"},
        "tags": [{"type": "cost_center", "erp_reference_id": "300"}],
    }
    made = {
        "po_number": po_number,
        "vendor": {"erp_reference_id": "S-1001"},
        "subsidiary": {"erp_reference_id": "10"},
        "currency": "EUR",
        "issued_date": "2026-03-04",
        "status": "open",
        "memo": "Pump spares",
        "lines": [line],
    }
    return {**made, **changes}
