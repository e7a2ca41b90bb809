"""What strangers do to JSON: to one value, to one record, to a whole body. The same seed does the same."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from mlc_pipelines_tests.hostile.canaries import ECHOES

Json = Any
Place = tuple[Any, Any]  # a list or object, and where in it
Mutation = Callable[[random.Random, Any], Any]

_TOKEN = "@@token:{}@@"
DEPTHS = (40, 300, 2000, 50_000)
LARGE = 1_000_000


class Tokens:
    """Pieces of JSON that no Python value is written as; each stands in the text by its mark until the end."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def __call__(self, text: str) -> str:
        """Keep a piece; give the mark that stands for it."""
        self._texts.append(text)
        return _TOKEN.format(len(self._texts) - 1)

    def write(self, value: Json) -> bytes:
        """Write JSON with the pieces in their places; what is no Unicode text is written as an escape."""
        text = json.dumps(value)
        for number, piece in enumerate(self._texts):
            text = text.replace(f'"{_TOKEN.format(number)}"', piece)
        return text.encode("ascii", errors="backslashreplace")


NUMBERS = (
    "0", "-0", "-1", "1", "-0.0", "0.005", "1e-30", "0.1234567891", "1e3", "1E+400", "-1e400", "1e999999999", "12.30",
    "9" * 30, "9" * 400, str(2**31), str(2**53 + 1), str(2**63), str(-(2**63) - 1), str(2**64), "99999999999999.99",
    "9223372036854.775807", "9223372036854.775808", "123456789012345678901234567890.12", "1" + "0" * 5000,
)  # fmt: skip
TEXTS = (
    "", " ", "\t\n", "0", "null", "None", "true", "[]", "{}", "NaN", "Infinity", "-inf", "sNaN", "1,234.56",
    "1.234,56", "\u0663\u0664", "\uff11\uff12", "1_000", "1e5", "0x10", "+5", "--5", "5 ", "1e999999999", "9" * 60,
    "\x00", "a\x00b", "\ud800", "x\udfffy", "\ufeff", "\u202egpj", "\u200b", "\u2028", "\uffff", "\U0001f4a9" * 40,
    "e\u0301" * 200, "\x1b[31m", "\r\nX-Evil: 1", "../../../etc/passwd", "..", ".", "%2e%2e%2f", "a/b", "a?b=c",
    "a#b", "a^b", "10^1", "^", "'", "''", "' or '1'='1", "10';DROP TABLE entries--", "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0", "{{7*7}}", "${jndi:x}", "[link=file:///etc/passwd]x[/link]", "| a | b |", "x" * 300,
    "x" * 5000, "é" * 3000, "http://169.254.169.254/latest", "file:///etc/passwd", "\\\\host\\share", "CON", "-",
    "undefined", "10^900001", "a=b", "a:b", "IFS 10^1001;",
)  # fmt: skip
CURRENCIES = ("usd", "XXX", "EURO", "€", "", "JPY", "KWD", "CLF", "EU", "\u0415UR", "XAU", "US\x00", "   ", "123")
DATES = (
    "0000-00-00", "0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31", "9999-12-31T23:59:59-12:00", "10000-01-01",
    "2026-02-30", "2026-13-01", "2026-11-03T25:00:00Z", "03/04/2026", "2026-W45-2", "20261103", "2026-11-03 00:00",
    "2026-11-03T10:00:00.123456789Z", "2026-11-03T10:00:00+99:99", "-2026-11-03", "yesterday", "1700000000",
    "2999-01-01", "2026-11-03T10:00:00Z\x00", "+12026-11-03", "2026-11-03T10:00:00Europe/Berlin",
    "1969-12-31T23:59:59Z",
)  # fmt: skip
KINDS: tuple[Json, ...] = (
    None, True, False, 0, 7, -1, 1.5, "text", "", [], [None], [[]], {}, {"id": 1}, [1, "2"], {"": None}, ["a", "a"],
)  # fmt: skip


def places(value: Json) -> Iterator[Place]:
    """Give every place of a value where something stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield value, name
            yield from places(inner)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield value, at
            yield from places(inner)


def kind(rng: random.Random, old: Json) -> Json:
    """Put something of another type."""
    return copy.deepcopy(rng.choice(KINDS))


def retyped(rng: random.Random, old: Json) -> Json:
    """Write the same as another type: a number as text, a text as a list of it."""
    if isinstance(old, bool | None):
        return rng.choice([str(old), int(bool(old)), [old]])
    if isinstance(old, int | float):
        return rng.choice([str(old), [old], {"value": old}, float(old), -old])
    return rng.choice([[old], {"value": old}, {str(old)[:20]: old}, None])


def text(rng: random.Random, old: Json) -> Json:
    """Put an odd text, or add one to what is there."""
    odd = rng.choice(TEXTS)
    return odd if not isinstance(old, str) or rng.random() < 0.7 else old + odd


def number(rng: random.Random, old: Json, tokens: Tokens) -> Json:
    """Put an odd number, as a number or as text."""
    odd = rng.choice(NUMBERS)
    return odd if rng.random() < 0.4 else tokens(odd)


def deep(rng: random.Random, old: Json, tokens: Tokens) -> Json:
    """Nest lists or objects."""
    depth = rng.choice(DEPTHS if rng.random() < 0.05 else DEPTHS[:2])
    opened, closed = rng.choice([("[", "]"), ('{"a":', "}")])
    return tokens(opened * depth + "1" + closed * depth)


def large(rng: random.Random, old: Json) -> Json:
    """Put a text, a list or an object of a megabyte; seldom, for it costs as much as a thousand others."""
    size = LARGE if rng.random() < 0.02 else 20_000
    return rng.choice(["x" * size, "\x00" * (size // 6), [0] * (size // 2), "é" * (size // 6)])


def odd_value(rng: random.Random, old: Json, tokens: Tokens) -> Json:
    """Put a strange value in the place of a good one."""
    way = rng.random()
    if way < 0.22:
        return kind(rng, old)
    if way < 0.32:
        return retyped(rng, old)
    if way < 0.55:
        return text(rng, old)
    if way < 0.72:
        return number(rng, old, tokens)
    if way < 0.84:
        return rng.choice(DATES)
    if way < 0.92:
        return rng.choice(CURRENCIES)
    if way < 0.96:
        return rng.choice(ECHOES)
    return deep(rng, old, tokens) if way < 0.985 else large(rng, old)


def damage(rng: random.Random, value: Json, tokens: Tokens) -> str:
    """Change one place of a record; give its name."""
    container, at = rng.choice(list(places(value)))
    act = rng.random()
    if act < 0.12:
        del container[at]
    elif act < 0.16 and isinstance(container, list):
        container[at:at] = [container[at]] * rng.choice([1, 3, 200])
    elif act < 0.20 and isinstance(container, dict):
        container[rng.choice(["", "__class__", "$ref", "\x00", str(at).upper(), f" {at}"])] = container.pop(at)
    else:
        container[at] = odd_value(rng, container[at], tokens)
    return str(at)


# Whole bodies


def truncated(rng: random.Random, body: bytes) -> bytes:
    """End early."""
    return body[: rng.randrange(len(body) + 1)]


def flipped(rng: random.Random, body: bytes) -> bytes:
    """Turn some bits."""
    made = bytearray(body)
    for _ in range(rng.randint(1, 4) if made else 0):
        made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    return bytes(made)


def replaced(rng: random.Random, body: bytes) -> bytes:
    """Give something else altogether."""
    depth = rng.choice(DEPTHS)
    return rng.choice(
        [
            b"", b" ", b"null", b"[]", b"{}", b"0", b'"ok"', b"true", b"NaN", b"\xff\xfe", b"\x00" * 20,
            b"\x1f\x8b\x08", b"<html><head><title>503</title></head><body>Service Unavailable</body></html>",
            b'<?xml version="1.0"?><a/>', b"\xef\xbb\xbf" + body, body.decode("utf-8", "replace").encode("utf-16"),
            body + body, body + b"garbage", b"[" * depth, b"[" * depth + b"]" * depth, b'{"a":' * depth,
            b'{"value":' + b"[" * depth + b"]" * depth + b"}", b'{"error": "' + rng.choice(ECHOES).encode() + b'"}',
            b"while(1);" + body, b"callback(" + body + b")", b'{"value": {}, "data": {}, "results": {}}',
            b'{"value": null, "data": null, "results": null}',
            b'{"value": [null], "data": [null], "results": [null]}',
            b'{"value": ["x"], "data": [5], "results": [[]]}',
        ]
    )  # fmt: skip


def structure(rng: random.Random, body: bytes) -> bytes:
    """Change some places of a JSON body, its envelope as likely as all its records together."""
    try:
        value = json.loads(body)
    except ValueError:
        return flipped(rng, body)
    tokens = Tokens()
    if not isinstance(value, dict | list) or not value:
        return replaced(rng, body)
    for _ in range(rng.choice([1, 1, 2])):
        if isinstance(value, dict) and value and rng.random() < 0.5:
            name = rng.choice(list(value))
            value[name] = odd_value(rng, value[name], tokens)
        elif value:
            damage(rng, value, tokens)
    return tokens.write(value)


BODIES: tuple[Callable[[random.Random, bytes], bytes], ...] = (truncated, flipped, replaced, structure, structure)


def damaged_body(rng: random.Random, body: bytes) -> tuple[bytes, str]:
    """Damage a body in one way; give its name too."""
    way = rng.choice(BODIES)
    return way(rng, body), way.__name__
