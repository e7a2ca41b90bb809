"""Exports: what Stampli would write into the drop folder now."""

from collections.abc import Sequence
from datetime import datetime

from mlc_pipelines.sandbox.stampli import layouts
from mlc_pipelines.sandbox.stampli.drop import INVOICES, ORDERS, VENDORS, Drop, stamp
from mlc_pipelines.sandbox.stampli.records import Invoice
from mlc_pipelines.sandbox.stampli.seed import TERMS
from mlc_pipelines.sandbox.stampli.switches import Switches
from mlc_pipelines.sandbox.world import World

LAYOUTS = ("csv", "xml", "both")


class Exporter:
    """Writes files; which invoices go into them is for others to say."""

    def __init__(self, world: World, drop: Drop, *, switches: Switches) -> None:
        self._world = world
        self._drop = drop
        self._switches = switches

    def invoices(self, chosen: Sequence[Invoice], *, layout: str, per_file: int, name: str | None = None) -> list[str]:
        """Write invoices into files of so many each; `both` takes turns between CSV and XML. Returns the paths."""
        if layout not in LAYOUTS:
            raise ValueError(f"unknown layout {layout!r}: use one of {', '.join(LAYOUTS)}")
        if per_file < 1:
            raise ValueError("per_file is at least 1")
        at = self._drop.clock.now()
        paths = []
        for number, first in enumerate(range(0, len(chosen), per_file), start=1):
            kind = ("xml" if number % 2 == 0 else "csv") if layout == "both" else layout
            content = self.content(chosen[first : first + per_file], kind=kind, at=at)
            stem = name or f"invoices_{stamp(at)}_{number:02}"
            path = self._drop.free_name(INVOICES, stem, f".{kind}")
            paths.append(self._drop.write(path, content))
        for invoice in chosen:
            invoice.exported = invoice.standing()
        return paths

    def content(self, chosen: Sequence[Invoice], *, kind: str, at: datetime) -> bytes:
        """Give the bytes of one file."""
        write = layouts.invoices_xml if kind == "xml" else layouts.invoices_csv
        return write(chosen, at=at, switches=self._switches)

    def vendors(self) -> str:
        """Write the vendor list; return the path."""
        at = self._drop.clock.now()
        path = self._drop.free_name(VENDORS, f"vendors_{stamp(at)}", ".csv")
        return self._drop.write(path, layouts.vendors_csv(self._world.suppliers, at=at, terms=TERMS))

    def purchase_orders(self) -> str:
        """Write the purchase orders; return the path."""
        at = self._drop.clock.now()
        path = self._drop.free_name(ORDERS, f"purchase_orders_{stamp(at)}", ".csv")
        return self._drop.write(path, layouts.orders_csv(self._world.orders, at=at))
