"""`$batch`: multipart/mixed in, multipart/mixed out; change sets happen as a whole or not at all."""

import email
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.message import Message
from http import HTTPStatus
from urllib.parse import urlsplit

from mlc_pipelines.sandbox.ifs.answers import BAD_BODY, Answer, Call, OdataError, error_answer
from mlc_pipelines.sandbox.ifs.writes import ChangeSet

FAILED = 400
REQUEST_LINE_WORDS = 3
Perform = Callable[[Call, ChangeSet | None], Answer]
Together = Callable[[Callable[[ChangeSet], list[Answer]]], list[Answer]]


@dataclass(frozen=True)
class _Part:
    call: Call
    content_id: str | None


def run_batch(call: Call, *, perform: Perform, together: Together) -> Answer:
    """Run the parts in sequence; without `continue-on-error` the first failure is the last answer."""
    parts = _multipart(_message(call.body, call.headers.get("content-type", "")))
    go_on = "continue-on-error" in call.headers.get("prefer", "")
    boundary = f"batchresponse_{secrets.token_hex(8)}"
    pieces: list[bytes] = []
    effects: list[str] = []
    for part in parts:
        if part.get_content_type() == "multipart/mixed":
            piece, failed = _change_set(part, call, perform=perform, together=together, effects=effects)
        else:
            single = _request(part, call)
            answer = _try(single.call, perform)
            failed = answer.status >= FAILED
            piece = _http_part(answer, single.content_id, call)
            effects += answer.effects
        pieces.append(piece)
        if failed and not go_on:
            break
    body = _joined(pieces, boundary)
    return Answer(200, body, {"content-type": f"multipart/mixed;boundary={boundary}"}, effects)


def _change_set(
    part: Message, outer: Call, *, perform: Perform, together: Together, effects: list[str]
) -> tuple[bytes, bool]:
    requests = [_request(inner, outer) for inner in _multipart(part)]
    for request in requests:
        if request.call.method == "GET" or request.content_id is None:
            raise OdataError(400, BAD_BODY, "A change set holds writes only, each with a Content-ID.")

    def run(change_set: ChangeSet) -> list[Answer]:
        return [perform(replace(one.call, part=one.content_id), change_set) for one in requests]

    try:
        answers = together(run)
    except OdataError as exc:
        return _http_part(error_answer(exc), None, outer), True
    effects.extend(effect for answer in answers for effect in answer.effects)
    boundary = f"changesetresponse_{secrets.token_hex(8)}"
    pieces = [_http_part(answer, one.content_id, outer) for answer, one in zip(answers, requests, strict=True)]
    head = f"Content-Type: multipart/mixed;boundary={boundary}\r\n\r\n".encode()
    return head + _joined(pieces, boundary), False


def _try(call: Call, perform: Perform) -> Answer:
    try:
        return perform(call, None)
    except OdataError as exc:
        return error_answer(exc)


def _message(body: bytes, content_type: str) -> Message:
    return email.message_from_bytes(b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body)


def _multipart(message: Message) -> list[Message]:
    payload = message.get_payload()
    if message.get_content_type() != "multipart/mixed" or not isinstance(payload, list) or message.defects:
        raise OdataError(400, BAD_BODY, "The batch is not well-formed multipart/mixed.")
    return [part for part in payload if isinstance(part, Message)]


def _request(part: Message, outer: Call) -> _Part:
    if part.get_content_type() != "application/http":
        raise OdataError(400, BAD_BODY, f"A batch part is application/http, not {part.get_content_type()}.")
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    line, _, rest = raw.lstrip(b"\r\n").replace(b"\r\n", b"\n").partition(b"\n")
    words = line.decode("ascii", errors="replace").split(" ")
    if len(words) != REQUEST_LINE_WORDS or words[2] != "HTTP/1.1":
        raise OdataError(400, BAD_BODY, f"Not a request line: {line!r}.")
    head, _, body = (b"\n" + rest).partition(b"\n\n")
    lines = [entry.partition(":") for entry in head.decode("latin-1").split("\n") if entry]
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    path, query = _within(words[1], outer)
    call = replace(
        outer,
        method=words[0],
        path=path,
        query=query,
        headers={"accept": outer.headers.get("accept", "")} | headers,
        body=body.strip(b"\n"),
    )
    return _Part(call, part.get("Content-ID"))


def _within(url: str, outer: Call) -> tuple[str, str]:
    split = urlsplit(url)
    if split.scheme and f"{split.scheme}://{split.netloc}" != outer.origin:
        raise OdataError(400, BAD_BODY, f"{url} is on another origin.")
    path = split.path
    if path.startswith("/"):
        if not path.startswith(outer.root):
            raise OdataError(400, BAD_BODY, f"{url} belongs to another service.")
        path = path.removeprefix(outer.root)
    return path, split.query


def _http_part(answer: Answer, content_id: str | None, outer: Call) -> bytes:
    body = answer.body(decimals_as_text=outer.decimals_as_text)
    named = f"Content-ID: {content_id}\r\n" if content_id is not None else ""
    head = f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{named}\r\n"
    status = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
    headers = "".join(f"{name.title()}: {value}\r\n" for name, value in answer.headers.items())
    return f"{head}{status}{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _joined(pieces: list[bytes], boundary: str) -> bytes:
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\n" + piece + b"\r\n" for piece in pieces) + mark + b"--\r\n"
