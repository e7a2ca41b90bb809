"""A small client of the simulator, for its own tests only; numbers are read exactly."""

import json
from collections.abc import Iterator
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import httpx

from mlc_pipelines.sandbox.procurify import ProcurifySandbox
from mlc_pipelines.sandbox.world import World

BILLS = "/api/v3/ap/bills/"
FULL = "/api/v2/ap/bills/{}/"
ITEMS = "/api/v2/ap/items/"
ORDERS = "/api/v2/purchase_orders/{}/"
HISTORY = "/api/v3/purchase-orders/billing-history/"
VENDORS = "/api/v3/vendors/"
ACCOUNT_CODES = "/api/v3/account-codes/"
BUDGETS = "/api/v3/accounts/"
DEPARTMENTS = "/api/v3/departments/"
LOCATIONS = "/api/v2/locations/"
CURRENCIES = "/api/v2/currencies/"
PAYMENTS = "/api/public/v1/payments/"
CUSTOM_FIELDS = "/api/v3/custom-fields/order-items/"


def small(**given: Any) -> ProcurifySandbox:
    """Make a simulator of one's own."""
    return ProcurifySandbox(world=World.make(invoices=1), **{"bills": 12, "orders": 2, **given})


def credentials(sandbox: ProcurifySandbox, **changes: Any) -> dict[str, Any]:
    """Return the body of a token request."""
    return {
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "audience": sandbox.audience,
        "grant_type": "client_credentials",
        **changes,
    }


class Procurify:
    """Calls with both headers; paths are written out."""

    def __init__(self, sandbox: ProcurifySandbox) -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(base_url=sandbox.url, timeout=10, headers={"X-Procurify-Client": "api"})
        self.renew()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def renew(self) -> None:
        """Get another token."""
        answer = self.http.post("/oauth/token", json=credentials(self.sandbox))
        assert answer.status_code == 200, answer.text
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(path, params=params)

    def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Return the rows of the first page, a large one."""
        answer = self.get(path, **{"page_size": 500, **params})
        assert answer.status_code == 200, answer.text
        return list(json.loads(answer.content, parse_float=Decimal)["data"])

    def one(self, path: str) -> dict[str, Any]:
        """Return one record."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return dict(json.loads(answer.content, parse_float=Decimal)["data"])

    def full(self, bill: int | str) -> dict[str, Any]:
        """Return a full bill."""
        return self.one(FULL.format(bill))

    def ids(self, path: str, **params: Any) -> set[int]:
        """Return the ids found."""
        return {row["id"] for row in self.rows(path, **params)}

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Follow next to its end."""
        page = self.get(path, **params).json()
        while True:
            yield page
            following = page["metadata"]["pagination"]["next"]
            if following is None:
                return
            page = self.http.get(following).json()
