"""JSON pointers (RFC 6901): where in a document a tenant's Airbase keeps a value. Pure functions."""

from typing import Annotated, Any

from pydantic import AfterValidator


def _plain(pointer: str) -> str:
    if pointer and not pointer.startswith("/"):
        raise ValueError("a JSON pointer begins with a slash, such as /vendor/erp_reference_id")
    return pointer


Pointer = Annotated[str, AfterValidator(_plain)]


def value_at(document: Any, pointer: str | None) -> Any:
    """Give what stands at a pointer; None where nothing does, and for no pointer at all."""
    if pointer is None:
        return None
    found = document
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list) and name.isascii() and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def text_at(document: Any, pointer: str | None) -> str:
    """Give the text at a pointer, a whole number as text; empty where there is neither."""
    found = value_at(document, pointer)
    if isinstance(found, str):
        return found.strip()
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else ""


def rows_at(document: Any, pointer: str | None) -> list[Any]:
    """Give the list at a pointer; empty where there is none."""
    found = value_at(document, pointer)
    return found if isinstance(found, list) else []
