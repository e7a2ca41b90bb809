"""The reference side of Airbase: vendors, and the lists that are only read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from mlc_pipelines.errors import OutcomeUnknownError
from mlc_pipelines.integrations.airbase.calls import Calls, Room
from mlc_pipelines.integrations.airbase.models import (
    Account,
    Currency,
    Subsidiary,
    Upserted,
    Vendor,
    currencies_with_reference,
    reader,
)
from mlc_pipelines.integrations.airbase.settings import Paths
from mlc_pipelines.wire.bodies import BROKEN
from mlc_pipelines.wire.http import HttpClient
from mlc_pipelines.wire.rows import Unread, each, readable

BATCH_MOST = 100
"""Entities in one bulk call (seen in public code)."""

_UPSERTED = msgspec.json.Decoder(Upserted)
_SUBSIDIARY = reader(Subsidiary, "subsidiary")
_ACCOUNT = reader(Account, "account")
_CURRENCY = reader(Currency, "currency")


class VendorCalls(Calls):
    """Calls to vendors, subsidiaries, accounts and currencies."""

    def __init__(self, http: HttpClient, paths: Paths, *, room: Room, page_size: int) -> None:
        super().__init__(http, room=room, page_size=page_size, read_only=paths.read_only)
        self._paths = paths

    def vendors(self, *, reference: str | None = None) -> Iterator[Vendor]:
        """List vendors; with a `reference` those that carry it, the empty one naming those that nobody has linked.

        Only the empty filter was seen in public code, so that the rows are looked at again whatever was asked.
        RecordError for a row that cannot be read, for it may be the one that is looked for.
        """
        filters = {} if reference is None else {"erp_reference_id": reference}
        for vendor in map(Vendor.parse, self.rows(self._paths.vendors, filters)):
            if reference is None or vendor.reference == reference:
                yield vendor

    def vendors_carried(self) -> Iterator[Vendor | Unread]:
        """List all vendors, those that cannot be read too."""
        return each(self.rows(self._paths.vendors), Vendor.parse, names=("airbase_id", "id"))

    def upsert_vendors(self, entities: Sequence[Mapping[str, Any]]) -> list[Vendor]:
        """Make or change vendors in one call and give what Airbase says it did.

        An entity with an `airbase_id` is a change (seen in public code); a call of changes only may be sent twice.
        """
        changes = all("airbase_id" in entity for entity in entities)
        sent = {"entities": list(entities)}
        body = self.call("POST", f"{self._paths.vendors}bulk_upsert/", body=sent, repeatable=changes)
        try:
            done = _UPSERTED.decode(body)
        except BROKEN as error:
            raise OutcomeUnknownError(
                "airbase: the answer to a bulk call cannot be read; look for the vendors before sending again"
            ) from error
        return list(readable((bytes(raw) for raw in (*done.created, *done.updated)), Vendor.parse))

    def subsidiaries(self) -> Iterator[Subsidiary]:
        """List the legal entities."""
        return readable(self.rows(self._paths.subsidiaries), _SUBSIDIARY)

    def accounts(self) -> Iterator[Account]:
        """List GL accounts; that they can be read is assumed, so an empty path reads none."""
        return readable(self.rows(self._paths.accounts) if self._paths.accounts else (), _ACCOUNT)

    def currencies(self) -> dict[str, str] | None:
        """Give the ERP's code of each currency by ISO code; None where there is no such list."""
        if not self._paths.currencies:
            return None
        return currencies_with_reference(readable(self.rows(self._paths.currencies), _CURRENCY))
