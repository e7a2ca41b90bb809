"""What an asset shows of a pass: counts, sums, holds, watermark and a chart; never a record's content."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import dagster as dg

from mlc_pipelines.errors import Cause
from mlc_pipelines.flows.causes import CATALOGUE
from mlc_pipelines.flows.road import Tally
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.progress import Pass
from mlc_pipelines.ledger.reports import HeldGroup, Sum
from mlc_pipelines.orchestration.charts import BAD, GOOD, WAITING, Bar, Part, columns, table

Facts = dict[str, dg.MetadataValue[Any]]

PLACES = ("delivered", "under_way", "held", "ignored")
PASSES_SHOWN = 24
HELD_SHOWN = 50
_MOVED = {"new", "changed", "translated", "landed"}
_WAITING = {"held"}
_MISSED = {"postponed", "unknown"}


def pass_metadata(books: Books, flow: str, stage: str, tally: Tally) -> Facts:
    """Describe one pass of a stage, and where the records of its flow stand after it."""
    sums = books.reports.sums(flow=flow)
    counts = {place: sum(each.count for each in sums if each.place == place) for place in PLACES}
    facts: Facts = {f"this pass: {what}": dg.MetadataValue.int(number) for what, number in tally.counts.items()}
    facts |= {f"all: {place.replace('_', ' ')}": dg.MetadataValue.int(number) for place, number in counts.items()}
    facts["sums"] = dg.MetadataValue.md(sums_table(sums))
    held = books.reports.held(flow=flow)
    if held:
        facts["held by cause"] = dg.MetadataValue.md(held_table(held))
    if stage == "collect":
        positions = sorted(books.progress.positions(flow).items())
        marks = [(feed, f"{position:%Y-%m-%d %H:%M:%S} UTC") for feed, position in positions]
        facts["watermark"] = dg.MetadataValue.md(table(("feed", "read up to"), marks))
    facts["last passes"] = dg.MetadataValue.md(passes_chart(books.progress.last(most=PASSES_SHOWN), flow, stage))
    return facts


def sums_table(sums: Sequence[Sum]) -> str:
    """Write count and money by place and currency."""
    lines = []
    for place in PLACES:
        for currency in sorted({each.currency or "" for each in sums if each.place == place}):
            mine = [each for each in sums if each.place == place and (each.currency or "") == currency]
            amount = sum((each.amount for each in mine), Decimal(0))
            lines.append(
                (place.replace("_", " "), sum(each.count for each in mine), amount if currency else "", currency)
            )
    return table(("place", "records", "amount", "currency"), lines)


def held_table(held: Sequence[HeldGroup]) -> str:
    """Write holds by cause, the most first, with what happened and what to do.

    Each pass keeps a table in the event log of Dagster; all that is held is a question to the ledger.
    """
    lines = []
    for group in held[:HELD_SHOWN]:
        advice = CATALOGUE[Cause(group.cause)] if group.cause in set(Cause) else None
        lines.append(
            (
                group.cause,
                group.cause_key,
                group.count,
                f"{group.amount} {group.currency}" if group.currency else "",
                f"{group.since:%Y-%m-%d %H:%M}",
                advice.happened if advice else "",
                advice.remedy if advice else "",
            )
        )
    told = table(("cause", "key", "records", "amount", "since (UTC)", "what happened", "what to do"), lines)
    more = len(held) - len(lines)
    return f"{told}\n\nand {more} more; `mlc holds` lists them all" if more else told


def passes_chart(passes: Sequence[Pass], flow: str, stage: str) -> str:
    """Draw the last passes of a stage: moved, held, not answered."""
    mine = [each for each in reversed(passes) if (each.flow, each.stage) == (flow, stage)]
    return columns([_bar(each) for each in mine])


def _bar(each: Pass) -> Bar:
    def total(words: set[str]) -> Decimal:
        return Decimal(sum(int(number) for what, number in each.counts.items() if what in words))

    told = ", ".join(f"{what} {number}" for what, number in each.counts.items()) or "nothing new"
    parts = [Part(GOOD, total(_MOVED)), Part(WAITING, total(_WAITING)), Part(BAD, total(_MISSED))]
    return Bar(f"{each.started_at:%Y-%m-%d %H:%M} UTC: {told}", parts)
