"""Gatherings: what belongs together comes back together, whether it fits into memory or lies on disk."""

import random

import pytest

from mlc_pipelines.integrations.stampli.gathering import Gathering


def gathered(*things: tuple[str, bytes]) -> list[tuple[str, list[bytes]]]:
    gathering = Gathering()
    for key, thing in things:
        gathering.put(key, thing)
    count, by_key = gathering.gathered()
    found = list(by_key)
    gathering.close()
    assert count == len(found)
    return found


def test_things_of_one_key_come_together() -> None:
    """Keys in the order in which each came first, the things of one as they came."""
    assert gathered(("b", b"1"), ("a", b"2"), ("b", b"3")) == [("b", [b"1", b"3"]), ("a", [b"2"])]


def test_nothing_is_nothing() -> None:
    """No key, no thing."""
    assert gathered() == []


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [1, 10_000])
def test_on_disk_as_in_memory(seed: int, size: int) -> None:
    """However many bytes there are: scattered keys, odd keys, equal things."""
    rng = random.Random(seed)
    keys = ["", "\x001", "a\nb", "ß", "Z", "z", *(str(number) for number in range(60))]
    things = [(rng.choice(keys), bytes([rng.randrange(4)]) * size) for _ in range(300)]
    wanted: dict[str, list[bytes]] = {}
    for key, thing in things:
        wanted.setdefault(key, []).append(thing)
    assert gathered(*things) == list(wanted.items())
