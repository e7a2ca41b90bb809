"""Vendors and entities of Ramp: whom is paid, and by which of our companies."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.ramp.calls import Calls, id_of, reader
from mlc_pipelines.integrations.ramp.models import (
    Business,
    Entity,
    NewVendor,
    Vendor,
    VendorContact,
)
from mlc_pipelines.integrations.ramp.rows import decode
from mlc_pipelines.wire.addresses import segment
from mlc_pipelines.wire.http import HttpClient
from mlc_pipelines.wire.rows import Unread, each, readable

_BUSINESS = msgspec.json.Decoder(Business)


class VendorCalls(Calls):
    """Calls below /vendors, /entities and /business."""

    def __init__(self, http: HttpClient, *, page_size: int = 100, vendor_owner: str | None = None) -> None:
        super().__init__(http, page_size=page_size)
        self._vendor_owner = vendor_owner

    def vendors(
        self,
        *,
        external_vendor_id: str | None = None,
        name: str | None = None,
        from_created_at: datetime | None = None,
        is_active: bool | None = None,
    ) -> Iterator[Vendor]:
        """List vendors; there is no filter by time of change (documented)."""
        return self._rows(
            "/vendors",
            Vendor.parse,
            external_vendor_id=external_vendor_id,
            name=name,
            from_created_at=from_created_at,
            is_active=is_active,
        )

    def vendors_carried(self, *, from_created_at: datetime | None) -> Iterator[Vendor | Unread]:
        """List vendors to be carried, those that cannot be read too."""
        return each(self._raw("/vendors", from_created_at=from_created_at), Vendor.parse, names=("id",))

    def vendor(self, vendor_id: str) -> Vendor:
        """Read one vendor; AbsentError when there is none."""
        return Vendor.parse(self._get(f"/vendors/{segment(vendor_id)}"))

    def create_vendor(self, vendor: NewVendor) -> str:
        """Make a vendor and give its id; it is approved at once (documented)."""
        return id_of(self._post("/vendors", vendor.to_create(owner=self._vendor_owner)), "vendor")

    def update_vendor(self, vendor_id: str, vendor: NewVendor) -> None:
        """Bring name, country, address and links up to date; contacts are left as they are."""
        self._patch(f"/vendors/{segment(vendor_id)}", vendor.to_change())

    def link_vendor(self, vendor_id: str, external_vendor_id: str) -> None:
        """Write the supplier's id on a vendor."""
        self._patch(f"/vendors/{segment(vendor_id)}", {"external_vendor_id": external_vendor_id})

    def default_contact(self, vendor_id: str) -> str:
        """Give the contact that bills of this vendor go to: its default one, else the first."""
        contacts = list(self._rows(f"/vendors/{segment(vendor_id)}/contacts", reader(VendorContact, "vendor contact")))
        chosen = next((contact for contact in contacts if contact.is_default), contacts[0] if contacts else None)
        if chosen is None:
            raise RecordError(
                f"ramp: vendor {vendor_id} has no contact; add one in Ramp",
                cause=Cause.SUPPLIER_INCOMPLETE,
                key=f"vendor_contact:{vendor_id}",
            )
        return chosen.id

    def entities(self) -> Iterator[Entity]:
        """List the legal entities of the business; one that cannot be read is logged and left out."""
        return readable(self._raw("/entities"), reader(Entity, "entity"))

    def business(self) -> Business:
        """Read the Ramp account that the key belongs to."""
        return decode(self._get("/business"), _BUSINESS, "business")
