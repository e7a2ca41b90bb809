"""Calls in turn: a road on which each call of a flow is seen, and raises what a test wants."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from mlc_pipelines.errors import OutcomeUnknownError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.flows.road import Road
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, road_of

Calls = list[list[str]]
LOST = OutcomeUnknownError("sent, answer lost")


def flow_of(count: int) -> PaperFlow:
    """So many documents: D00, D01, …"""
    return PaperFlow(Paper(**{f"D{number:02}": "1.00" for number in range(count)}))


def in_turn(ledger: Ledger, flow: PaperFlow, **more: object) -> Road:
    """A road on which calls are made one after the other, all documents translated."""
    road = replace(road_of(ledger, flow), calls_in_flight=1, **more)  # type: ignore[arg-type]  # its other fields
    collect(road)
    translate(road)
    return road


def listening(calls: Calls, *, raising: Callable[[int], Exception | None] = lambda _: None) -> Callable[..., None]:
    """Note the keys of each call; raise what the number of the call asks for."""

    def note(batch: Sequence[Outgoing]) -> None:
        calls.append([outgoing.entry.key for outgoing in batch])
        error = raising(len(calls))
        if error is not None:
            raise error

    return note


def entries_of(road: Road) -> list[Entry]:
    return road.books.reports.select(flow="papers")


def states(road: Road) -> dict[str, int]:
    return road.books.entries.tally("papers")
