"""What the vendor shows to customers only, at made-up paths: purchase requests, payments, payment terms."""

from collections.abc import Mapping
from typing import Any

from mlc_pipelines.sandbox.airbase.answers import Answer, invalid, not_found
from mlc_pipelines.sandbox.airbase.gate import Call, Endpoint
from mlc_pipelines.sandbox.airbase.rows import Rows
from mlc_pipelines.sandbox.airbase.store import Store

REQUEST_STATUSES = ("pending", "approved", "withdrawn")


class GatedEndpoints:
    """Read-only lists; an empty path is not served."""

    def __init__(self, store: Store, *, paths: Mapping[str, str]) -> None:
        self._store = store
        self._rows = Rows(store)
        self._paths = paths

    def endpoints(self) -> list[Endpoint]:
        """Return what is offered."""
        requests, payments, terms = (self._paths[name] for name in ("purchase_requests", "payments", "vendor_terms"))
        made: list[Endpoint] = []
        if requests:
            made += [
                Endpoint("GET", requests, self._list_requests),
                Endpoint("GET", f"{requests}{{id}}/", self._get_request),
            ]
        if payments:
            made += [
                Endpoint("GET", payments, self._list_payments),
                Endpoint("GET", f"{payments}{{id}}/", self._get_payment),
            ]
        if terms:
            made.append(Endpoint("GET", terms, self._list_terms))
        return made

    def _list_requests(self, call: Call) -> Answer:
        status = call.filters("status").get("status")
        if status not in (None, *REQUEST_STATUSES):
            raise invalid({"status": [f'Select a valid choice. "{status}" is not one of the available choices.']})
        rows = [row for row in self._store.requests.values() if status in (None, row.status)]
        return call.page(rows, render=self._rows.request)

    def _get_request(self, call: Call) -> Answer:
        return Answer(200, self._rows.request(_find(self._store.requests, call.key())))

    def _list_payments(self, call: Call) -> Answer:
        call.filters()
        return call.page(self._store.payments.values(), render=self._rows.payment)

    def _get_payment(self, call: Call) -> Answer:
        return Answer(200, self._rows.payment(_find(self._store.payments, call.key())))

    def _list_terms(self, call: Call) -> Answer:
        wanted = call.filters("erp_reference_id").get("erp_reference_id")
        rows = [row for row in self._store.vendors.values() if wanted in (None, row.erp_reference_id)]
        return call.page(sorted(rows, key=lambda row: row.airbase_id), render=self._rows.terms)


def _find(rows: Mapping[str, Any], key: str) -> Any:
    if key not in rows:
        raise not_found()
    return rows[key]
