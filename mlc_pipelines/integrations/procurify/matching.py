"""Which supplier of IFS a vendor is: a ladder of evidence, the surest first, and no guess below it."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlc_pipelines.ifs.suppliers import Supplier
from mlc_pipelines.integrations.procurify.models import Vendor

SHORTEST_TAX_NUMBER = 5
_COUNTRY_CODE = 2


def plain(text: str) -> str:
    """Write a name or number as it is compared: NFKC, upper case, spaces collapsed; dashes, slashes and zeros stay."""
    return " ".join(unicodedata.normalize("NFKC", text).upper().split())


def country_code(text: str | None, countries: Mapping[str, str]) -> str | None:
    """Give the code of a country written in free words: by the table, else the two letters that it is already."""
    if not text:
        return None
    table = {plain(name): code for name, code in countries.items()}
    written = plain(text)
    known = table.get(written)
    return known or (written if len(written) == _COUNTRY_CODE and written.isalpha() else None)


@dataclass(frozen=True, slots=True)
class Match:
    """What the ladder found: the supplier and by which rung, or suppliers that a person may choose from."""

    supplier: Supplier | None = None
    how: str = ""
    proposals: tuple[Supplier, ...] = ()


@dataclass
class Ladder:
    """Matches vendors with suppliers. `bound` was made by this connection, `confirmed` by a person in the tables."""

    suppliers: Iterable[Supplier]
    bound: Mapping[str, str] = field(default_factory=dict)
    confirmed: Mapping[str, str] = field(default_factory=dict)
    countries: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_id: dict[str, Supplier] = {}
        self._by_tax: dict[str, list[Supplier]] = {}
        self._by_name: dict[str, list[Supplier]] = {}
        for supplier in self.suppliers:
            self._by_id[supplier.id] = supplier
            self._by_name.setdefault(plain(supplier.name), []).append(supplier)
            if number := _tax(supplier.tax_id):
                self._by_tax.setdefault(number, []).append(supplier)

    @property
    def known(self) -> Mapping[str, Supplier]:
        """The suppliers by number."""
        return self._by_id

    def match(self, vendor: Vendor) -> Match:
        """Climb the ladder; the name alone is a proposal, never a match."""
        for how, number in (
            ("binding", self.bound.get(vendor.id)),
            ("table", self.confirmed.get(vendor.id)),
            ("external id", vendor.external_id),
        ):
            if number in self._by_id:
                return Match(self._by_id[number], how)
        named = tuple(self._by_name.get(plain(vendor.name or ""), ()))
        taxed = self._by_tax.get(_tax(vendor.tax_number) or "", [])
        if vendor.external_id or len(taxed) > 1:
            return Match(proposals=(*taxed, *(each for each in named if each not in taxed)))
        if taxed:
            return Match(taxed[0], "tax number")
        country = country_code(vendor.country, self.countries)
        here = [supplier for supplier in named if country and supplier.country == country]
        return Match(here[0], "name and country") if len(here) == 1 else Match(proposals=named)


def _tax(text: str | None) -> str | None:
    number = "".join(sign for sign in plain(text or "") if sign.isalnum())
    return number if len(number) >= SHORTEST_TAX_NUMBER else None


def said(suppliers: Sequence[Supplier]) -> str:
    """Name suppliers for a person."""
    return ", ".join(f"{supplier.id} {supplier.name}" for supplier in suppliers)
