"""Verifies a pack that `mlc audit export` wrote; needs Python and `cryptography`, nothing of the project that made it.

    python verify_pack.py pack.jsonl [KEY] [archive ...]

KEY is the public key (hex) that you were given by another hand than the pack: without it you know that the pack is
whole, and not by whom it was made.

A pack is lines of JSON: events ordered by entry and number, how each entry stands, seals ordered by day, public keys,
and the end. The hash of an event is the SHA-256 of a JSON array (ASCII, no spaces) of: entry_id, seq, at (UTC,
microseconds, with a Z), kind, before, after, actor, detail, previous; `previous` is the hash of the entry's event
before, sixty-four zeros for the first. A seal is the SHA-256 of "day:previous" followed by ":id:hash" of each event of
that day (UTC) in the order of their ids; what is signed (Ed25519) is the array "seal", day, first_event, last_event,
count, previous, hash, sealed_at, and the signature of the seal before. The end signs the array "pack", number of lines
before it, and their SHA-256.

Events of old records may have gone into archives (`mlc db prune`), which may be given too: then all is verified as if
they had never left. The hash of a pruning is the SHA-256 of the array of: id, at, archive, end, entries, events, part,
rows, left, previous. `rows` is the SHA-256 of ":id:state:chain_seq:chain_head:row" of its entries, `left` that of
":day:hash:left_count:left_hash" of every seal that has these; signed is the array "pruning", id, hash, and the
signature of the pruning before. Exit code 0: intact; 1: something was changed, taken out or put in; 2: no pack.
"""

import gzip
import hashlib
import json
import sys
import zlib

GENESIS = "0" * 64
HASHED = ("entry_id", "seq", "at", "kind", "before", "after", "actor", "detail", "previous")

SEALED = ("day", "first_event", "last_event", "count", "previous", "hash", "sealed_at", "key_id", "signature")
PRUNED = ("id", "at", "archive", "end", "entries", "events", "part", "rows", "left", "previous")
FIELDS = {
    "event": ("id", "hash", *HASHED),
    "entry": ("id", "state", "chain_seq", "chain_head", "pruning", "row"),
    "seal": (*SEALED, "left_count", "left_hash"),
    "pruning": (*PRUNED, "hash", "key_id", "signature"),
    "key": ("id", "public"),
    "end": ("lines", "sha256", "key_id", "signature"),
}


def canonical(facts: list) -> str:  # type: ignore[type-arg]  # no imports beyond the simplest
    """Write facts as they were hashed or signed."""
    return json.dumps(facts, separators=(",", ":"), ensure_ascii=True)


def event_hash(event: dict) -> str:  # type: ignore[type-arg]  # as above
    """Hash an event."""
    return hashlib.sha256(canonical([event[name] for name in HASHED]).encode("ascii")).hexdigest()


def is_signed(text: str, public: str, signature: str) -> bool:
    """Check a signature (Ed25519, hex)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), text.encode("ascii"))
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_events(events: list, entries: dict) -> list:  # type: ignore[type-arg]  # as above
    """Follow the chain of each entry to where it stands; the first bad event of an entry is told."""
    chains: dict = {number: [] for number in entries}  # type: ignore[type-arg]  # as above
    for event in events:
        chains.setdefault(event["entry_id"], []).append(event)
    wrong = []
    for number in sorted(chains):
        if not chains[number] and entries[number]["pruning"] is not None:
            continue  # its events are in an archive that was not given; how it stands is proved by its pruning
        problem = problem_of(chains[number], entries.get(number))
        if problem:
            wrong.append(f"entry {number}: {problem}")
    return wrong


def problem_of(told: list, entry) -> str:  # type: ignore[type-arg,no-untyped-def]  # as above
    """Say what is wrong with the events of an entry; nothing when all is well."""
    last: dict = {"seq": 0, "hash": GENESIS, "after": None, "id": 0, "detail": "{}"}  # type: ignore[type-arg]  # as above
    for event in told:
        seq = last["seq"] + 1
        if event["seq"] != seq:
            return f"event {seq} is missing"
        if event["previous"] != last["hash"] or event["before"] != last["after"] or event["id"] <= last["id"]:
            return f"event {seq} does not follow the one before"
        if event_hash(event) != event["hash"]:
            return f"event {seq} was changed"
        last = event
    if entry is None:
        return "event 1 belongs to no entry"
    if last["seq"] < entry["chain_seq"]:
        return f"event {last['seq'] + 1} is missing"
    if last["seq"] > entry["chain_seq"]:
        return f"event {entry['chain_seq'] + 1} was put in"
    if entry["chain_head"] != last["hash"]:
        return f"event {last['seq']} is not the one it ended with"
    if entry["state"] != last["after"] or entry["row"] != json.loads(last["detail"]).get("row"):
        return "how it stands is not what its events say"
    return ""


def verify_seals(seals: list, events: list, keys: dict, away: list) -> list:  # type: ignore[type-arg]  # as above
    """Compare each day's seal with the events of that day, and check its signature.

    `away` gets the days of which events are in archives that were not given.
    """
    days: dict[str, list[tuple[int, str]]] = {}
    for event in events:
        days.setdefault(event["at"][:10], []).append((event["id"], event["hash"]))
    wrong = []
    previous, signature = GENESIS, None
    for seal in seals:
        told = sorted(days.pop(seal["day"], []))
        state = hashlib.sha256(f"{seal['day']}:{seal['previous']}".encode())
        for number, head in told:
            state.update(f":{number}:{head}".encode())
        numbers = [seal["first_event"], seal["last_event"], seal["count"]]
        fits = bool(told) and [*numbers, seal["hash"]] == [told[0][0], told[-1][0], len(told), state.hexdigest()]
        if not fits and [seal["left_count"], seal["left_hash"]] == [len(told), state.hexdigest()]:
            away.append(seal["day"])
            fits = True
        if seal["previous"] != previous or not fits:
            wrong.append(
                f"day {seal['day']}: the seal does not fit the events of that day, {numbers[0]} to {numbers[1]}"
            )
        elif seal["signature"] or signature:
            facts = ["seal", seal["day"], *numbers, previous, seal["hash"], seal["sealed_at"], signature]
            if not is_signed(canonical(facts), keys.get(seal["key_id"], ""), seal["signature"] or ""):
                wrong.append(f"day {seal['day']}: the seal is not signed as it should be")
        previous, signature = seal["hash"], seal["signature"]
    last = seals[-1]["day"] if seals else ""
    return wrong + [f"day {day}: has events but no seal" for day in sorted(days) if day < last]


def verify_prunings(prunings: list, seals: list, entries: dict, keys: dict) -> list:  # type: ignore[type-arg]  # as above
    """Follow the chain of prunings; compare what they kept of entries and of days, and check signatures."""
    wrong = []
    previous, signature, left = GENESIS, None, hashlib.sha256().hexdigest()
    for row in prunings:
        kept = [entries[number] for number in sorted(entries) if entries[number]["pruning"] == row["id"]]
        names = ("id", "state", "chain_seq", "chain_head", "row")
        told = "".join(":" + ":".join(str(entry[name]) for name in names) for entry in kept)
        facts = canonical([row[name] for name in PRUNED])
        if row["previous"] != previous or hashlib.sha256(facts.encode("ascii")).hexdigest() != row["hash"]:
            wrong.append(f"pruning {row['id']}: was changed or does not follow the one before")
        elif hashlib.sha256(told.encode()).hexdigest() != row["rows"]:
            wrong.append(f"pruning {row['id']}: an entry that it kept was changed, or is gone")
        elif row["signature"] or signature:
            text = canonical(["pruning", row["id"], row["hash"], signature])
            if not is_signed(text, keys.get(row["key_id"], ""), row["signature"] or ""):
                wrong.append(f"pruning {row['id']}: is not signed as it should be")
        previous, signature, left = row["hash"], row["signature"], row["left"]
    days = [f":{s['day']}:{s['hash']}:{s['left_count']}:{s['left_hash']}" for s in seals if s["left_hash"]]
    if hashlib.sha256("".join(days).encode()).hexdigest() != left:
        wrong.append("prunings: what they left of sealed days was changed")
    return wrong


def verify_end(lines: list, end: dict, keys: dict, trusted: str) -> list:  # type: ignore[type-arg]  # as above
    """Check that the pack is whole, and that whoever you trust signed it."""
    found = hashlib.sha256(b"".join(lines)).hexdigest()
    wrong = []
    if end["lines"] != len(lines) or end["sha256"] != found:
        wrong.append("pack: lines were changed, taken out or put in after it was written")
    signer = keys.get(end["key_id"], "")
    if (signer or trusted) and not is_signed(
        canonical(["pack", end["lines"], end["sha256"]]), signer, end["signature"] or ""
    ):
        wrong.append("pack: it is not signed as it should be")
    if trusted and signer != trusted:
        wrong.append(f"pack: it is signed by {signer or 'nobody'}, not by {trusted}")
    return wrong


def read(raw: list) -> dict:  # type: ignore[type-arg]  # as above
    """Sort the lines of a pack by kind."""
    found: dict = {kind: [] for kind in FIELDS}  # type: ignore[type-arg]  # as above
    for number, line in enumerate(raw, start=1):
        try:
            ((kind, facts),) = json.loads(line).items()
            found[kind].append({name: facts[name] for name in FIELDS[kind]})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"line {number}: {error!r}") from error
    return found


def archived(name: str) -> list:  # type: ignore[type-arg]  # as above
    """Give the events of an archive."""
    with open(name, "rb") as file:  # noqa: PTH123  # no imports beyond the simplest
        lines = [json.loads(line) for line in gzip.decompress(file.read()).splitlines()]
    return [{name: line["event"][name] for name in FIELDS["event"]} for line in lines if "event" in line]


def main() -> int:
    """Verify the files that the command line names."""
    try:
        with open(sys.argv[1], "rb") as file:  # noqa: PTH123  # no imports beyond the simplest
            raw = file.readlines()
        pack = read(raw)
        away: list[str] = []
        trusted = "".join(word for word in sys.argv[2:3] if len(word) == len(GENESIS))
        archives = sys.argv[3 if trusted else 2 :]
        there = {event["id"] for event in pack["event"]}
        brought = {event["id"]: event for name in archives for event in archived(name) if event["id"] not in there}
        if brought:
            told = [*pack["event"], *brought.values()]
            pack["event"] = sorted(told, key=lambda event: (event["entry_id"], event["seq"]))
        entries = {entry["id"]: entry for entry in pack["entry"]}
        keys = {key["id"]: key["public"] for key in pack["key"]}
        end = pack["end"][-1] if pack["end"] and "end" in json.loads(raw[-1]) else {}
        wrong = verify_events(pack["event"], entries) + verify_seals(pack["seal"], pack["event"], keys, away)
        wrong += verify_prunings(pack["pruning"], pack["seal"], entries, keys)
        wrong += verify_end(raw[:-1], end, keys, trusted) if end else ["pack: its end is missing"]
    except (IndexError, OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"no pack that can be read: {error!r}")  # noqa: T201  # a script of its own
        return 2
    for problem in wrong:
        print(problem.encode("unicode_escape").decode())  # noqa: T201  # as above; nothing that moves a terminal
    if not wrong:
        signer = keys.get(end["key_id"], "nobody")
        print(f"intact: {len(pack['event'])} events of {len(entries)} entries, {len(pack['seal'])} seals")  # noqa: T201  # as above
        print(f"signed by {signer}" + ("" if trusted else ": compare it with the key that you were given"))  # noqa: T201  # as above
    if away:
        print(f"events of {len(away)} days are in archives that were not given")  # noqa: T201  # as above
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
