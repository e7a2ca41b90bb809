"""What every Ramp flow is handed: both clients, the settings, and the connection's dictionary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.errors import OutcomeUnknownError
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.settings import IfsSettings
from mlc_pipelines.integrations.erp.dimensions import mapped_code_parts
from mlc_pipelines.integrations.erp.invoices import BILL
from mlc_pipelines.integrations.ramp.client import RampClient
from mlc_pipelines.integrations.ramp.models import Bill
from mlc_pipelines.integrations.ramp.settings import RampSettings
from mlc_pipelines.ledger.bindings import Dictionary
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.records import Landed


@dataclass(frozen=True, slots=True)
class Desk:
    """One connection's clients and settings."""

    connection: Connection
    books: Books
    ifs: IfsClient
    ramp: RampClient

    @property
    def dictionary(self) -> Dictionary:
        """What the connection knows of names."""
        return self.books.dictionary

    @property
    def settings(self) -> RampSettings:
        """The connection's `ramp` section."""
        return self.connection.section(RampSettings)

    @property
    def ifs_settings(self) -> IfsSettings:
        """The connection's `ifs` section."""
        return self.connection.section(IfsSettings)

    def entities(self) -> dict[str, str]:
        """Give the id of each company's entity: named in the settings by name or id, else by the company's own code.

        Ramp is asked only when a company or its name in the settings is new to the dictionary.
        """
        wanted = {company: self.settings.entities.get(company, company) for company in self.connection.companies}
        known = self.dictionary.known("entity")
        if set(known) == set(wanted) and self.dictionary.known("entity_name") == wanted:
            return known
        there = list(self.ramp.entities())
        found = {}
        for company, name in wanted.items():
            fitting = [entity.id for entity in there if name in (entity.id, entity.entity_name)]
            if len(fitting) == 1:
                found[company] = fitting[0]
        self.dictionary.learn("entity", found)
        self.dictionary.learn("entity_name", wanted)
        return found

    def invoice_of(self, bill: Bill) -> str | None:
        """Name the invoice that a bill was made of: by our reference, or our binding where somebody took it off."""
        if bill.remote_id:
            return bill.remote_id
        bound = [self.dictionary.by_external_id(BILL, id_) for id_ in (bill.draft_bill_id, bill.id) if id_]
        return next((binding.key for binding in bound if binding is not None), None)

    def table(self, name: str) -> dict[str, str] | None:
        """Give a mapping table of the connection file; None where it has none of that name."""
        table = self.connection.mapping.table(name)
        return dict(table) if table is not None else None

    def dimensions(self) -> dict[str, str]:
        """Give what each mapped code part (`CodeB`) is called there."""
        return mapped_code_parts(self.connection)


def landed_as(batch: Sequence[Outgoing], found: Mapping[int, Landed], what: str) -> list[Landed]:
    """Give what was found for each of a batch just written, or raise OutcomeUnknownError when one is not there."""
    missing = [outgoing.entry.key for outgoing in batch if outgoing.entry.id not in found]
    if missing:
        raise OutcomeUnknownError(f"ramp: {what} {', '.join(missing[:5])}: taken, but not listed; look again later")
    return [found[outgoing.entry.id] for outgoing in batch]
