"""Tampering with a pack after it was exported; the ledger is as it was."""

import json
import random
from collections.abc import Callable

from mlc_pipelines_tests.ledger.tampering import Forger, Tampering, with_wrong_key


def pack_edited(forger: Forger) -> Tampering:
    """A sign of a line is another one."""
    chance = random.Random(forger.chance.random())

    def edit(lines: list[str]) -> list[str]:
        at = chance.randrange(len(lines))
        line = lines[at]
        place = chance.randrange(len(line))
        other = chance.choice([sign for sign in '0123456789abcxyz" ,:{}' if sign != line[place]])
        return [*lines[:at], line[:place] + other + line[place + 1 :], *lines[at + 1 :]]

    return forger.made(
        "pack: a sign edited", named=(), told=(r"entry \d+: ", "day ", "pack: ", r"no pack.*line \d+"), lines=edit
    )


def pack_cut(forger: Forger) -> Tampering:
    """Lines are missing: some, the last ones, or half of the last."""
    chance = random.Random(forger.chance.random())

    def cut(lines: list[str]) -> list[str]:
        start = chance.randrange(len(lines))
        end = chance.choice([start + 1, len(lines)])
        half = [lines[-1][: chance.randrange(1, len(lines[-1]))]]
        return chance.choice([lines[:start] + lines[end:], lines[:-1] + half])

    return forger.made("pack: cut", named=(), told=(r"entry \d+: ", "day ", "pack: ", "no pack"), lines=cut)


def pack_shuffled(forger: Forger) -> Tampering:
    """Two lines change places, or one is there twice."""
    chance = random.Random(forger.chance.random())

    def shuffle(lines: list[str]) -> list[str]:
        first, second = sorted(chance.sample(range(len(lines)), 2))
        if chance.random() < 0.5:
            return [*lines[:second], lines[first], *lines[second:]]
        return [*lines[:first], lines[second], *lines[first + 1 : second], lines[first], *lines[second + 1 :]]

    return forger.made("pack: shuffled", named=(), told=(r"entry \d+: ", "day ", "pack: "), lines=shuffle)


def pack_signed_by_another(forger: Forger) -> Tampering:
    """A pack that is whole, and not ours: an entry less, and the end made again."""
    key = forger.chance.choice([None, forger.rows["seals"][0]["key_id"]])
    free = max(forger.ids())

    def sign(lines: list[str]) -> list[str]:
        left = [line for line in lines if json.loads(line).get("event", {}).get("entry_id") != free]
        return with_wrong_key([line for line in left if json.loads(line).get("entry", {}).get("id") != free], key)

    return forger.made("pack: signed by another", named=(), told=("day ", "pack: it is"), lines=sign)


PACK_KINDS: tuple[Callable[[Forger], Tampering], ...] = (pack_edited, pack_cut, pack_shuffled, pack_signed_by_another)
