"""Dimensions: code part values of IFS, matched with BILL's classes, departments and locations by name."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.ifs.code_parts import CodeParts, CodePartValue
from mlc_pipelines.integrations.bill.classification_client import MOST_AT_ONCE
from mlc_pipelines.integrations.bill.classifying import Classifier
from mlc_pipelines.integrations.bill.desk import Desk
from mlc_pipelines.integrations.bill.matching import same_dimension, to_dimension
from mlc_pipelines.integrations.bill.models import KINDS, Classification
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.wire.rows import Unread


class DimensionsToBill:
    """Finds the class, department or location of each value of the mapped code parts."""

    name = "dimensions"
    sentence = (
        "Values of the mapped code parts are matched with BILL's classifications; missing ones are held, or made."
    )
    kind = "bill_dimension"
    assets = Assets(
        collect=Asset("code_part_values", "Values of the mapped code parts as IFS has them.", ("ifs",)),
        translate=Asset("named_dimensions", "The same values with their names in BILL."),
        deliver=Asset("dimensions", "Classes, departments and locations that values are bound to.", ("bill",)),
    )
    deliver_batch = MOST_AT_ONCE
    confirm_batch = 1
    amends = True

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._values = CodeParts(desk.ifs)
        self._there: dict[str, list[Classification]] = {}
        self._classifier = Classifier(
            desk.bill,
            same=lambda rows, payload: same_dimension(rows, payload["name"], payload["code"]),
            body=lambda payload: {"name": payload["name"]},
            known=lambda payload: payload["name"],
        )
        self.settle_after = desk.settings.settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed a company and code part."""
        letters = sorted(self._desk.dimensions())
        return [f"{company}^{letter}" for company in self._desk.connection.companies for letter in letters]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List all values of a code part: IFS has no changed-since for them."""
        company, letter = feed.split("^")
        for value in self._values.carried(company, letter):
            if isinstance(value, Unread):
                yield Sighting.of_unread(value, prefix=f"{feed}^")
            else:
                yield Sighting(f"{feed}^{value.value}", carry=value)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing: IFS sends no events."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the value from the list, which has all of it."""
        value: CodePartValue = sighting.carry
        return SourceRecord(
            key=sighting.key,
            company=value.company,
            content=value.raw,
            fingerprint=fingerprint([value.value, value.description, value.valid_until]),
            label=value.value,
            partner=value.description or "",
        )

    def prepare(self) -> None:
        """Read the names that BILL has, kind by kind."""
        kinds = sorted(set(self._desk.dimensions().values()))
        self._there = {kind: list(self._desk.bill.classifications_known(KINDS[kind])) for kind in kinds}
        named = {f"{kind} {row.name}": row.id for kind in kinds for row in self._there[kind] if not row.archived}
        self._desk.dictionary.learn("classification", named)

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Name the value; one that is no longer valid, or whose code part is no longer mapped, is not offered."""
        company, letter, _ = entry.key.split("^", 2)
        value = self._values.read(entry.source, company=company, letter=letter)
        kind = self._desk.dimensions().get(letter)
        if kind is None:
            return Ignored(Cause.NOT_READY, f"code part {letter} is not in mapping.dimensions")
        if value.valid_until is not None and value.valid_until < entry.since.date():
            return Ignored(Cause.NOT_READY, f"value {value.value} was valid until {value.valid_until}")
        named = to_dimension(value, self._desk.settings.dimension_names)
        missing = same_dimension(self._there.get(kind, []), named["name"], named["code"]) is None
        if missing and not self._desk.settings.create_dimensions:
            raise RecordError(
                f"BILL has no {kind} {named['name']!r}; make it there, or set bill.create_dimensions",
                cause=Cause.DIMENSION_UNMAPPED,
                key=f"classification:{kind} {named['name']}",
            )
        return Translated(encode({"kind": KINDS[kind], **named}), entry.key)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look the values up by name."""
        return self._classifier.find(batch)

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Bind those that are there, make the others, in one call a kind."""
        return self._classifier.deliver(batch)

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: IFS is not told."""
        return [Landed("") for _ in batch]
