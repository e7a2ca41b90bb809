"""XML files: streamed record by record, well-formed to the end or not used at all; no DTD, no entities, no network."""

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

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
_SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


def read_xml(content: bytes, feed: Feed) -> list[RawRecord]:
    """Read a file; RejectedFileError when it is not well-formed to its end, or declares a document type."""
    if feed.xml is None:
        raise RejectedFileError("no layout for XML files is set")
    _check_encoding(content)
    try:
        return list(_records(content, feed, feed.xml))
    except etree.XMLSyntaxError as error:
        raise RejectedFileError(f"not well-formed: {error.msg}") from error


def again(raw: Mapping[str, Any], feed: Feed) -> RawRecord:
    """Read a record from our copy of its element, by the layout as it is now."""
    if feed.xml is None:
        raise RejectedFileError("no layout for XML files is set any more")
    element = etree.fromstring(raw["xml"], parser=etree.XMLParser(**_SAFE))
    return _record(element, int(raw["row"]), feed, feed.xml)


def _records(content: bytes, feed: Feed, layout: Xml) -> Iterator[RawRecord]:
    wanted = [_clark(step, layout) for step in layout.record.strip("/").split("/")]
    path: list[str] = []
    found = 0
    for event, element in etree.iterparse(io.BytesIO(content), events=("start", "end"), **_SAFE):
        if event == "start":
            if not path:
                _refuse_doctype(element)
            path.append(str(element.tag))
            continue
        if path == wanted:
            found += 1
            if found > feed.limits.max_rows:
                raise RejectedFileError(f"more than {feed.limits.max_rows} records")
            yield _record(element, element.sourceline or 0, feed, layout)
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


def _record(element: etree._Element, line: int, feed: Feed, layout: Xml) -> RawRecord:
    problems: list[str] = []
    head = {name: path for name, path in layout.fields.items() if not is_line_field(name, feed)}
    rest = {name: path for name, path in layout.fields.items() if name not in head}
    lines = _find(element, layout.line, layout) if layout.line else ([element] if rest else [])
    fields = _texts(element, head, feed, layout, problems)
    coded = [with_defaults(_texts(item, rest, feed, layout, problems), feed, line=True) for item in lines]
    text = etree.tostring(element, encoding="unicode", with_tail=False)
    problem = f"line {line}: {'; '.join(problems)}" if problems else None
    raw = {"xml": text, "row": line}
    return RawRecord(with_defaults(fields, feed, line=False), tuple(coded), (line,), raw, problem)


def _texts(
    element: etree._Element, paths: Mapping[str, str], feed: Feed, layout: Xml, problems: list[str]
) -> dict[str, str]:
    found: list[tuple[str, str | None]] = []
    for name, path in paths.items():
        place, _, attribute = path.partition("@")
        places = _find(element, place.rstrip("/"), layout)
        texts = [
            node.get(_clark(attribute, layout, default=False))
            if attribute
            else "".join(str(text) for text in node.itertext())
            for node in places
        ]
        if len({(text or "").strip() for text in texts}) > 1:
            problems.append(f"{name} stands there {len(texts)} times, and differs")
        found.append((name, texts[0] if texts else None))
    return given(found, feed)


def _find(element: etree._Element, path: str, layout: Xml) -> list[etree._Element]:
    if path in ("", "."):
        return [element]
    return element.findall("/".join(_clark(step, layout) for step in path.split("/")))


def _clark(name: str, layout: Xml, *, default: bool = True) -> str:
    """Write `a:name` with the namespace that the prefix stands for; `""` is the prefix of elements without one."""
    prefix, colon, local = name.partition(":")
    if not colon:
        namespace = layout.namespaces.get("") if default else None
        return f"{{{namespace}}}{name}" if namespace else name
    if prefix not in layout.namespaces:
        raise RejectedFileError(f"xml.namespaces has no prefix {prefix}")
    return f"{{{layout.namespaces[prefix]}}}{local}"


def _check_encoding(content: bytes) -> None:
    marked = next((encoding for bom, encoding in _BOMS.items() if content.startswith(bom)), None)
    if marked is None:
        return
    declared = _DECLARED.search(content[:400].decode(marked, errors="ignore"))
    said = declared.group(1).lower() if declared else marked
    if not said.startswith(marked):
        raise RejectedFileError(f"the file is marked as {marked}, but declares {said}")
