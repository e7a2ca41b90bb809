"""A `$batch` request with one change set: header and rows of a document, all or nothing.

The change set, its `Content-ID` and the references `$1/…` and `If-Match: $1` are documented by the vendor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from typing import Any
from uuid import uuid4

import msgspec

from mlc_pipelines.errors import OutcomeUnknownError
from mlc_pipelines.wire.answers import Answer

_JSON = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Change:
    """One create inside the change set; `path` is relative to the service, or begins with `$1/`."""

    path: str
    values: Mapping[str, Any]
    if_match: str | None = None


def change_set(changes: Sequence[Change]) -> tuple[str, bytes]:
    """Content type and body of a batch; the changes are numbered from 1 as their `Content-ID`."""
    batch, changeset = f"batch_{uuid4().hex}", f"changeset_{uuid4().hex}"
    parts = [
        f"--{batch}\r\nContent-Type: multipart/mixed;boundary={changeset}\r\n\r\n".encode(),
        *(_part(changeset, number, change) for number, change in enumerate(changes, start=1)),
        f"--{changeset}--\r\n--{batch}--\r\n".encode(),
    ]
    return f"multipart/mixed;boundary={batch}", b"".join(parts)


def _part(boundary: str, number: int, change: Change) -> bytes:
    body = _JSON.encode(change.values)
    lines = [
        f"--{boundary}",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        f"Content-ID: {number}",
        "",
        f"POST {change.path} HTTP/1.1",
        "Content-Type: application/json",
        "Accept: application/json",
        *([f"If-Match: {change.if_match}"] if change.if_match else []),
        f"Content-Length: {len(body)}",
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body + b"\r\n"


def answers(whole: Answer) -> list[Answer]:
    """The answers inside a batch answer, in order; a failed change set has one answer, its refusal."""
    content_type = whole.headers.get("content-type", "")
    message = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + whole.body)
    found = [_answer(part, whole) for part in message.walk() if part.get_content_type() == "application/http"]
    if not found:
        raise OutcomeUnknownError(f"ifs: {whole.url}: the batch answer has no parts; look whether the document exists")
    return found


def _answer(part: Message, whole: Answer) -> Answer:
    payload = part.get_payload(decode=True)
    text = payload if isinstance(payload, bytes) else b""
    head, _, body = text.lstrip(b"\r\n").partition(b"\r\n\r\n")
    status_line, *header_lines = head.decode("latin-1").split("\r\n")
    _, _, rest = status_line.partition(" ")
    status = rest[:3]
    if not status.isdigit():
        raise OutcomeUnknownError(f"ifs: {whole.url}: a batch part has no status; look whether the document exists")
    headers = {}
    for line in header_lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Answer(int(status), headers, body.strip(), "POST", whole.url)
