"""A bare OData caller for the tests: addresses, change sets, and nothing clever."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx

from mlc_pipelines.sandbox.ifs import IfsSandbox

PROJECTIONS = "/main/ifsapplications/projection/v1"
PROPOSALS = "PostingProposalHandling.svc/PostingProposalHeadSet"
VOUCHERS = "VoucherHandling.svc"
FIRST = f"{PROPOSALS}(Company='10',InvoiceId=48201)"
NEW_PROPOSAL = {
    "Company": "10",
    "Identity": "S-1007",
    "PartyType": "Supplier",
    "SeriesId": "SI",
    "InvoiceNo": "INV-7",
    "InvoiceType": "SUPPINV",
    "InvoiceDate": "2026-10-14",
    "DueDate": "2026-11-13",
    "PayTermId": "30",
    "Currency": "EUR",
    "NetCurrAmount": 1000.00,
    "VatCurrAmount": 210.00,
}
NEW_LINE = {"Company": "10", "Account": "4010", "CodeB": "210", "CurrencyAmount": 1000.00, "Text": "Cloud hosting"}
NEW_VOUCHER = {
    "Company": "10",
    "VoucherType": "M",
    "AccountingYear": 2026,
    "AccountingPeriod": 11,
    "VoucherDate": "2026-11-14",
    "UserGroup": "AC",
}
DEBIT = {
    "Account": "4010",
    "CodeB": "210",
    "CurrencyCode": "EUR",
    "CurrencyDebetAmount": 1000.00,
    "ReferenceSerie": "RAMP",
    "ReferenceNumber": "txn_01H",
}
CREDIT = {"Account": "2400", "CurrencyCode": "EUR", "CurrencyCreditAmount": 1000.00}


def token(ifs: IfsSandbox, client: httpx.Client) -> str:
    form = {"grant_type": "client_credentials", "client_id": ifs.client_id, "client_secret": ifs.client_secret}
    return str(client.post(ifs.token_url, data=form).raise_for_status().json()["access_token"])


class Caller:
    """Speaks to the tenant with plain addresses below the projections' folder."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(self.url(path), headers=headers)

    def read(self, path: str) -> dict[str, Any]:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return dict(json.loads(answer.content, parse_float=Decimal))

    def rows(self, path: str) -> list[dict[str, Any]]:
        return list(self.read(path)["value"])

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.client.post(self.url(path), json=body, headers=headers)

    def patch(self, path: str, body: Any, etag: str | None = None) -> httpx.Response:
        return self.client.patch(self.url(path), json=body, headers={} if etag is None else {"If-Match": etag})

    def etag(self, path: str) -> str:
        return str(self.read(path)["@odata.etag"])

    def walk(self, service: str, path: str) -> Iterator[list[dict[str, Any]]]:
        """Follow next links relative to the service root, page by page."""
        following: str | None = path
        while following is not None:
            page = self.read(f"{service}/{following}")
            yield page["value"]
            following = page.get("@odata.nextLink")

    def batch(self, service: str, *parts: str, **headers: str) -> httpx.Response:
        body = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"
        headers = {"Content-Type": "multipart/mixed;boundary=b"} | headers
        return self.client.post(self.url(f"{service}/$batch"), content=body.encode(), headers=headers)

    def url(self, path: str) -> str:
        return path if path.startswith("/") else f"{PROJECTIONS}/{path}"


def part(method: str, url: str, body: Any = None, *, content_id: str | None = None, if_match: str | None = None) -> str:
    """Return one application/http part of a batch."""
    named = f"Content-ID: {content_id}\r\n" if content_id else ""
    match = f"If-Match: {if_match}\r\n" if if_match else ""
    text = "" if body is None else json.dumps(body)
    return (
        f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{named}\r\n"
        f"{method} {url} HTTP/1.1\r\nContent-Type: application/json\r\n{match}\r\n{text}\r\n"
    )


def change_set(*parts: str) -> str:
    """Return a change set of these parts."""
    inner = "".join(f"--c\r\n{one}\r\n" for one in parts) + "--c--\r\n"
    return f"Content-Type: multipart/mixed;boundary=c\r\n\r\n{inner}"


def error_code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])
