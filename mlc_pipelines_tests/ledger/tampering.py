"""Ways to tamper with an audit trail, each decided by a seed, and what the first finding has to name."""

import copy
import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from mlc_pipelines.ledger import chain
from mlc_pipelines.ledger.signing import SealKeys

Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""The tables entries, events and seals as the database keeps them: times and days are text."""

WRONG_KEY = bytes(range(1, 33))
QUIET_DAY = "2026-11-22"
"""A day between the others on which nothing happened."""

SHOWN_IN_PACKS = ("state", "chain_seq", "chain_head", *chain.SEALED_COLUMNS)
HIDDEN = ("latest", "since", "received_at", "attempts", "source", "payload")
"""What a pack does not carry of an entry. `tag` is the source's own mark and no part of the audit."""


@dataclass(frozen=True)
class Tampering:
    """A changed copy, and patterns: `named` for the first finding, `told` for the first line of the script.

    Empty patterns: that side is not shown it, and has to be content. `lines` changes the exported pack afterwards.
    """

    name: str
    rows: Rows
    named: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    anchor: str | None = None
    lines: Callable[[list[str]], list[str]] | None = None


@dataclass
class Forger:
    """Whoever may write every table, and has no key."""

    chance: random.Random
    pristine: Rows
    earlier: Rows  # the same tables some days before
    anchor: str
    rows: Rows = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = copy.deepcopy(self.pristine)

    def events_of(self, entry: int) -> list[Row]:
        """Give the events of an entry, in order."""
        return sorted((row for row in self.rows["events"] if row["entry_id"] == entry), key=lambda row: row["seq"])

    def entry(self, entry: int) -> Row:
        """Give an entry."""
        return next(row for row in self.rows["entries"] if row["id"] == entry)

    def ids(self) -> list[int]:
        """Give the numbers of all entries."""
        return [row["id"] for row in self.rows["entries"]]

    def any_event(self, *, sealed: bool = False) -> Row:
        """Give an event, of a sealed day if it has to be."""
        days = {seal["day"] for seal in self.rows["seals"]}
        return self.chance.choice([row for row in self.rows["events"] if not sealed or row["at"][:10] in days])

    def two_entries(self, *, least: int = 1) -> tuple[int, int]:
        """Give two entries with so many events at least, the lower number first."""
        long = [row["id"] for row in self.rows["entries"] if row["chain_seq"] >= least]
        first, second = sorted(self.chance.sample(long, 2))
        return first, second

    def another(self, value: Any) -> Any:
        """Give a value of the same type that is another one: near by, or nonsense."""
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return value + self.chance.choice([-7, -1, 1, 2, 1000])
        if isinstance(value, bytes):
            return self.chance.choice([value + b" ", value[:-1], b"{}"])
        if value is None or len(value) < 2:
            return "x"
        at = self.chance.randrange(len(value))
        other = self.chance.choice([sign for sign in "0189afTZ: " if sign != value[at]])
        return self.chance.choice([value[:at] + other + value[at + 1 :], value[1:] + "#", "x"])

    def rehash(self, entry: int, *, start: int = 1) -> None:
        """Make the chain of an entry fit again from an event on, and the entry remember its end."""
        told = self.events_of(entry)
        for number in range(start, len(told) + 1):
            event = told[number - 1]
            event["previous"] = told[number - 2]["hash"] if number > 1 else chain.GENESIS
            event["hash"] = event_hash(event)
        self.entry(entry).update(chain_head=told[-1]["hash"], chain_seq=len(told))

    def forged(self, entry: int, seq: int, previous: str, **given: Any) -> Row:
        """Make an event whose own hash is right."""
        number = max(row["id"] for row in self.rows["events"]) + 1
        facts = {
            "id": number,
            "entry_id": entry,
            "seq": seq,
            "at": max(row["at"] for row in self.rows["events"]),
            "kind": "replayed",
            "before": "held",
            "after": "received",
            "actor": "operator",
            "detail": "{}",
            "previous": previous,
            **given,
        }
        return {**facts, "hash": event_hash(facts)}

    def reseal(self, first_day: str, sign: Callable[[str, str], tuple[str | None, str | None]] | None) -> None:
        """Make the seals fit again from a day on. `sign` gives key id and signature of a text and the true key id."""
        previous, signature = chain.GENESIS, None
        for seal in sorted(self.rows["seals"], key=lambda row: str(row["day"])):
            if seal["day"] >= first_day:
                told = sorted((row["id"], row["hash"]) for row in self.rows["events"] if row["at"][:10] == seal["day"])
                text = f"{seal['day']}:{previous}" + "".join(f":{number}:{head}" for number, head in told)
                seal.update(
                    first_event=told[0][0],
                    last_event=told[-1][0],
                    count=len(told),
                    previous=previous,
                    hash=hashlib.sha256(text.encode()).hexdigest(),
                )
                if sign is not None:
                    seal["key_id"], seal["signature"] = sign(seal_text(seal, signature), seal["key_id"])
            previous, signature = seal["hash"], seal["signature"]

    def made(self, name: str, *, named: tuple[str, ...], told: tuple[str, ...] = (), **more: Any) -> Tampering:
        """Give the tampering as it stands."""
        return Tampering(name, self.rows, named, told, **more)


def event_hash(event: Row) -> str:
    """Hash an event as the ledger does."""
    names = ("entry_id", "seq", "at", "kind", "before", "after", "actor", "detail", "previous")
    return chain.event_hash(**{name: event[name] for name in names})


def seal_text(seal: Row, before: str | None) -> str:
    """Write what is signed of a seal, as whoever has read the code."""
    numbers = [seal[name] for name in ("first_event", "last_event", "count")]
    return chain.encode(["seal", seal["day"], *numbers, seal["previous"], seal["hash"], seal["sealed_at"], before])


def bad_event(entry: int, seq: int) -> dict[str, tuple[str, ...]]:
    """Expect both verifiers to name an event."""
    return {"named": (rf"entry {entry} \(.*: event {seq}\b",), "told": (rf"entry {entry}: event {seq}\b",)}


def bad_day(*days: str) -> dict[str, tuple[str, ...]]:
    """Expect both verifiers to name one of some days."""
    return {"named": tuple(f"day {day}: " for day in days), "told": tuple(f"day {day}: " for day in days)}


def with_wrong_key(lines: list[str], key_id: str | None) -> list[str]:
    """Write the end of a pack anew, signed by another; with `key_id` under the true key's name."""
    keys = SealKeys({key_id or "mine": WRONG_KEY})
    body = lines[:-1] + ([] if key_id else [json.dumps({"key": {"id": "mine", "public": keys.public()["mine"]}})])
    digest = hashlib.sha256("".join(f"{line}\n" for line in body).encode()).hexdigest()
    signed, signature = keys.sign(chain.encode(["pack", len(body), digest]))
    end = {"lines": len(body), "sha256": digest, "key_id": signed, "signature": signature}
    return [*body, json.dumps({"end": end})]


def with_anchor(tampering: Tampering, forger: Forger) -> Tampering:
    """Let the forger reach the anchor too, and write the newest seal there."""
    newest = max(tampering.rows["seals"], key=lambda row: str(row["day"]))
    words = (newest["day"], newest["hash"], newest["signature"] or "")
    return replace(tampering, name=f"{tampering.name}, anchor too", anchor=" ".join(words) + "\n")
