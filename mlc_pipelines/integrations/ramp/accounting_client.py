"""The accounting side of Ramp: connection, codes of all kinds, and the word that a bill is booked."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from mlc_pipelines.errors import ConfigurationError, OutcomeUnknownError, TransientError
from mlc_pipelines.integrations.ramp.calls import Calls, reader
from mlc_pipelines.integrations.ramp.models import (
    AccountingConnection,
    AccountingVendor,
    Field,
    GlAccount,
    Option,
)
from mlc_pipelines.integrations.ramp.rows import decode
from mlc_pipelines.wire.addresses import segment

BATCH_MOST = 500
"""Rows in one upload (documented); all are taken or none."""


class _Connections(msgspec.Struct):
    connections: list[AccountingConnection]


_CONNECTIONS = msgspec.json.Decoder(_Connections)
_FIELD = msgspec.json.Decoder(Field)


class AccountingCalls(Calls):
    """Calls below /accounting. Paths take Ramp's ids, bodies take ours."""

    def connections(self) -> Sequence[AccountingConnection]:
        """List all accounting connections, those that are no longer active too."""
        return decode(self._get("/accounting/all-connections"), _CONNECTIONS, "list of connections").connections

    def ensure_connection(self, name: str = "IFS Cloud") -> None:
        """See to it that the active accounting connection is ours: made if there is none, and never taken away.

        Another active one, or ours switched off by somebody, is for a person: uploads belong to one connection.
        """
        if self._has_connection(name):
            return
        try:
            self._post("/accounting/connection", {"remote_provider_name": name})
        except OutcomeUnknownError as error:
            if not self._has_connection(name):
                raise TransientError(f"{error}; it is not there yet") from error

    def _has_connection(self, name: str) -> bool:
        there = self.connections()
        active = [connection for connection in there if connection.is_active]
        if any(connection.remote_provider_name == name for connection in active):
            return True
        if active:
            raise ConfigurationError(
                f"ramp: accounting is connected to {active[0].remote_provider_name!r}, not to {name!r}; "
                "disconnect it in Ramp, or set ramp.provider_name"
            )
        if any(connection.remote_provider_name == name for connection in there):
            raise ConfigurationError(
                f"ramp: the accounting connection {name!r} was switched off; reactivate it, so that its codes come back"
            )
        return False

    def reactivate_connection(self, connection_id: str) -> None:
        """Switch a connection on again; Ramp restores its fields and codings (documented)."""
        self._post(f"/accounting/connection/{segment(connection_id)}/reactivate", repeatable=True)

    def accounts(self, *, remote_id: str | None = None) -> Iterator[GlAccount]:
        """List GL accounts, retired ones too: their ids stay taken."""
        return self._rows("/accounting/accounts", reader(GlAccount, "GL account"), remote_id=remote_id)

    def create_accounts(self, accounts: Sequence[Mapping[str, str]]) -> None:
        """Upload GL accounts; one that exists fails them all."""
        self._post("/accounting/accounts", {"gl_accounts": list(accounts)})

    def update_account(self, ramp_id: str, *, name: str, code: str, reactivate: bool = False) -> None:
        """Rename an account, and bring a retired one back if asked."""
        self._patch(f"/accounting/accounts/{segment(ramp_id)}", _changed(reactivate, name=name, code=code))

    def fields(self) -> Iterator[Field]:
        """List custom fields."""
        return self._rows("/accounting/fields", reader(Field, "accounting field"))

    def ensure_field(self, id_: str, name: str) -> str:
        """Make or find a field of choices and give Ramp's id of it; the same id twice is one field (documented)."""
        wanted = {"id": id_, "name": name, "input_type": "SINGLE_CHOICE", "is_splittable": True}
        there = decode(self._post("/accounting/fields", wanted, repeatable=True), _FIELD, "accounting field")
        if there.name != name:
            self._patch(f"/accounting/fields/{segment(there.ramp_id)}", {"name": name})
        return there.ramp_id

    def options(self, field_ramp_id: str, *, remote_id: str | None = None) -> Iterator[Option]:
        """List the options of a field, retired ones too."""
        read = reader(Option, "field option")
        return self._rows("/accounting/field-options", read, field_id=field_ramp_id, remote_id=remote_id)

    def create_options(self, field_ramp_id: str, options: Sequence[Mapping[str, str]]) -> None:
        """Upload options of one field; one that exists fails them all."""
        self._post("/accounting/field-options", {"field_id": field_ramp_id, "options": list(options)})

    def update_option(self, ramp_id: str, *, value: str, code: str, reactivate: bool = False) -> None:
        """Rename an option, and bring a retired one back if asked."""
        self._patch(f"/accounting/field-options/{segment(ramp_id)}", _changed(reactivate, value=value, code=code))

    def accounting_vendors(self, *, remote_id: str | None = None) -> Iterator[AccountingVendor]:
        """List accounting vendors, retired ones too."""
        return self._rows("/accounting/vendors", reader(AccountingVendor, "accounting vendor"), remote_id=remote_id)

    def create_accounting_vendors(self, vendors: Sequence[Mapping[str, str]]) -> None:
        """Upload accounting vendors; one that exists fails them all."""
        self._post("/accounting/vendors", {"vendors": list(vendors)})

    def update_accounting_vendor(self, ramp_id: str, *, name: str, reactivate: bool = False) -> None:
        """Rename an accounting vendor, and bring a retired one back if asked."""
        self._patch(f"/accounting/vendors/{segment(ramp_id)}", _changed(reactivate, name=name))

    def sync(
        self,
        sync_type: str,
        idempotency_key: str,
        *,
        successful: Mapping[str, str] | None = None,
        failed: Mapping[str, str] | None = None,
    ) -> None:
        """Report what the ledger booked (Ramp's id → our number) and what it did not (Ramp's id → why).

        Repeated under the same key it is one report; what failed is shown to users of Ramp as written here.
        """
        body: dict[str, object] = {"idempotency_key": idempotency_key, "sync_type": sync_type}
        if successful:
            body["successful_syncs"] = [{"id": id_, "reference_id": number} for id_, number in successful.items()]
        if failed:
            body["failed_syncs"] = [{"id": id_, "error": {"message": why}} for id_, why in failed.items()]
        self._post("/accounting/syncs", body, repeatable=True)


def _changed(reactivate: bool, **values: str) -> dict[str, object]:
    return {**values, "reactivate": True} if reactivate else dict(values)
