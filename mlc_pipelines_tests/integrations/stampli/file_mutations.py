"""Files gone wrong by seed: a good CSV or XML file, damaged the way disks, spreadsheets, people and strangers do it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlc_pipelines.integrations.stampli.feeds import InvoiceFeed
from mlc_pipelines_tests.integrations.stampli.builders import COLUMNS, HEADER, XML, feed

CANARY = "canary-of-an-entity"
NAMES = (
    "../../etc/x.csv",
    "..\\x.csv",
    "a\x00b.csv",
    "line\nbreak.csv",
    "/etc/passwd.csv",
    "..",
    ".",
    "",
    "\ud800.csv",
)
AT = "Exported At"
MORE = {**COLUMNS, "exported_at": AT, "due_date": "Due Date", "document_type": "Document Type"}
LIMITS = {"max_rows": 400}
VALUES = (
    "1.23E+11", "1E5", "-4,5E+003", "03/04/2026", "2026-02-30", "0001-01-01", "9999-12-31", "", "   ", "NULL", "nan",
    "Infinity", "-0.00", "--1", "(5.00)", "5.00-", "1,234.56", "1.234,56", "$5", "0x10", "\uff11\uff12", "\u0663",
    "1_000", "+5", "9" * 13, "0." + "1" * 7, "1." + "0" * 3000, "0" * 5000 + "7", "9" * 5000, "^%5E%25",
    "=cmd|' /C calc'!A0", "\u202e", "<b>&amp;</b>", "]]>", "x" * 5000, "ß" * 3000, "\x1b[31m", "\u0000", "\r", "\n",
    '"', "'", "\\", "0001-01-01T00:00:00+1400", "9999-12-31T23:59:59-1200", "2026-11-03T08:00:00+2359", "Cancelled",
    "Pending Approval", "CREDIT", "credit", "XXX", "JPY", "usd", "…", "NT-118 ", "nt-118", "file^1",
)  # fmt: skip
GOOD = ("1250.00", "50.00", "700.00", "2026-11-03", "2026-12-03", "2026-11-05T08:00:00Z", "USD", "NT-118", "S-2201",
        "6110", "300", "10", "Approved", "INVOICE", "7200.00", "12", "Nordtek, Inc.")  # fmt: skip
ODD = (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xff", b"\x1a", b'"', b",", b";", b"\r", b"\n\n", b"&", b"<", b"]]>",
       b"<!--", b"<![CDATA[", b"<?x?>", b"\\", b"\x85", b"\xe2\x80\xa8")  # fmt: skip
Mutation = Callable[[random.Random, bytes], bytes]


@dataclass(frozen=True)
class Kind:
    """One layout, a good file of it, and the name it comes under."""

    name: str
    feed: InvoiceFeed
    content: bytes
    file: str


@dataclass(frozen=True)
class Damaged:
    """A file that something happened to; `hopeless` when nothing of it may be used."""

    kind: Kind
    content: bytes
    done: tuple[str, ...]
    hopeless: bool


def _rows(count: int = 12) -> list[list[str]]:
    rows = []
    for number in range(count):
        head = ["10", f"NT-{118 + number // 2}", "S-2201", "Nordtek, Inc.", "2026-11-03", "USD", "1250.00", "50.00"]
        line = ["Approved", str(1 + number % 2), ("6110", "6120")[number % 2], ("300", "310")[number % 2]]
        rows.append([*head, *line, ("700.00", "500.00")[number % 2], 'Travel, "zone 2"'])
    return rows


def _csv(rows: Sequence[Sequence[str]], delimiter: str = ",", *, backslash: bool = False) -> str:
    quote = '\\"' if backslash else '""'
    cells = [[f'"{cell.replace(chr(34), quote)}"' for cell in row] for row in rows]
    return "".join(f"{delimiter.join(row)}\r\n" for row in cells)


def _xml() -> bytes:
    lines = "".join(
        f'<line no="{n}"><account>{a}</account><costCenter>300</costCenter><amount>{m}</amount></line>'
        for n, a, m in ((1, "6110", "700.00"), (2, "6120", "500.00"))
    )
    made = "".join(
        f'<invoice number="NT-{118 + n}" status="Approved"><company>10</company>'
        '<vendor id="S-2201">Nordtek, Inc.</vendor>'
        f"<date>2026-11-03</date><currency>USD</currency><total>1250.00</total><tax>50.00</tax><lines>{lines}</lines>"
        "</invoice>\n"
        for n in range(6)
    )
    return f'<?xml version="1.0" encoding="utf-8"?>\n<invoices>\n{made}</invoices>\n'.encode()


def kinds() -> list[Kind]:
    """Give the layouts that are damaged."""
    header, rows = HEADER.split(","), _rows()
    stamped = [[*header, AT, "Due Date", "Document Type"]]
    stamped += [[*row, "2026-11-05T08:00:00Z", "2026-12-03", "INVOICE"] for row in rows]
    single = [
        [row[0], f"NT-{n}", *row[2:6], "750.00", "50.00", *row[8:12], "700.00", row[13]] for n, row in enumerate(rows)
    ]
    places = {name: str(place) for place, name in enumerate(COLUMNS, start=1)}
    trailer = {"marker": "END", "count": 2, "sum": 3}
    loose = {"thousands": ",", "negative": ["leading", "trailing", "parentheses"], "currency_signs": ["$"]}
    plain = _csv([header, *rows])
    tabs, semicolons = _csv([header, *rows], "\t").encode("utf-16"), _csv([header, *single], ";").encode("cp1252")
    wide = {"encoding": "utf-16", "delimiter": "\t"}
    flat = {"encoding": "cp1252", "delimiter": ";", "rows": "record"}
    escaped = {"escape": "backslash", "encoding": "latin-1"}
    dates = {"dates": ["%m/%d/%Y", "%d/%m/%Y", "%Y-%m-%d"]}
    paths: dict[str, str] = {**XML["fields"], "exported_at": "@at"}  # type: ignore[dict-item]  # a table
    times = _xml().replace(b" status=", b' at="2026-11-05T08:00:00Z" status=')
    return [
        Kind("csv", feed(limits=LIMITS), plain.encode(), "a.csv"),
        Kind("stamped", feed(columns=MORE, values=loose, limits=LIMITS), _csv(stamped).encode(), "a.CSV"),
        Kind("trailer", feed(csv={"trailer": trailer}), f"{plain}END,12,7200.00\r\n".encode(), "a.csv"),
        Kind("positions", feed(columns=places, csv={"header": False}), _csv(rows).encode(), "a.csv"),
        Kind("utf-16", feed(csv=wide), tabs, "a.csv"),
        Kind("cp1252", feed(csv=flat), semicolons, "a.csv"),
        Kind("backslash", feed(csv=escaped, values=dates), _csv([header, *rows], backslash=True).encode(), "a.csv"),
        Kind("xml", feed(columns={}, xml=XML, limits=LIMITS), _xml(), "a.xml"),
        Kind("xml stamped", feed(columns={}, xml={**XML, "fields": paths}), times, "a.XML"),
    ]


# What happens to bytes


def flip(rng: random.Random, content: bytes) -> bytes:
    """Turn some bits."""
    made = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        if made:
            made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    return bytes(made)


def cut(rng: random.Random, content: bytes) -> bytes:
    """End early, or begin late."""
    at = rng.randint(0, len(content))
    return content[:at] if rng.random() < 0.8 else content[at:]


def strew(rng: random.Random, content: bytes) -> bytes:
    """Put something anywhere."""
    at = rng.randint(0, len(content))
    return content[:at] + rng.choice(ODD) * rng.randint(1, 3) + content[at:]


def rows(rng: random.Random, content: bytes) -> bytes:
    """Double, drop, swap or empty lines."""
    lines = content.splitlines(keepends=True)
    for _ in range(rng.randint(1, 4)):
        if lines:
            at = rng.randrange(len(lines))
            act = rng.randrange(4)
            if act == 0:
                lines.insert(at, lines[rng.randrange(len(lines))])
            elif act == 1:
                lines.pop(at)
            elif act == 2:
                lines.append(lines.pop(at))
            else:
                lines[at] = b",,,\r\n"
    return b"".join(lines)


def delimiters(rng: random.Random, content: bytes) -> bytes:
    """Write another delimiter, everywhere or sometimes."""
    old, new = rng.sample([b",", b";", b"\t", b"|", b'"', b"'"], 2)
    return content.replace(old, new, rng.choice([-1, 1, 5]))


def encodings(rng: random.Random, content: bytes) -> bytes:
    """Write the text in another encoding, with or without a mark."""
    text = content.decode("utf-8", errors="replace") + rng.choice(["", "é", "€", "漢", "\U0001f600"])
    other = rng.choice(
        ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1", "cp037", "utf-7"]
    )
    return text.encode(other, errors="replace")


def declared(rng: random.Random, content: bytes) -> bytes:
    """Say that the encoding is another one."""
    said = rng.choice([b"utf-16", b"latin-1", b"ebcdic-cp-us", b"no-such", b"utf-7", b"UCS-4", b"x" * 300, b""])
    return content.replace(b'encoding="utf-8"', b'encoding="' + said + b'"')


def huge(rng: random.Random, content: bytes) -> bytes:
    """Fill one place with very much."""
    old = rng.choice([b"Nordtek", b"NT-118", b"1250.00", b"6110", b"Approved", b"300"])
    return content.replace(
        old, rng.choice([b"x", b"0", b"9", b"\xc3\x9f", b"^"]) * rng.choice([300, 5000, 5000, 150_000]), 1
    )


def nothing(rng: random.Random, content: bytes) -> bytes:
    """Leave nothing, or next to nothing."""
    return rng.choice([b"", b"\n", b"\xef\xbb\xbf", b"\xff\xfe", b" " * 5000, b"\x00" * 64, content[:1], b"<", b"{}"])


# What happens to values


def value(rng: random.Random, content: bytes) -> bytes:
    """Put a strange value in the place of a good one."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "latin-1"
    text = content.decode(encoding, errors="replace")
    for _ in range(rng.randint(1, 3)):
        old = rng.choice(GOOD)
        new = rng.choice(VALUES)
        text = text.replace(old, new, rng.choice([1, 1, 3, -1]))
    return text.encode(encoding, errors="replace") if encoding == "utf-16" else text.encode("utf-8", errors="replace")


# What strangers do


def doctype(rng: random.Random, content: bytes) -> bytes:
    """Declare a document type, with entities that grow, open files, or ask other machines."""
    grown = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    inside = rng.choice(
        [
            "", "[]", f'[<!ENTITY e9 "{CANARY}">]', '[<!ENTITY e9 SYSTEM "file:///etc/passwd">]',
            '[<!ENTITY e9 SYSTEM "http://127.0.0.1:9/">]', f'[<!ENTITY e0 "{CANARY}">{grown}]',
            'SYSTEM "http://127.0.0.1:9/x.dtd"', 'PUBLIC "-//x//y" "file:///etc/passwd"',
            f'[<!ENTITY % p "<!ENTITY e9 \'{CANARY}\'>">%p;]', f'[<!ATTLIST invoice at CDATA "{CANARY}">]',
            f'[<!ENTITY e9 "{CANARY * 2000}">]',
        ]
    )  # fmt: skip
    place = rng.choice([b"Nordtek", b"NT-118", b"1250.00", b"Approved"])
    made = content.replace(place, b"&e9;", rng.choice([1, -1]))
    return made.replace(b"<invoices>", f"<!DOCTYPE invoices {inside}><invoices>".encode(), 1)


def entities(rng: random.Random, content: bytes) -> bytes:
    """Use entities that nobody declared, and signs by number."""
    odd = [b"&e9;", b"&nbsp;", b"&#0;", b"&#xD800;", b"&#x1F600;", b"&#1;", b"&lt;", b"&#99999999999;", b"&", b"%p;"]
    return content.replace(rng.choice([b"Nordtek", b"NT-118", b"300"]), rng.choice(odd) * rng.choice([1, 500]), 1)


def depth(rng: random.Random, content: bytes) -> bytes:
    """Nest elements deeply, inside a value or around everything."""
    deep = rng.choice([10, 200, 255, 300, 5000, 40_000])
    if rng.random() < 0.3:
        return b"<a>" * deep + content.partition(b"?>")[2] + b"</a>" * deep
    return content.replace(b"Nordtek", b"<a>" * deep + b"x" + b"</a>" * deep, 1)


def breadth(rng: random.Random, content: bytes) -> bytes:
    """Write very many attributes, elements or namespaces."""
    many = rng.choice([10, 2000])
    more = rng.choice(["attributes", "elements", "spaces"])
    if more == "elements":
        return content.replace(b"<lines>", b"<lines>" + b"<line/>" * many, 1)
    name = "xmlns:a" if more == "spaces" else "a"
    return content.replace(
        b"<lines>", b"<lines " + " ".join(f'{name}{n}="u{n}"' for n in range(many)).encode() + b">", 1
    )


ANY: dict[str, Mutation] = {
    act.__name__: act for act in (flip, cut, strew, rows, delimiters, encodings, huge, nothing, value, value, value)
}
TEXT = {**ANY, "values": value, "worse values": value, "lines": rows}
MARKED = {**ANY, "values": value, **{a.__name__: a for a in (declared, doctype, entities, depth, breadth)}}


def damaged(seed: int, among: Sequence[Kind]) -> Damaged:
    """Damage a file in one to three ways; the same seed gives the same file."""
    rng = random.Random(seed)
    kind = among[seed % len(among)]
    ways = MARKED if kind.file.lower().endswith(".xml") else TEXT
    content, done = kind.content, []
    for name in rng.choices(sorted(ways), k=rng.choice([1, 1, 2, 3])):
        content = ways[name](rng, content)
        done.append(name)
    hopeless = content.startswith(b"<?xml version=") and b"<!DOCTYPE invoices " in content and done[-1] == "doctype"
    return Damaged(kind, content, tuple(done), hopeless)
