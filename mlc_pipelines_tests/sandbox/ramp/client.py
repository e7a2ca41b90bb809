"""A small client of the simulator, for its own tests only."""

from types import TracebackType
from typing import Any, Self

import httpx

from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines.sandbox.ramp.tokens import SCOPES

ALL = " ".join(sorted(SCOPES))


def mint(client: httpx.Client, *, scope: str = ALL, user: str = "ramp_sandbox_id", secret: str = "") -> httpx.Response:
    """Ask for a token."""
    return client.post(
        "/developer/v1/token",
        auth=(user, secret or "ramp-sandbox-secret"),
        data={"grant_type": "client_credentials", "scope": scope},
    )


class Ramp:
    """Calls with a token, and the records most tests begin with."""

    def __init__(self, sandbox: RampSandbox, *, scope: str = ALL) -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(base_url=f"{sandbox.url}", timeout=10)
        self.renew(scope=scope)

    def renew(self, *, scope: str = ALL) -> None:
        token = mint(self.http, scope=scope).json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(f"/developer/v1{path}", params=params)

    def post(self, path: str, body: Any = None) -> httpx.Response:
        return self.http.post(f"/developer/v1{path}", json=body)

    def patch(self, path: str, body: Any) -> httpx.Response:
        return self.http.patch(f"/developer/v1{path}", json=body)

    def delete(self, path: str) -> httpx.Response:
        return self.http.delete(f"/developer/v1{path}")

    def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Return the rows of the first page."""
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["data"])

    def connect(self) -> str:
        return str(self.post("/accounting/connection", {"remote_provider_name": "IFS Cloud"}).json()["id"])

    def code_ledger(self) -> None:
        """Connect, and upload an account and a field with two options."""
        self.connect()
        account = {"id": "10^4010", "name": "Bearings", "classification": "EXPENSE", "code": "4010"}
        assert self.post("/accounting/accounts", {"gl_accounts": [account]}).status_code == 201
        field = {"id": "ifs-code-part-b", "name": "Cost center", "input_type": "SINGLE_CHOICE"}
        field_id = self.post("/accounting/fields", field).json()["ramp_id"]
        options = [{"id": "300", "value": "Purchasing"}, {"id": "310", "value": "Warehouse", "code": "310"}]
        assert self.post("/accounting/field-options", {"field_id": field_id, "options": options}).status_code == 201

    def vendor(self, **changes: Any) -> str:
        """Create a vendor and return its id."""
        answer = self.post("/vendors", vendor(**changes))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def entity(self) -> dict[str, Any]:
        return self.rows("/entities", is_primary=True)[0]

    def draft(self, **changes: Any) -> dict[str, Any]:
        """Create a complete draft and return its row."""
        given = {"vendor_id": changes.pop("vendor_id", None) or self.vendor(), "entity_id": self.entity()["id"]}
        answer = self.post("/bills/drafts", bill(**given, **changes))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def bill(self, **changes: Any) -> dict[str, Any]:
        """Create an approved bill on the direct path and return its row."""
        given = {"vendor_id": changes.pop("vendor_id", None) or self.vendor(), "entity_id": self.entity()["id"]}
        answer = self.post("/bills", bill(**given, **DEFAULTS, **changes))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


DEFAULTS = {"use_default_vendor_contact": True, "use_default_payment_method": True}


def vendor(**changes: Any) -> dict[str, Any]:
    """Return a vendor body; a field given as None is left out."""
    body: dict[str, Any] = {
        "name": "Nordhavn Bearings ApS",
        "country": "DK",
        "business_vendor_contacts": {"email": "faktura@nordhavn-bearings.example"},
    }
    return {name: held for name, held in {**body, **changes}.items() if held is not None}


def line(amount: Any = "1.23", **coding: str) -> dict[str, Any]:
    """Return a line, coded field=option; dashes of a field id are written as underscores."""
    selections = [
        {"field_external_id": name.replace("_", "-"), "field_option_external_id": option}
        for name, option in coding.items()
    ]
    return {"amount": amount, "memo": "Bearings", "accounting_field_selections": selections}


def bill(**changes: Any) -> dict[str, Any]:
    """Return a bill or draft body; a field given as None is left out."""
    body: dict[str, Any] = {
        "invoice_number": "INV-7781",
        "invoice_currency": "EUR",
        "issued_at": "2026-10-02",
        "due_at": "2026-11-01",
        "remote_id": "10^SI^2026000123",
        "line_items": [line()],
    }
    return {name: held for name, held in {**body, **changes}.items() if held is not None}


def refusal(answer: httpx.Response) -> tuple[int, str, dict[str, Any]]:
    """Return status, code and additional info of a refusal."""
    error = answer.json()["error_v2"]
    assert answer.headers["x-trace-id"]
    return answer.status_code, error["error_code"], error["additional_info"]
