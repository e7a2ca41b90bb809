"""XML files: streamed record by record, well-formed to the end or not used at all; no DTD, no entities, no network."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from lxml import etree

from mlc_pipelines.integrations.stampli.feeds import Feed, Xml
from mlc_pipelines.integrations.stampli.raw import (
    RawRecord,
    RejectedFileError,
    given,
    is_line_field,
    with_defaults,
)

_BOMS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_DECLARED = re.compile(r"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_BEGINNING = 400  # bytes in which the encoding is declared
_SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a field stands: a path below its record or line, empty for that itself, and an attribute or its text."""

    name: str
    path: str
    attribute: str | None


@dataclass(frozen=True, slots=True)
class _Places:
    """A layout as lxml wants it: the path of a record from the root, and what is looked for below it."""

    record: list[str]
    line: str | None
    head: Sequence[_Place]
    rest: Sequence[_Place]


def read_xml(content: IO[bytes], feed: Feed) -> Iterator[RawRecord]:
    """Read a file; RejectedFileError when it is not well-formed to its end, or declares a document type.

    That may be known after records were given: they are worth nothing before the last of them.
    """
    places = _places(feed)
    _check_encoding(content)
    try:
        yield from _records(content, feed, places)
    except etree.XMLSyntaxError as error:
        raise RejectedFileError(f"not well-formed: {error.msg}") from error


def again(raw: Mapping[str, Any], feed: Feed) -> RawRecord:
    """Read a record from our copy of its element, by the layout as it is now."""
    places = _places(feed)
    element = etree.fromstring(raw["xml"], parser=etree.XMLParser(**_SAFE))
    return _record(element, int(raw["row"]), feed, places)


def _places(feed: Feed) -> _Places:
    layout = feed.xml
    if layout is None:
        raise RejectedFileError("no layout for XML files is set")
    head = {name: path for name, path in layout.fields.items() if not is_line_field(name, feed)}
    rest = {name: path for name, path in layout.fields.items() if name not in head}
    return _Places(
        record=[_clark(step, layout) for step in layout.record.strip("/").split("/")],
        line=_path(layout.line, layout) if layout.line else None,
        head=[_place(name, path, layout) for name, path in head.items()],
        rest=[_place(name, path, layout) for name, path in rest.items()],
    )


def _place(name: str, path: str, layout: Xml) -> _Place:
    path, _, attribute = path.partition("@")
    return _Place(name, _path(path.rstrip("/"), layout), _clark(attribute, layout, default=False) or None)


def _path(path: str, layout: Xml) -> str:
    return "/".join(_clark(step, layout) for step in path.split("/")) if path not in ("", ".") else ""


def _records(content: IO[bytes], feed: Feed, places: _Places) -> Iterator[RawRecord]:
    wanted, depth = places.record, len(places.record)
    path: list[str] = []
    found = 0
    for event, element in etree.iterparse(content, events=("start", "end"), **_SAFE):
        if event == "start":
            if not path:
                _refuse_doctype(element)
            path.append(str(element.tag))
            continue
        if path == wanted:
            found += 1
            if found > feed.limits.max_rows:
                raise RejectedFileError(f"more than {feed.limits.max_rows} records")
            yield _record(element, element.sourceline or 0, feed, places)
        if len(path) <= depth or path[:depth] != wanted:  # a record, or what is no part of one
            _let_go(element)
        path.pop()


def _refuse_doctype(root: etree._Element) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        raise RejectedFileError("the file declares a document type; none is taken")


def _let_go(element: etree._Element) -> None:
    """Free what was read, so that the size of a file does not matter."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _record(element: etree._Element, line: int, feed: Feed, places: _Places) -> RawRecord:
    problems: list[str] = []
    lines = _find(element, places.line) if places.line is not None else ([element] if places.rest else [])
    fields = _texts(element, places.head, feed, problems)
    coded = [with_defaults(_texts(item, places.rest, feed, problems), feed, line=True) for item in lines]
    text = etree.tostring(element, encoding="unicode", with_tail=False)
    problem = f"line {line}: {'; '.join(problems)}" if problems else None
    raw = {"xml": text, "row": line}
    return RawRecord(with_defaults(fields, feed, line=False), tuple(coded), (line,), raw, problem)


def _texts(element: etree._Element, places: Sequence[_Place], feed: Feed, problems: list[str]) -> dict[str, str]:
    found: list[tuple[str, str | None]] = []
    for place in places:
        texts = [node.get(place.attribute) if place.attribute else _text(node) for node in _find(element, place.path)]
        if len(texts) > 1 and len({(text or "").strip() for text in texts}) > 1:
            problems.append(f"{place.name} stands there {len(texts)} times, and differs")
        found.append((place.name, texts[0] if texts else None))
    return given(found, feed)


def _text(node: etree._Element) -> str:
    return "".join(str(text) for text in node.itertext()) if len(node) else node.text or ""


def _find(element: etree._Element, path: str) -> list[etree._Element]:
    return element.findall(path) if path else [element]


def _clark(name: str, layout: Xml, *, default: bool = True) -> str:
    """Write `a:name` with the namespace that the prefix stands for; `""` is the prefix of elements without one."""
    prefix, colon, local = name.partition(":")
    if not colon:
        namespace = layout.namespaces.get("") if default else None
        return f"{{{namespace}}}{name}" if namespace else name
    if prefix not in layout.namespaces:
        raise RejectedFileError(f"xml.namespaces has no prefix {prefix}")
    return f"{{{layout.namespaces[prefix]}}}{local}"


def _check_encoding(content: IO[bytes]) -> None:
    content.seek(0)
    begins = content.read(_BEGINNING)
    content.seek(0)
    marked = next((encoding for bom, encoding in _BOMS.items() if begins.startswith(bom)), None)
    if marked is None:
        return
    declared = _DECLARED.search(begins.decode(marked, errors="ignore"))
    said = declared.group(1).lower() if declared else marked
    if not said.startswith(marked):
        raise RejectedFileError(f"the file is marked as {marked}, but declares {said}")
