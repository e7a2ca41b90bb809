"""The ledger's lists: subsidiaries, currencies, GL accounts and tags, and the session of the first sync."""

from collections.abc import Mapping
from typing import Any

from mlc_pipelines.sandbox.airbase.answers import Answer, not_found, refused
from mlc_pipelines.sandbox.airbase.bulk import Plan, bulk_upsert
from mlc_pipelines.sandbox.airbase.gate import Call, Endpoint
from mlc_pipelines.sandbox.airbase.records import Account, ReadOnlyWrite, Subsidiary, Tag
from mlc_pipelines.sandbox.airbase.references import subsidiary_list
from mlc_pipelines.sandbox.airbase.rows import Rows
from mlc_pipelines.sandbox.airbase.store import Store
from mlc_pipelines.sandbox.airbase.validation import (
    Field,
    ProblemError,
    flag,
    one_of,
    read_body,
    read_fields,
    text,
    word,
)

ROOT = "/v1/accounting/"
SUBSIDIARY_FIELDS = {
    "name": Field(word, required=True),
    "erp_reference_id": Field(word, required=True),
    "erp_currency_reference_id": Field(text),
    "iso_code": Field(text),
}


class LedgerEndpoints:
    """The lists a connector reads; writes to accounts and subsidiaries work, and are remembered apart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows = Rows(store)
        self._account_fields = {
            "name": Field(word, required=True),
            "erp_reference_id": Field(word, required=True),
            "account_number": Field(text),
            "type": Field(text),
            "category": Field(text),
            "subsidiary_reference_ids": Field(subsidiary_list(store)),
            "erp_currency_reference_id": Field(text, nullable=True),
        }
        self._tag_fields = {
            "airbase_id": Field(word),
            "type": Field(word, required=True),
            "erp_reference_id": Field(word, required=True),
            "name": Field(word, required=True),
            "is_active": Field(flag),
            "subsidiary_reference_ids": Field(subsidiary_list(store)),
        }

    def endpoints(self) -> list[Endpoint]:
        """Return what is offered."""
        return [
            Endpoint("GET", f"{ROOT}subsidiaries/", self._list_subsidiaries),
            Endpoint("POST", f"{ROOT}subsidiaries/", self._create_subsidiary),
            Endpoint("PATCH", f"{ROOT}subsidiaries/{{id}}/", self._change_subsidiary),
            Endpoint("GET", f"{ROOT}currencies/", self._list_currencies),
            Endpoint("GET", f"{ROOT}accounts/", self._list_accounts),
            Endpoint("PATCH", f"{ROOT}accounts/{{id}}/", self._change_account),
            Endpoint("POST", f"{ROOT}accounts/bulk_upsert/", self._bulk_accounts),
            Endpoint("POST", f"{ROOT}tags/bulk_upsert/", self._bulk_tags),
            Endpoint("POST", f"{ROOT}entity/sync/", self._start_sync),
            Endpoint("PATCH", f"{ROOT}entity/sync/", self._complete_sync),
        ]

    def _list_subsidiaries(self, call: Call) -> Answer:
        call.filters()
        return call.page(self._store.subsidiaries.values(), render=self._rows.subsidiary)

    def _list_currencies(self, call: Call) -> Answer:
        call.filters()
        return call.page(self._store.currencies, render=self._rows.currency)

    def _list_accounts(self, call: Call) -> Answer:
        call.filters()
        rows = sorted(self._store.accounts.values(), key=lambda row: row.airbase_id)
        return call.page(rows, render=self._rows.account)

    def _create_subsidiary(self, call: Call) -> Answer:
        self._remember(call)
        body = read_body(call.json(), SUBSIDIARY_FIELDS)
        made = Subsidiary(self._store.new_id(), body["erp_reference_id"], body["name"], currency="", iso_code="")
        self._store.subsidiaries[made.airbase_id] = _renamed(made, body)
        return Answer(201, self._rows.subsidiary(made))

    def _change_subsidiary(self, call: Call) -> Answer:
        self._remember(call)
        found = self._store.subsidiaries.get(call.key())
        if found is None:
            raise not_found()
        body = read_body(call.json(), SUBSIDIARY_FIELDS, partial=True)
        return Answer(200, self._rows.subsidiary(_renamed(found, body)))

    def _change_account(self, call: Call) -> Answer:
        self._remember(call)
        found = self._store.accounts.get(call.key())
        if found is None:
            raise not_found()
        return Answer(
            200, self._rows.account(_coded(found, read_body(call.json(), self._account_fields, partial=True)))
        )

    def _bulk_accounts(self, call: Call) -> Answer:
        self._remember(call)

        def prepare(entity: Any) -> Plan:
            body = read_fields(entity, {"airbase_id": Field(word), **self._account_fields})
            found = _known(self._store.accounts, body, found=self._store.account(body["erp_reference_id"]))

            def do() -> tuple[bool, dict[str, Any]]:
                row = found or Account(self._store.new_id(), body["erp_reference_id"], body["name"], "", "", [])
                self._store.accounts[row.airbase_id] = _coded(row, body)
                return found is None, self._rows.account(row)

            return do

        return bulk_upsert(call, prepare=prepare, leaves_out=self._store.switches.bulk_leaves_out)

    def _bulk_tags(self, call: Call) -> Answer:
        def prepare(entity: Any) -> Plan:
            body = read_fields(entity, self._tag_fields)
            alike = (tag for tag in self._store.tags.values() if _same_tag(tag, body))
            found = _known(self._store.tags, body, found=next(alike, None))

            def do() -> tuple[bool, dict[str, Any]]:
                row = found or Tag(self._store.new_id(), body["type"], body["erp_reference_id"], body["name"])
                row.name = body["name"]
                row.is_active = body.get("is_active", row.is_active)
                row.subsidiaries = body.get("subsidiary_reference_ids", row.subsidiaries)
                self._store.tags[row.airbase_id] = row
                return found is None, self._rows.tag(row)

            return do

        return bulk_upsert(call, prepare=prepare, leaves_out=self._store.switches.bulk_leaves_out)

    def _start_sync(self, call: Call) -> Answer:
        read_body(call.json(), {"action": Field(one_of("START"), required=True)})
        if not self._store.switches.onboarding or self._store.session_open:
            raise refused(409, "A sync session can not be started.")
        self._store.session_open = True
        return Answer(201, {"status": "STARTED"})

    def _complete_sync(self, call: Call) -> Answer:
        read_body(call.json(), {"action": Field(one_of("COMPLETE"), required=True)})
        if not self._store.session_open:
            raise refused(404, "No active sync session found.")
        self._store.session_open = self._store.switches.onboarding = False
        return Answer(200, {"status": "COMPLETED"})

    def _remember(self, call: Call) -> None:
        path = str(call.request.scope["path"])
        self._store.read_only_writes.append(ReadOnlyWrite(call.request.method, path, call.json()))
        call.note(f"wrote to {path}, which a connector only reads")


def _known(rows: Mapping[str, Any], body: dict[str, Any], *, found: Any) -> Any:
    given = body.pop("airbase_id", None)
    if given is not None and given not in rows:
        raise ProblemError({"airbase_id": ["Unknown."]})
    return rows.get(given) if given else found


def _same_tag(tag: Tag, body: Mapping[str, Any]) -> bool:
    return (tag.type, tag.erp_reference_id) == (body["type"], body["erp_reference_id"])


def _renamed(row: Subsidiary, body: Mapping[str, Any]) -> Subsidiary:
    row.name = body.get("name", row.name)
    row.erp_reference_id = body.get("erp_reference_id", row.erp_reference_id)
    row.currency = body.get("erp_currency_reference_id", row.currency)
    row.iso_code = body.get("iso_code", row.iso_code)
    return row


def _coded(row: Account, body: Mapping[str, Any]) -> Account:
    for name in ("name", "erp_reference_id", "account_number", "type", "category"):
        setattr(row, name, body.get(name, getattr(row, name)))
    row.subsidiaries = body.get("subsidiary_reference_ids", row.subsidiaries)
    row.currency = body.get("erp_currency_reference_id", row.currency) or ""
    return row
