"""Verifies a pack that `mlc audit export` wrote; needs Python alone, nothing of the project that made it.

    python verify_pack.py pack.jsonl

A pack is lines of JSON: events ordered by entry and number, then seals ordered by day. The hash of an event is the
SHA-256 of a JSON array (ASCII, no spaces) of: entry_id, seq, at (UTC, microseconds, with a Z), kind, before, after,
actor, detail, previous; `previous` is the hash of the entry's event before, sixty-four zeros for the first. A seal is
the SHA-256 of "day:previous" followed by ":id:hash" of each event of that day (UTC) in the order of their ids.
Exit code 0: intact; 1: something was changed, taken out or put in; 2: no pack.
"""

import hashlib
import json
import sys
from datetime import datetime, timezone

GENESIS = "0" * 64
HASHED = ("entry_id", "seq", "at", "kind", "before", "after", "actor", "detail", "previous")


def moment(text: str) -> str:
    """Write a time as it was hashed."""
    at = datetime.fromisoformat(text).astimezone(timezone.utc).replace(tzinfo=None)  # noqa: UP017  # for old Pythons too
    return at.isoformat(timespec="microseconds") + "Z"


def event_hash(event: dict) -> str:  # type: ignore[type-arg]  # no imports beyond the simplest
    """Hash an event."""
    facts = [moment(event[name]) if name == "at" else event[name] for name in HASHED]
    return hashlib.sha256(json.dumps(facts, separators=(",", ":"), ensure_ascii=True).encode("ascii")).hexdigest()


def verify_events(events: list) -> list:  # type: ignore[type-arg]  # as above
    """Follow the chain of each entry; the first bad event of an entry is told."""
    wrong: list[str] = []
    heads: dict[int, tuple[int, str]] = {}
    broken: set[int] = set()
    for event in events:
        entry = event["entry_id"]
        seq, previous = heads.get(entry, (0, GENESIS))
        heads[entry] = (event["seq"], event["hash"])
        if entry in broken:
            continue
        problem = None
        if event["seq"] != seq + 1:
            problem = f"event {seq + 1} is missing"
        elif event["previous"] != previous:
            problem = f"event {event['seq']} does not follow the one before"
        elif event_hash(event) != event["hash"]:
            problem = f"event {event['seq']} was changed"
        if problem:
            broken.add(entry)
            wrong.append(f"entry {entry}: {problem}")
    return wrong


def verify_seals(seals: list, events: list) -> list:  # type: ignore[type-arg]  # as above
    """Compare each day's seal with the events of that day."""
    days: dict[str, list[tuple[int, str]]] = {}
    for event in events:
        days.setdefault(moment(event["at"])[:10], []).append((event["id"], event["hash"]))
    wrong = []
    previous = GENESIS
    for seal in seals:
        state = hashlib.sha256(f"{seal['day']}:{previous}".encode())
        told = sorted(days.get(seal["day"], []))
        for number, head in told:
            state.update(f":{number}:{head}".encode())
        ends = (len(told), told[0][0], told[-1][0], previous, state.hexdigest()) if told else None
        if ends != tuple(seal[name] for name in ("count", "first_event", "last_event", "previous", "hash")):
            wrong.append(f"day {seal['day']}: the seal does not fit the events of that day")
        previous = seal["hash"]
    return wrong


def main() -> int:
    """Verify the file that the command line names."""
    try:
        with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123  # no imports beyond the simplest
            lines = [json.loads(line) for line in file if line.strip()]
        events = [line["event"] for line in lines if "event" in line]
        seals = [line["seal"] for line in lines if "seal" in line]
        wrong = verify_events(events) + verify_seals(seals, events)
    except (IndexError, OSError, ValueError, KeyError, TypeError) as error:
        print(f"no pack that can be read: {error!r}")  # noqa: T201  # a script of its own
        return 2
    for problem in wrong:
        print(problem)  # noqa: T201  # as above
    if not wrong:
        entries = len({event["entry_id"] for event in events})
        print(f"intact: {len(events)} events of {entries} entries, {len(seals)} seals")  # noqa: T201  # as above
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
