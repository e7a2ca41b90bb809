"""Verifies a pack that `mlc audit export` wrote; needs Python and `cryptography`, nothing of the project that made it.

    python verify_pack.py pack.jsonl [KEY]

KEY is the public key (hex) that you were given by another hand than the pack: without it you know that the pack is
whole, and not by whom it was made.

A pack is lines of JSON: events ordered by entry and number, how each entry stands, seals ordered by day, public keys,
and the end. The hash of an event is the SHA-256 of a JSON array (ASCII, no spaces) of: entry_id, seq, at (UTC,
microseconds, with a Z), kind, before, after, actor, detail, previous; `previous` is the hash of the entry's event
before, sixty-four zeros for the first. A seal is the SHA-256 of "day:previous" followed by ":id:hash" of each event of
that day (UTC) in the order of their ids; what is signed (Ed25519) is the array "seal", day, first_event, last_event,
count, previous, hash, sealed_at, and the signature of the seal before. The end signs the array "pack", number of lines
before it, and their SHA-256. Exit code 0: intact; 1: something was changed, taken out or put in; 2: no pack.
"""

import hashlib
import json
import sys

GENESIS = "0" * 64
HASHED = ("entry_id", "seq", "at", "kind", "before", "after", "actor", "detail", "previous")

SEALED = ("day", "first_event", "last_event", "count", "previous", "hash", "sealed_at", "key_id", "signature")
FIELDS = {
    "event": ("id", "hash", *HASHED),
    "entry": ("id", "state", "chain_seq", "chain_head", "row"),
    "seal": SEALED,
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


def verify_seals(seals: list, events: list, keys: dict) -> list:  # type: ignore[type-arg]  # as above
    """Compare each day's seal with the events of that day, and check its signature."""
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
        fits = bool(told) and numbers == [told[0][0], told[-1][0], len(told)]
        if seal["previous"] != previous or not fits or state.hexdigest() != seal["hash"]:
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
    found: dict = {kind: [] for kind in ("event", "entry", "seal", "key", "end")}  # type: ignore[type-arg]  # as above
    for number, line in enumerate(raw, start=1):
        try:
            ((kind, facts),) = json.loads(line).items()
            found[kind].append({name: facts[name] for name in FIELDS[kind]})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"line {number}: {error!r}") from error
    return found


def main() -> int:
    """Verify the file that the command line names."""
    try:
        with open(sys.argv[1], "rb") as file:  # noqa: PTH123  # no imports beyond the simplest
            raw = file.readlines()
        pack = read(raw)
        entries = {entry["id"]: entry for entry in pack["entry"]}
        keys = {key["id"]: key["public"] for key in pack["key"]}
        end = pack["end"][-1] if pack["end"] and "end" in json.loads(raw[-1]) else {}
        trusted = sys.argv[2] if len(sys.argv) > 2 else ""  # noqa: PLR2004  # the second word
        wrong = verify_events(pack["event"], entries) + verify_seals(pack["seal"], pack["event"], keys)
        wrong += verify_end(raw[:-1], end, keys, trusted) if end else ["pack: its end is missing"]
    except (IndexError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"no pack that can be read: {error!r}")  # noqa: T201  # a script of its own
        return 2
    for problem in wrong:
        print(problem)  # noqa: T201  # as above
    if not wrong:
        signer = keys.get(end["key_id"], "nobody")
        print(f"intact: {len(pack['event'])} events of {len(entries)} entries, {len(pack['seal'])} seals")  # noqa: T201  # as above
        print(f"signed by {signer}" + ("" if trusted else ": compare it with the key that you were given"))  # noqa: T201  # as above
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
