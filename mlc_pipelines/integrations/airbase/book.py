"""The vendors of Airbase, read whole and kept for a moment: there is no list of changes and no single read."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from mlc_pipelines.integrations.airbase.client import AirbaseClient
from mlc_pipelines.integrations.airbase.models import Vendor
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.rows import Unread

KEPT = timedelta(seconds=60)


class VendorBook:
    """All vendors by Airbase's id; safe to use from several threads."""

    def __init__(self, airbase: AirbaseClient, clock: Clock) -> None:
        self._airbase = airbase
        self._clock = clock
        self._lock = threading.Lock()
        self._vendors: dict[str, Vendor] = {}
        self._unread: list[Unread] = []
        self._read_at: datetime | None = None

    def all(self) -> Mapping[str, Vendor]:
        """Give all vendors, read within the last minute."""
        with self._lock:
            now = self._clock.now()
            if self._read_at is None or now - self._read_at > KEPT:
                there = list(self._airbase.vendors_carried())
                self._vendors = {vendor.id: vendor for vendor in there if not isinstance(vendor, Unread)}
                self._unread = [row for row in there if isinstance(row, Unread)]
                self._read_at = now
            return dict(self._vendors)

    def unread(self) -> Sequence[Unread]:
        """Give the rows of the list that cannot be read; `all` was called before."""
        with self._lock:
            return list(self._unread)

    def keep(self, vendors: Iterable[Vendor]) -> None:
        """Take over vendors as an answer to our own write shows them."""
        with self._lock:
            self._vendors.update((vendor.id, vendor) for vendor in vendors)

    def forget(self) -> None:
        """Read anew at the next question."""
        with self._lock:
            self._read_at = None
