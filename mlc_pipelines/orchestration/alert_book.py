"""The book of alerts, kept in the ledger: what began, what ended, and who has been told of either."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from enum import IntEnum

import msgspec

from mlc_pipelines.ledger.bindings import Dictionary
from mlc_pipelines.orchestration.troubles import Trouble

KIND = "alert"


class Told(IntEnum):
    """How much of an alert a receiver has heard."""

    NOTHING = 0
    BEGUN = 1
    OVER = 2


class Alert(msgspec.Struct, frozen=True):
    """One trouble with its times; `told` says what each receiver has heard of it."""

    trouble: Trouble
    began: datetime
    over: datetime | None = None
    told: dict[str, int] = {}

    def heard(self, receiver: str) -> Told:
        """Say what a receiver has heard."""
        return Told(self.told.get(receiver, Told.NOTHING))

    def with_told(self, receiver: str, told: Told) -> "Alert":
        """Note what a receiver has heard."""
        return msgspec.structs.replace(self, told={**self.told, receiver: int(told)})


Alerts = Mapping[str, Alert]


def read(dictionary: Dictionary) -> dict[str, Alert]:
    """Read the book; a line that another version wrote in its own way is begun anew."""
    found = {}
    for key, row in dictionary.known(KIND).items():
        with contextlib.suppress(msgspec.MsgspecError):
            found[key] = msgspec.json.decode(row, type=Alert)
    return found


def write(dictionary: Dictionary, alerts: Alerts) -> None:
    """Write the book; what has not changed is left alone."""
    dictionary.learn(KIND, {key: msgspec.json.encode(alert).decode() for key, alert in alerts.items()})


def settled(alerts: Alerts, troubles: Iterable[Trouble], now: datetime, *, looked_for: Set[str]) -> dict[str, Alert]:
    """Compare the book with what is wrong now. A kind of trouble that nobody looked for stays as it stands."""
    after = dict(alerts)
    there = {trouble.key: trouble for trouble in troubles}
    for key, trouble in there.items():
        known = alerts.get(key)
        if known is None:
            after[key] = Alert(trouble, now)
        elif known.over is not None:
            after[key] = _again(known, trouble, now)
        elif known.trouble.steps != trouble.steps:
            after[key] = msgspec.structs.replace(known, trouble=replace(known.trouble, steps=trouble.steps))
    for key, known in alerts.items():
        if known.over is None and key not in there and known.trouble.kind in looked_for:
            after[key] = msgspec.structs.replace(known, over=now)
    return after


def _again(known: Alert, trouble: Trouble, now: datetime) -> Alert:
    """Begin again what some have not been told the end of: they are told nothing, the others all of it."""
    told = {name: heard for name, heard in known.told.items() if heard == Told.BEGUN}
    return Alert(trouble, known.began if told else now, None, told)


def untold(alerts: Alerts, receiver: str, *, most: int) -> list[tuple[Alert, Told]]:
    """Give what a receiver is still to hear, in order: beginnings, then ends."""
    begun = [(alert, Told.BEGUN) for alert in alerts.values() if alert.heard(receiver) is Told.NOTHING]
    over = [
        (alert, Told.OVER)
        for alert in alerts.values()
        if alert.over is not None and alert.heard(receiver) is not Told.OVER
    ]
    return [*sorted(begun, key=_beginning), *sorted(over, key=_beginning)][:most]


def noted(alerts: Alerts, receiver: str, news: Iterable[tuple[Alert, Told]]) -> dict[str, Alert]:
    """Note what a receiver has now heard."""
    after = dict(alerts)
    for alert, told in news:
        key = alert.trouble.key
        after[key] = after[key].with_told(receiver, told)
    return after


def kept(alerts: Alerts, receivers: Sequence[str]) -> dict[str, Alert]:
    """Strike out what is over and known to all."""
    return {
        key: alert
        for key, alert in alerts.items()
        if alert.over is None or any(alert.heard(name) is not Told.OVER for name in receivers)
    }


def _beginning(each: tuple[Alert, Told]) -> tuple[datetime, str]:
    return each[0].began, each[0].trouble.key
