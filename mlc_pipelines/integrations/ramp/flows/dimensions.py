"""Dimensions: code part values of IFS, as options of Ramp's accounting fields."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mlc_pipelines.errors import Cause
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.ifs.code_parts import CodeParts, CodePartValue
from mlc_pipelines.integrations.erp.accounts import company_code
from mlc_pipelines.integrations.ramp.desk import Desk, landed_as
from mlc_pipelines.integrations.ramp.mapping import field_id
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.wire.rows import Unread


class DimensionsToRamp:
    """Sends the values of the code parts that the connection maps, one Ramp field a code part."""

    name = "dimensions"
    sentence = "Values of the mapped code parts become options of accounting fields in Ramp."
    kind = "option"
    assets = Assets(
        collect=Asset("code_part_values", "Values of the mapped code parts as IFS has them.", ("ifs",)),
        translate=Asset("coded_dimensions", "The same values in Ramp's words."),
        deliver=Asset("dimensions", "Options of the accounting fields in Ramp.", ("ramp",)),
    )
    deliver_batch = 500
    confirm_batch = 1
    amends = True

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._values = CodeParts(desk.ifs)
        self._fields: dict[str, str] = {}
        self.settle_after = desk.settings.settle_after_seconds

    def _letters(self) -> dict[str, str]:
        names = self._desk.dimensions()
        return {part.removeprefix("Code"): name for part, name in names.items()}

    def feeds(self) -> Sequence[str]:
        """One feed a company and code part."""
        return [
            f"{company}^{letter}" for company in self._desk.connection.companies for letter in sorted(self._letters())
        ]

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
        """Nothing to open: the record carries all that is needed."""

    def _open_fields(self) -> dict[str, str]:
        if not self._fields:
            self._desk.ramp.ensure_connection(self._desk.settings.provider_name)
            letters = self._letters()
            self._fields = {
                letter: self._desk.ramp.ensure_field(field_id(letter), name) for letter, name in letters.items()
            }
        return self._fields

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Describe the value; one that is no longer valid is not offered."""
        company, letter, _ = entry.key.split("^", 2)
        value = self._values.read(entry.source, company=company, letter=letter)
        if value.valid_until is not None and value.valid_until < entry.since.date():
            return Ignored(Cause.NOT_READY, f"value {value.value} was valid until {value.valid_until}")
        shown = f"{value.value} {value.description}".strip() if value.description else value.value
        option = {"id": company_code(company, value.value), "value": shown, "code": value.value}
        return Translated(encode({"part": letter, "option": option}), entry.key)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look the options up by our id, field by field."""
        fields = self._open_fields()
        found = {}
        for letter in {outgoing.payload["part"] for outgoing in batch}:
            there = {option.id: option for option in self._desk.ramp.options(fields[letter])}
            for outgoing in batch:
                named = outgoing.payload["option"]["id"]
                if outgoing.payload["part"] == letter and named in there:
                    found[outgoing.entry.id] = Landed(there[named].ramp_id)
        return found

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Upload the new ones in one call a field, rename the others one by one.

        Where a second field is refused after a first was taken, the look-up before the next try finds the first.
        """
        fields = self._open_fields()
        new = [outgoing for outgoing in batch if outgoing.bound is None]
        for outgoing in batch:
            if outgoing.bound is not None:
                option = outgoing.payload["option"]
                self._desk.ramp.update_option(outgoing.bound, value=option["value"], code=option["code"])
        for letter in sorted({outgoing.payload["part"] for outgoing in new}):
            options = [outgoing.payload["option"] for outgoing in new if outgoing.payload["part"] == letter]
            self._desk.ramp.create_options(fields[letter], options)
        made = dict(self.find(new)) if new else {}
        made |= {o.entry.id: Landed(o.bound) for o in batch if o.bound is not None}
        return landed_as(batch, made, "options")

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: IFS is not told."""
        return [Landed("") for _ in batch]
