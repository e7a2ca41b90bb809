"""The catalogue of tamperings: edit, delete, swap, insert, truncate, seal anew; in the database and in the pack.

Left out is what no chain without a key in every event can show: an event of a day that is not sealed yet, made by
somebody who rewrites all that follows it and the entry as well. Its day is sealed an hour after it has ended.
"""

from collections.abc import Callable

from mlc_pipelines.ledger import chain
from mlc_pipelines.ledger.signing import SealKeys
from mlc_pipelines_tests.ledger.tampering import (
    HIDDEN,
    QUIET_DAY,
    SHOWN_IN_PACKS,
    WRONG_KEY,
    Forger,
    Row,
    Tampering,
    bad_day,
    bad_event,
    event_hash,
    with_anchor,
)
from mlc_pipelines_tests.ledger.tampering_packs import PACK_KINDS

EVENT_COLUMNS = ("at", "kind", "before", "after", "actor", "detail", "previous", "hash")
SEAL_COLUMNS = ("first_event", "last_event", "count", "previous", "hash", "sealed_at", "key_id", "signature")


# Edits


def event_edited(forger: Forger) -> Tampering:
    """One column of an event."""
    event, column = forger.any_event(), forger.chance.choice(EVENT_COLUMNS)
    event[column] = forger.another(event[column])
    return forger.made(f"event: {column} edited", **bad_event(event["entry_id"], event["seq"]))


def event_edited_and_hashed(forger: Forger) -> Tampering:
    """One column of an event and its own hash, not those behind it."""
    event = forger.any_event()
    event["actor"] = forger.another(event["actor"])
    event["hash"] = event_hash(event)
    last = event["seq"] == forger.entry(event["entry_id"])["chain_seq"]
    return forger.made("event: edited and hashed", **bad_event(event["entry_id"], event["seq"] + (not last)))


def event_renumbered(forger: Forger) -> Tampering:
    """An event is moved behind the last."""
    event = forger.any_event()
    seq, event["seq"] = event["seq"], 1000 + forger.chance.randrange(9)
    return forger.made("event: moved behind the last", **bad_event(event["entry_id"], seq))


def event_given_another_row(forger: Forger) -> Tampering:
    """The number of its row: the order of a sealed day."""
    event = forger.any_event(sealed=True)
    event["id"] = 100_000 + forger.chance.randrange(1000)
    entry, seq, day = event["entry_id"], event["seq"], event["at"][:10]
    following = bad_event(entry, seq + 1)
    return forger.made(
        "event: another row number",
        named=following["named"] + bad_day(day)["named"],
        told=following["told"] + bad_day(day)["told"],
    )


def entry_edited(forger: Forger) -> Tampering:
    """One column of an entry that packs show."""
    entry, column = forger.chance.choice(forger.rows["entries"]), forger.chance.choice(SHOWN_IN_PACKS)
    given = {"dated": "2026-11-04", "version": 1000}  # another kind of nonsense no database would take
    entry[column] = given[column] if column in given else forger.another(entry[column])
    return forger.made(
        f"entry: {column} edited", named=(rf"entry {entry['id']} \(",), told=(rf"entry {entry['id']}: ",)
    )


def entry_edited_beside(forger: Forger) -> Tampering:
    """One column of an entry that packs do not carry."""
    column = forger.chance.choice(HIDDEN)
    entry = forger.chance.choice([row for row in forger.rows["entries"] if row[column] is not None])
    entry[column] = forger.another(entry[column])
    return forger.made(f"entry: {column} edited", named=(rf"entry {entry['id']} \(",))


def entry_renumbered(forger: Forger) -> Tampering:
    """Its events belong to nobody then."""
    entry = forger.chance.choice(forger.rows["entries"])
    number, entry["id"] = entry["id"], 5000
    return forger.made(
        "entry: another number",
        named=(r"entry 5000 \(.*: event 1 is missing",),
        told=(f"entry {number}: event 1 belongs to no entry",),
    )


def seal_edited(forger: Forger) -> Tampering:
    """One column of a seal."""
    seal, column = forger.chance.choice(forger.rows["seals"]), forger.chance.choice(SEAL_COLUMNS)
    seal[column] = forger.another(seal[column])
    return forger.made(f"seal: {column} edited", **bad_day(seal["day"]))


def seal_stripped(forger: Forger) -> Tampering:
    """Signatures taken away, of one seal or of all."""
    seals = forger.rows["seals"]
    some = forger.chance.choice([seals, [forger.chance.choice(seals)]])
    for seal in some:
        seal["key_id"] = seal["signature"] = None
    days = [seal["day"] for seal in seals]
    name = "seals: all signatures gone" if some is seals else "seal: signature gone"
    if some is seals:
        return forger.made(name, named=bad_day(days[-1])["named"])
    at = days.index(some[0]["day"])
    return forger.made(name, **bad_day(*days[at : at + 2]))


def seal_dated_anew(forger: Forger) -> Tampering:
    """A seal is put on a quiet day."""
    seal = forger.chance.choice(forger.rows["seals"])
    days = [row["day"] for row in forger.rows["seals"]]
    seal["day"] = QUIET_DAY
    return forger.made("seal: another day", **bad_day(*days, QUIET_DAY))


def anchor_edited(forger: Forger) -> Tampering:
    """The file that remembers the newest seal."""
    anchor = forger.another(forger.anchor.strip())
    return forger.made(
        "anchor: edited", named=("day .*: its seal is",), anchor=forger.chance.choice([anchor, "", "x y"])
    )


# Deletions, truncations


def events_deleted(forger: Forger) -> Tampering:
    """One event, some in a row, or all to the end."""
    entry = forger.chance.choice(forger.rows["entries"])
    told = forger.events_of(entry["id"])
    start = forger.chance.randrange(len(told))
    end = forger.chance.choice([start + 1, len(told), forger.chance.randint(start + 1, len(told))])
    gone = {row["id"] for row in told[start:end]}
    forger.rows["events"] = [row for row in forger.rows["events"] if row["id"] not in gone]
    return forger.made("events: deleted", **bad_event(entry["id"], start + 1))


def entry_deleted(forger: Forger) -> Tampering:
    """An entry without its events."""
    entry = forger.chance.choice(forger.rows["entries"])
    forger.rows["entries"].remove(entry)
    first = forger.events_of(entry["id"])[0]
    return forger.made(
        "entry: deleted",
        named=(f"event {first['id']}: belongs to no entry",),
        told=(f"entry {entry['id']}: event 1 belongs to no entry",),
    )


def entry_deleted_whole(forger: Forger) -> Tampering:
    """An entry of a sealed day with all its events; an earlier version shows that a later one is missing."""
    number = forger.any_event(sealed=True)["entry_id"]
    gone, days = forger.entry(number), sorted(row["at"][:10] for row in forger.events_of(number))
    forger.rows["entries"].remove(gone)
    forger.rows["events"] = [row for row in forger.rows["events"] if row["entry_id"] != number]
    passed_over = r"entry .*: is passed over"
    return forger.made(
        "entry: deleted whole", named=(passed_over, *bad_day(days[0])["named"]), told=bad_day(days[0])["told"]
    )


def seal_deleted(forger: Forger) -> Tampering:
    """A seal, or all of them from a day on."""
    days = [seal["day"] for seal in forger.rows["seals"]]
    start = forger.chance.randrange(len(days))
    end = forger.chance.choice([start + 1, len(days)])
    del forger.rows["seals"][start:end]
    if end == len(days):
        return forger.made("seals: truncated", named=bad_day(days[-1])["named"])
    return forger.made("seal: deleted", **bad_day(days[start], days[end]))


def truncated(forger: Forger) -> Tampering:
    """All events after a moment."""
    at = forger.any_event()["at"]
    left = [row for row in forger.rows["events"] if row["at"] < at]
    kept = {number: sum(1 for row in left if row["entry_id"] == number) for number in forger.ids()}
    forger.rows["events"] = left
    entry = min(row["id"] for row in forger.rows["entries"] if kept[row["id"]] < row["chain_seq"])
    return forger.made("events: truncated", **bad_event(entry, kept[entry] + 1))


def turned_back(forger: Forger) -> Tampering:
    """The whole ledger as it was some days ago: true, but not all of the truth. Such a pack was right in its day."""
    day = forger.rows["seals"][-1]["day"]
    forger.rows = {name: list(rows) for name, rows in forger.earlier.items()}
    return forger.made("ledger: turned back", named=bad_day(day)["named"])


# Swaps


def events_swapped(forger: Forger) -> Tampering:
    """Two events of an entry change places."""
    entry = forger.chance.choice([row["id"] for row in forger.rows["entries"] if row["chain_seq"] > 1])
    first, second = sorted(forger.chance.sample(forger.events_of(entry), 2), key=lambda row: int(row["seq"]))
    name = forger.chance.choice(["seq", "detail", "id"])
    if first[name] == second[name]:
        name = "seq"
    seq = first["seq"]
    first[name], second[name] = second[name], first[name]
    if name != "id":
        return forger.made(f"events: {name} swapped", **bad_event(entry, seq))
    either = [bad_event(entry, number) for number in range(seq, second["seq"] + 1)]
    return forger.made(
        "events: id swapped", named=tuple(e["named"][0] for e in either), told=tuple(e["told"][0] for e in either)
    )


def events_of_two_swapped(forger: Forger) -> Tampering:
    """An event of one entry takes the place of one of another."""
    first, second = forger.two_entries(least=2)
    seq = forger.chance.randint(1, min(len(forger.events_of(first)), len(forger.events_of(second))))
    ones, others = forger.events_of(first)[seq - 1], forger.events_of(second)[seq - 1]
    ones["entry_id"], others["entry_id"] = second, first
    return forger.made("events: of two entries swapped", **bad_event(first, seq))


def entries_swapped(forger: Forger) -> Tampering:
    """Two entries change numbers."""
    first, second = forger.two_entries()
    one, other = forger.entry(first), forger.entry(second)
    one["id"], other["id"] = second, first
    return forger.made("entries: numbers swapped", named=(rf"entry {first} \(",), told=(rf"entry {first}: ",))


def seals_swapped(forger: Forger) -> Tampering:
    """Two days change their seals."""
    one, other = sorted(forger.chance.sample(forger.rows["seals"], 2), key=lambda row: str(row["day"]))
    one["day"], other["day"] = other["day"], one["day"]
    return forger.made("seals: swapped", **bad_day(other["day"]))


# Insertions


def event_put_behind(forger: Forger) -> Tampering:
    """An event that follows the last one, hash and all."""
    entry = forger.chance.choice(forger.rows["entries"])
    number, seq = entry["id"], entry["chain_seq"] + 1
    forger.rows["events"].append(forger.forged(number, seq, entry["chain_head"], before=entry["state"]))
    return forger.made("event: put behind the last", **bad_event(number, seq))


def event_put_between(forger: Forger) -> Tampering:
    """An event that follows the one before it; the next one gives it away."""
    entry = forger.chance.choice([row for row in forger.rows["entries"] if row["chain_seq"] > 1])
    told = forger.events_of(entry["id"])
    at = forger.chance.randrange(1, len(told))
    for later in told[at:]:
        later["seq"] += 1
    fields = {"before": told[at - 1]["after"], "after": told[at - 1]["after"]}
    forger.rows["events"].append(forger.forged(entry["id"], at + 1, told[at - 1]["hash"], **fields))
    either = [bad_event(entry["id"], seq) for seq in (at + 1, at + 2)]
    return forger.made(
        "event: put between", named=tuple(e["named"][0] for e in either), told=tuple(e["told"][0] for e in either)
    )


def event_of_nobody(forger: Forger) -> Tampering:
    """An event of an entry that is not there."""
    event = forger.forged(7000, 1, chain.GENESIS, before=None)
    forger.rows["events"].append(event)
    return forger.made(
        "event: of no entry",
        named=(f"event {event['id']}: belongs to no entry",),
        told=("entry 7000: event 1 belongs to no entry",),
    )


def entry_dated_back(forger: Forger) -> Tampering:
    """A whole entry, right in itself, on a day that is sealed or was quiet."""
    pattern = forger.chance.choice(forger.rows["entries"])
    day = forger.chance.choice([QUIET_DAY, forger.rows["seals"][0]["day"]])
    entry: Row = {**pattern, "id": 6000, "key": "forged", "version": 1, "latest": True, "state": "received",
                  "stage": "translate", "attempts": 0, "payload": None}  # fmt: skip
    entry |= dict.fromkeys(("cause", "cause_key", "problem", "reference", "external_id", "confirmation"))
    entry["since"] = entry["received_at"] = f"{day}T12:00:00.000000Z"
    detail = {"source": chain.digest(bytes(entry["source"])), "row": chain.row_digest(entry)}
    event = forger.forged(
        6000, 1, chain.GENESIS, at=entry["since"], before=None, after="received", detail=chain.encode(detail)
    )
    entry |= {"chain_seq": 1, "chain_head": event["hash"]}
    forger.rows["entries"].append(entry)
    forger.rows["events"].append(event)
    return forger.made("entry: dated back", **bad_day(day))


def seal_put_in(forger: Forger) -> Tampering:
    """A seal for a quiet day."""
    forger.rows["seals"].append({**forger.rows["seals"][0], "day": QUIET_DAY})
    return forger.made("seal: put in", **bad_day(QUIET_DAY))


# Seals made again


def _rewritten(forger: Forger) -> str:
    """Change an event of a sealed day with all hashes that depend on it; give the first day that is not as it was."""
    event = forger.any_event(sealed=True)
    event["actor"] = forger.another(event["actor"])
    forger.rehash(event["entry_id"], start=event["seq"])
    return str(event["at"][:10])


def history_rewritten(forger: Forger) -> Tampering:
    """Chain and entry fit; the seals were left."""
    return forger.made("history: rewritten", **bad_day(_rewritten(forger)))


def history_sealed_anew(forger: Forger) -> Tampering:
    """Chain, entry and seals fit; the signatures were left, or taken away, or made with another key."""
    day = _rewritten(forger)
    wrong = SealKeys({"mine": WRONG_KEY})
    ways: dict[str, Callable[[str, str], tuple[str | None, str | None]] | None] = {
        "signatures left": None,
        "signatures gone": lambda _text, _key: (None, None),
        "signed by another": lambda text, _key: wrong.sign(text),
        "signed by another in our name": lambda text, key: (key, wrong.sign(text)[1]),
    }
    way = forger.chance.choice(sorted(ways))
    forger.reseal(day, ways[way])
    first = forger.rows["seals"][0]["day"]
    days = [seal["day"] for seal in forger.rows["seals"]]
    if way == "signatures gone" and day == first:  # as if there had never been any: the anchor remembers
        return forger.made(f"history: sealed anew, {way}", named=bad_day(days[-1])["named"])
    made = forger.made(f"history: sealed anew, {way}", **bad_day(day))
    return with_anchor(made, forger) if forger.chance.random() < 0.5 else made


KINDS: tuple[Callable[[Forger], Tampering], ...] = (
    event_edited, event_edited_and_hashed, event_renumbered, event_given_another_row, entry_edited,
    entry_edited_beside, entry_renumbered, seal_edited, seal_stripped, seal_dated_anew, anchor_edited, events_deleted,
    entry_deleted, entry_deleted_whole, seal_deleted, truncated, turned_back, events_swapped, events_of_two_swapped,
    entries_swapped, seals_swapped, event_put_behind, event_put_between, event_of_nobody, entry_dated_back, seal_put_in,
    history_rewritten, history_sealed_anew, *PACK_KINDS,
)  # fmt: skip
