"""Vendors of BILL: whom is paid. Bank data is neither read nor written."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mlc_pipelines.integrations.bill.calls import Calls, eq, id_of, made_rows, since
from mlc_pipelines.integrations.bill.models import Vendor, VendorRow, reader
from mlc_pipelines.wire.addresses import segment
from mlc_pipelines.wire.rows import Unread

PATH = "/v3/vendors"
MOST_AT_ONCE = 20
"""Vendors in one bulk call, all or nothing (documented)."""

read_vendor = reader(Vendor, "vendor")
_read_row = reader(VendorRow, "vendor")
_ACTIVE = eq("archived", value=False)


class VendorCalls(Calls):
    """Calls below /v3/vendors."""

    def vendor_rows(self, *, updated_since: datetime | None = None) -> Iterator[VendorRow | Unread]:
        """List vendors in use, oldest change first, only as far as they must be readable to be named."""
        filters = [_ACTIVE, *([since("updatedTime", updated_since)] if updated_since else [])]
        return self._carried(PATH, _read_row, filters=filters, sort="updatedTime:asc")

    def vendors_named(self, name: str) -> list[Vendor]:
        """Give the vendors in use of exactly this name; a quote cannot be asked for, so what is before it is."""
        head, quote, _ = name.partition('"')
        asked = f'name:sw:"{head}"' if quote else eq("name", name)
        filters = [_ACTIVE, *([asked] if head else [])]
        return [vendor for vendor in self._rows(PATH, read_vendor, filters=filters) if vendor.name == name]

    def vendor(self, vendor_id: str) -> Vendor:
        """Read one vendor; AbsentError when there is none."""
        return read_vendor(self._get(f"{PATH}/{segment(vendor_id)}"))

    def create_vendors(self, vendors: Sequence[Mapping[str, Any]]) -> list[str]:
        """Make up to twenty vendors, all or none, and give their ids; two posts of one vendor are two vendors."""
        if len(vendors) == 1:
            return [id_of(self._post(PATH, vendors[0]), "vendor")]
        body = self._post(f"{PATH}/bulk", list(vendors))
        names = [(vendor["shortName"], vendor["name"]) for vendor in vendors]
        made = made_rows(body, read_vendor, "vendors", sent=names, named=lambda made: (made.short_name, made.name))
        return [vendor.id for vendor in made]

    def update_vendor(self, vendor_id: str, changes: Mapping[str, Any]) -> None:
        """Change some fields; what is not named stays."""
        self._change("PATCH", f"{PATH}/{segment(vendor_id)}", changes)
