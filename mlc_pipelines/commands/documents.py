"""What `--json` tells of the ledger, as plain values; also the catalogue's words for a cause."""

from collections.abc import Sequence
from dataclasses import asdict

from mlc_pipelines.errors import Cause
from mlc_pipelines.flows.causes import CATALOGUE, Advice
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.reports import Happening, HeldGroup, Sum

_TOLD = (
    "flow", "key", "version", "state", "label", "reference", "external_id", "confirmation", "cause", "problem",
    "amount", "currency",
)  # fmt: skip


def sum_document(each: Sum) -> dict[str, object]:
    """Tell count and money of entries that stand alike, and in one word where that is."""
    return {**asdict(each), "place": each.place}


def hold_document(connection: str, group: HeldGroup) -> dict[str, object]:
    """Tell held entries that share a cause, and what to do."""
    advice = advice_for(group)
    return {"connection": connection, **asdict(group), "happened": advice.happened, "remedy": advice.remedy}


def story_document(entry: Entry, told: Sequence[Happening], archive: str | None) -> dict[str, object]:
    """Tell one version of a record and everything that happened to it, or which archive has that."""
    story = {name: getattr(entry, name) for name in _TOLD}
    return {**story, "archive": archive, "events": [asdict(happening) for happening in told]}


def advice_for(group: HeldGroup) -> Advice:
    """Give the words for the cause of a group."""
    return CATALOGUE[Cause(group.cause)]
