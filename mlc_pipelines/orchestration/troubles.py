"""What is wrong at this moment, one trouble per cause: broken files, holds, unsettled writes, silence."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from mlc_pipelines.connections.settings import BrokenConnection
from mlc_pipelines.errors import Cause
from mlc_pipelines.flows.causes import CATALOGUE
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.progress import Pass
from mlc_pipelines.ledger.reports import HeldGroup, Sum
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.wire.redaction import REDACTOR

BROKEN, HELD, UNSETTLED, QUIET, FAILED, SETTINGS = "broken", "held", "unsettled", "quiet", "failed", "settings"
UNREAD, LATE = "unread", "late"
HEARD = "heard"
PASSES_READ = 200
PASSES_OF_LATE = 60
LASTING = 3
"""So many reads of a flow in a row make a trouble that lasts."""
LONGEST_WAIT = timedelta(days=1)
"""A record that could not be sent for so long is told of, though every run of its flow goes well."""

_TRYING = {State.SENDING.value, State.POSTPONED.value, State.UNKNOWN.value}
_LONGEST_LINE = 600


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong. `key` is the same as long as its cause is; `steps` are the steps of runs that fail."""

    key: str
    kind: str
    connection: str
    title: str
    lines: tuple[str, ...]
    steps: tuple[str, ...] = ()


def plain(text: str) -> str:
    """Make one line of a text: no secrets, no control characters, not without end."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return REDACTOR.redact(line)[:_LONGEST_LINE]


def moment(at: datetime) -> str:
    """Write a time for people."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def no_folder(folder: Path) -> Trouble | None:
    """Say that the folder of connection files cannot be read, if so: that is not the same as no connections."""
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        said = plain(f"MLC_CONNECTIONS_DIR: {folder}: {error.strerror or type(error).__name__}.")
        remedy = (
            "Whoever runs this machine: is it mounted, may it be read? No connection works; what is held stays held."
        )
        return Trouble("settings/folder", SETTINGS, "all", "all connections: their folder is gone", (said, remedy))
    return None


def broken_files(broken: Iterable[BrokenConnection]) -> Iterator[Trouble]:
    """Give the connections whose file cannot be used."""
    for each in broken:
        problems = tuple(plain(line) for line in each.problem.splitlines()[:5])
        remedy = "Integration engineer: correct the file; the other connections go on."
        name = plain(each.name)
        yield Trouble(f"broken/{each.path.name}", BROKEN, name, f"{name}: connection broken", (*problems, remedy))


def held(books: Books) -> Iterator[Trouble]:
    """Give the causes of holds of a connection, one for each flow and cause."""
    groups: dict[tuple[str, str], list[HeldGroup]] = {}
    for group in books.reports.held():
        groups.setdefault((group.flow, group.cause), []).append(group)
    for (flow, cause), mine in sorted(groups.items()):
        count, since = sum(group.count for group in mine), min(group.since for group in mine)
        sums = money((group.currency, group.amount) for group in mine)
        advice = CATALOGUE[Cause(cause)] if cause in set(Cause) else None
        yield Trouble(
            f"held/{books.connection}/{flow}/{cause}",
            HELD,
            books.connection,
            f"{books.connection}, {flow}: held, {cause}",
            (
                f"{_records(count)} held{sums}; the first since {moment(since)}.",
                *((advice.happened, advice.remedy) if advice else ()),
                f"All that is held: mlc holds {books.connection}",
            ),
        )


def unsettled(books: Books, now: datetime, *, after: timedelta) -> Iterator[Trouble]:
    """Give the flows with writes of unknown outcome that are older than that."""
    for flow in sorted(books.intents.count_open()):
        old = [
            intent
            for stage in (Stage.DELIVER, Stage.CONFIRM)
            for intent in books.intents.unsettled(flow, stage)
            if now - intent.opened_at >= after
        ]
        if old:
            sums = money((each.entry.currency, each.entry.amount or Decimal(0)) for each in old)
            first = moment(min(each.opened_at for each in old))
            yield Trouble(
                f"unsettled/{books.connection}/{flow}",
                UNSETTLED,
                books.connection,
                f"{books.connection}, {flow}: outcome of writes unknown",
                (
                    f"{_records(len(old))} sent without an answer{sums}; the first at {first}.",
                    "The next run looks each one up before anything is sent again.",
                    f"Integration engineer: if no run comes, see why; then: mlc status {books.connection}",
                ),
            )


def late(books: Books, now: datetime) -> Iterator[Trouble]:
    """Give the flows whose oldest postponed record has been tried for too long, each time without success."""
    waiting: dict[tuple[str, Stage], list[Sum]] = {}
    for each in books.reports.sums():
        if each.state is State.POSTPONED:
            waiting.setdefault((each.flow, each.stage), []).append(each)
    for (flow, stage), sums in waiting.items():
        for oldest in books.entries.due(flow, stage, [State.POSTPONED], limit=1):
            before = [each.at for each in books.reports.trail(oldest) if each.after not in _TRYING]
            if before and now - before[-1] >= LONGEST_WAIT:
                count, total = sum(each.count for each in sums), money((each.currency, each.amount) for each in sums)
                first = f"the oldest, {plain(oldest.label)}, is tried since {moment(before[-1])}."
                yield Trouble(
                    f"late/{books.connection}/{flow}/{stage}",
                    LATE,
                    books.connection,
                    f"{books.connection}, {flow}: records wait to be sent",
                    (
                        f"{_records(count)} postponed{total}; {first}",
                        f"Why: {plain(oldest.problem or '')}",
                        f"Integration engineer: the story of one: mlc trail {books.connection} {plain(oldest.key)}",
                    ),
                )


def unread(books: Books) -> Iterator[Trouble]:
    """Give the flows whose last reads all failed to read a change of a record that is known."""
    for flow, passes in sorted(_collects(books.progress.last(most=PASSES_OF_LATE)).items()):
        late = [each.counts.get("unread", 0) for each in passes[:LASTING]]
        if len(late) == LASTING and all(late):
            yield Trouble(
                f"unread/{books.connection}/{flow}",
                UNREAD,
                books.connection,
                f"{books.connection}, {flow}: a change cannot be read",
                (
                    f"{_records(late[0])} known to us changed, and the source does not give the change.",
                    "What is here stays as it is; it is asked for again with each run.",
                    "Integration engineer: the log of the run names each (record did not come).",
                ),
            )


def quiet(books: Books, now: datetime, *, hours: float) -> Trouble | None:
    """Say that nothing new or changed came into a connection for so long, if so.

    When it last did is kept beside the passes, of which only the newest are read; a connection that never ran is
    not quiet.
    """
    name = books.connection
    last = last_data(books, now)
    if last is None or now - last < timedelta(hours=hours):
        return None
    return Trouble(
        f"quiet/{name}",
        QUIET,
        name,
        f"{name}: no data for {hours:g} hours",
        (
            f"Nothing new or changed has come in since {moment(last)}.",
            f"Integration engineer: is the schedule on, do both sides answer? mlc check {name}",
        ),
    )


def last_data(books: Books, now: datetime) -> datetime | None:
    """Tell when something came in last; where the passes read do not reach back far enough, in favour of silence."""
    known = books.dictionary.known(HEARD)
    before = {word: datetime.fromisoformat(at) for word, at in known.items()}
    looked = before.get("looked")
    found = [before["data"]] if "data" in before else []
    for passes in _collects(books.progress.last(most=PASSES_READ)).values():
        oldest = passes[-1].started_at
        found += [each.started_at for each in passes if _brought(each.counts)][:1]
        if looked is None or looked < oldest:  # what was before the oldest, nobody has seen
            found.append(oldest)
    if not found:
        return None
    last = max(found)
    books.dictionary.learn(HEARD, {"data": last.isoformat(), "looked": now.isoformat()})
    return last


def money(amounts: Iterable[tuple[str | None, Decimal]]) -> str:
    """Add up by currency: `: 12.00 EUR, 7.50 USD`; nothing where there is no money."""
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        if currency:
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    told = ", ".join(f"{amount:,f} {currency}" for currency, amount in sorted(sums.items()))
    return f": {told}" if told else ""


def _collects(passes: Sequence[Pass]) -> dict[str, list[Pass]]:
    """Give the reads of each flow, newest first."""
    found: dict[str, list[Pass]] = {}
    for each in passes:
        if each.stage == "collect":
            found.setdefault(each.flow, []).append(each)
    return found


def _brought(counts: Mapping[str, object]) -> bool:
    return any(counts.get(word) for word in ("new", "changed"))


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"
