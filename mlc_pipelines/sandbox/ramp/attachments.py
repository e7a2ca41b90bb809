"""Files on a draft: a multipart body with the part `file` and the field `attachment_type`."""

from email import message_from_bytes
from typing import Any

from mlc_pipelines.sandbox.ramp.answers import RefusalError, invalid
from mlc_pipelines.sandbox.ramp.records import Bill

TYPES = frozenset({"INVOICE", "FILE", "EMAIL", "VENDOR_CREDIT"})
PARTS = frozenset({"file", "attachment_type"})


def keep_attachment(draft: Bill, *, body: bytes, content_type: str, new_id: str) -> dict[str, Any]:
    """Keep a file with its draft and return its row; a second INVOICE is refused."""
    parts = _read_parts(body, content_type)
    problems = {name: ["Unknown field."] for name in parts.keys() - PARTS}
    problems |= {name: ["required"] for name in PARTS - parts.keys()}
    if problems:
        raise invalid(problems)
    kind = parts["attachment_type"][1].decode("utf-8", errors="replace").strip()
    if kind not in TYPES:
        raise invalid({"attachment_type": [f"Must be one of: {', '.join(sorted(TYPES))}."]})
    if kind == "INVOICE" and any(file["attachment_type"] == "INVOICE" for file in draft.attachments):
        raise RefusalError(400, "DEVELOPER_7001", "The draft has an invoice already")
    name, content = parts["file"]
    made = {"id": new_id, "attachment_type": kind, "file_name": name, "size": len(content)}
    draft.attachments.append(made)
    return made


def _read_parts(body: bytes, content_type: str) -> dict[str, tuple[str | None, bytes]]:
    if not content_type.lower().startswith("multipart/form-data"):
        raise invalid({"_schema": ["The body must be multipart/form-data."]})
    message = message_from_bytes(b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body)
    if not message.is_multipart():
        raise invalid({"_schema": ["Not a valid multipart body."]})
    parts: dict[str, tuple[str | None, bytes]] = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            parts[name] = (part.get_filename(), content)
    return parts
