"""The alerts sensor: each cause is told once when it begins and once when it ends; the ledger keeps the book."""

import logging
import os
from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg
import msgspec

from mlc_pipelines.connections.settings import connections_folder
from mlc_pipelines.errors import MlcError
from mlc_pipelines.integrations.catalogue import catalogue
from mlc_pipelines.integrations.house import House, read_connections
from mlc_pipelines.ledger.leases import LeaseTakenError
from mlc_pipelines.orchestration import alert_book
from mlc_pipelines.orchestration.alert_book import Alerts
from mlc_pipelines.orchestration.alert_receivers import AlertSettings, News, Receiver
from mlc_pipelines.orchestration.failed_runs import failing, look
from mlc_pipelines.orchestration.maintenance import NAME as MAINTENANCE
from mlc_pipelines.orchestration.opened import house_of
from mlc_pipelines.orchestration.troubles import (
    BROKEN,
    FAILED,
    HELD,
    LATE,
    QUIET,
    SETTINGS,
    UNREAD,
    UNSETTLED,
    Trouble,
    broken_files,
    held,
    late,
    no_folder,
    plain,
    quiet,
    unread,
    unsettled,
)

EVERY_SECONDS = 30
QUIET_EVERY = timedelta(minutes=10)
MOST_TOLD = 50
BOOK = "mlc/alerts"
"""Where the book of alerts is kept: no connection can be called so."""

logger = logging.getLogger("mlc_pipelines.alerts")


class Looked(msgspec.Struct, frozen=True):
    """How far a tick has looked. Losing it costs a longer look; what was told is in the ledger."""

    runs: datetime | None = None
    quiet: datetime | None = None
    seen: list[str] = []  # runs that ended lately and have been read

    @classmethod
    def read(cls, cursor: str | None) -> "Looked":
        """Read a cursor; one that cannot be read is none."""
        try:
            return msgspec.json.decode(cursor or "{}", type=cls)
        except msgspec.MsgspecError:
            return cls()


@dg.sensor(
    name="alerts",
    minimum_interval_seconds=EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells each cause once when it begins and once when it ends: to the log, by e-mail, to a webhook.",
)
def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Look at what is wrong, compare it with the book, and tell the difference."""
    house = house_of(os.environ)
    settings = AlertSettings.read(os.environ, house.vault.get)
    looked = Looked.read(context.cursor)
    before = alert_book.read(house.ledger.books(BOOK).dictionary)
    troubles, kinds, after = _look(house, settings, context.instance, before=before, looked=looked)
    try:
        said = _tell(house, settings, troubles, kinds)
    except LeaseTakenError:  # two daemons: the other one tells, and this one looks again from where it was
        return dg.SensorResult(skip_reason=dg.SkipReason("another daemon is telling"), cursor=context.cursor)
    return dg.SensorResult(skip_reason=dg.SkipReason(said), cursor=msgspec.json.encode(after).decode())


def _look(
    house: House, settings: AlertSettings, instance: dg.DagsterInstance, *, before: Alerts, looked: Looked
) -> tuple[list[Trouble], set[str], Looked]:
    """Give what is wrong now, which kinds of trouble were looked for, and how far."""
    gone = no_folder(connections_folder(os.environ))
    if gone is not None:  # nobody can look, so that nothing is over
        return [*settings.troubles(), gone], {SETTINGS}, looked
    now = house.ledger.clock.now()
    connections, broken = read_connections(os.environ)
    integrations = {each.name: catalogue()[each.integration] for each in connections}
    names = dict.fromkeys([*integrations, *(each.name for each in broken)])
    watched = [*names, MAINTENANCE]
    runs = look(instance, watched, now=now, since=looked.runs, seen=looked.seen)
    open_runs = [each.trouble for each in before.values() if each.trouble.kind == FAILED and each.over is None]
    troubles = [
        *settings.troubles(),
        *broken_files(broken),
        *failing(runs, open_runs, {name: integrations.get(name) for name in watched}),
    ]
    kinds = {SETTINGS, BROKEN, FAILED, HELD, UNSETTLED, UNREAD}
    for name in names:
        books = house.ledger.books(name)
        troubles += held(books)
        troubles += unsettled(books, now, after=settings.unknown_after)
        troubles += unread(books)
    due = looked.quiet is None or now - looked.quiet >= QUIET_EVERY
    if due or settings.quiet_hours is None:
        kinds.add(QUIET)
        troubles += _silences(house, list(integrations), settings.quiet_hours, now)
    if due:
        kinds.add(LATE)
        troubles += [trouble for name in names for trouble in late(house.ledger.books(name), now)]
    return troubles, kinds, Looked(runs.until, now if due else looked.quiet, list(runs.seen))


def _silences(house: House, names: list[str], hours: float | None, now: datetime) -> Iterator[Trouble]:
    for name in names if hours is not None else ():
        silence = quiet(house.ledger.books(name), now, hours=hours or 0.0)
        if silence is not None:
            yield silence


def _tell(house: House, settings: AlertSettings, troubles: list[Trouble], kinds: set[str]) -> str:
    """Write the difference into the book, then tell it; who could not be told is told at the next tick."""
    now, dictionary = house.ledger.clock.now(), house.ledger.books(BOOK).dictionary
    receivers = [receiver.name for receiver in settings.receivers]
    before = alert_book.read(dictionary)
    after = alert_book.settled(before, troubles, now, looked_for=kinds)
    if after == before and not any(alert_book.untold(after, name, most=1) for name in receivers):
        return f"nothing new; {len(after)} go on" if after else "all is well"
    with house.ledger.leases.hold(BOOK):
        book = alert_book.settled(alert_book.read(dictionary), troubles, now, looked_for=kinds)
        alert_book.write(dictionary, book)
        count = 0
        for receiver in settings.receivers:
            news = alert_book.untold(book, receiver.name, most=MOST_TOLD)
            if news and _told(receiver, news):
                count += len(news)
                book = alert_book.noted(book, receiver.name, news)
                alert_book.write(dictionary, book)
        alert_book.write(dictionary, alert_book.kept(book, receivers))
    return f"{count} messages told to {len(receivers)} receivers"


def _told(receiver: Receiver, news: News) -> bool:
    """Tell one receiver; False when it could not be told."""
    try:
        receiver.tell(news)
    except MlcError as error:
        said = {"receiver": receiver.name, "error": plain(str(error))}
        logger.warning("%s was not told; it is tried again: %s", receiver.name, said["error"], extra=said)
        return False
    except Exception as error:  # noqa: BLE001  # of whatever kind: one receiver never keeps the others from hearing
        logger.warning("%s was not told; it is tried again: unforeseen %s", receiver.name, type(error).__name__)
        return False
    return True
