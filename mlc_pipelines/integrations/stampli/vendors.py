"""Which supplier a vendor of Stampli is: by number, by the alias table, by its exact name, or one made of it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.suppliers import Supplier
from mlc_pipelines.integrations.erp.suppliers import born_id
from mlc_pipelines.integrations.stampli.values import normalised

VENDOR_TABLE = "stampli_vendor"
"""Reference data: what Stampli's list tells of each vendor, by number."""


@dataclass(frozen=True, slots=True)
class Match:
    """The supplier of a vendor; `is_new` when it is still to be made under that id."""

    supplier: str
    name: str
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Vendors:
    """Suppliers by every way to find one. `create` makes one of an unknown vendor that has a name."""

    by_id: Mapping[str, Supplier] = field(default_factory=dict)
    by_name: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    create: bool = False
    names_must_agree: bool = False
    prefix: str = "ST"

    @classmethod
    def of(
        cls, suppliers: Iterable[Supplier], aliases: Mapping[str, str], *, create: bool, names_must_agree: bool,
        prefix: str,
    ) -> "Vendors":  # fmt: skip
        """Arrange suppliers for the search."""
        by_id = {supplier.id: supplier for supplier in suppliers}
        by_name: dict[str, tuple[str, ...]] = {}
        for supplier in by_id.values():
            name = normalised(supplier.name)
            by_name[name] = (*by_name.get(name, ()), supplier.id)
        known = {normalised(alias): supplier for alias, supplier in aliases.items()}
        return cls(by_id, by_name, known, create=create, names_must_agree=names_must_agree, prefix=prefix)

    def find(self, vendor_id: str | None, name: str | None) -> Match | None:
        """Find the supplier of a vendor; None for an unknown one."""
        number, plain = normalised(vendor_id or ""), normalised(name or "")
        for candidate in (vendor_id, number, self.aliases.get(number), self.aliases.get(plain)):
            if candidate and candidate in self.by_id:
                return Match(candidate, self.by_id[candidate].name)
        made = self.born(vendor_id, name)
        if made in self.by_id:
            return Match(made, self.by_id[made].name)
        named = self.by_name.get(plain, ()) if plain else ()
        return Match(named[0], self.by_id[named[0]].name) if len(named) == 1 else None

    def match(self, vendor_id: str | None, name: str | None) -> Match:
        """Give the supplier of a vendor, or hold the record."""
        found = self.find(vendor_id, name)
        if found is not None:
            self._check_name(found, vendor_id, name)
            return found
        named = self.by_name.get(normalised(name or ""), ())
        if len(named) > 1:
            raise self._unknown(vendor_id, name, f"IFS has {len(named)} suppliers so named: {', '.join(named)}")
        if not self.create:
            raise self._unknown(vendor_id, name, "IFS has no such supplier")
        if not name:
            raise self._unknown(vendor_id, name, "it has no name to make a supplier of")
        return Match(self.born(vendor_id, name), name, is_new=True)

    def born(self, vendor_id: str | None, name: str | None) -> str:
        """Derive the id of a supplier that we make, the same each time."""
        word = f"id:{normalised(vendor_id)}" if vendor_id else f"name:{normalised(name or '')}"
        return born_id(self.prefix, hashlib.sha256(word.encode()).hexdigest()[:10])

    def _check_name(self, found: Match, vendor_id: str | None, name: str | None) -> None:
        if self.names_must_agree and name and normalised(name) != normalised(found.name):
            raise RecordError(
                f"vendor {vendor_id} is {name!r} in Stampli, supplier {found.supplier} is {found.name!r} in IFS; "
                "make them agree",
                cause=Cause.VENDOR_CONFLICT,
                key=vendor_key(vendor_id, name),
            )

    def _unknown(self, vendor_id: str | None, name: str | None, why: str) -> RecordError:
        said = " ".join(each for each in (vendor_id, name) if each)
        return RecordError(
            f"vendor {said}: {why}; add it to mapping.vendors of the connection, or make the supplier in IFS",
            cause=Cause.VENDOR_UNKNOWN,
            key=vendor_key(vendor_id, name),
        )


def vendor_key(vendor_id: str | None, name: str | None) -> str:
    """Name a vendor that a record waits for."""
    return f"vendor:{normalised(vendor_id or '')}|{normalised(name or '')}"
