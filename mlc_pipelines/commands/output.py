"""How commands speak: tables and sentences for people, one JSON document for scripts, and exit codes."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlc_pipelines.accounting.money import places
from mlc_pipelines.wire.redaction import REDACTOR

DONE, ATTENTION, CONFIGURATION, UNREACHABLE = 0, 1, 2, 3


def say(text: str) -> None:
    """Say a sentence on stderr, without secrets."""
    sys.stderr.write(f"mlc: {_printable(REDACTOR.redact(text))}\n")


def console() -> Console:
    """Give the console that people read."""
    return Console(highlight=False)


def as_json(document: Any) -> None:
    """Print one JSON document on stdout; amounts are text, so that they stay exact."""
    plain_document = json.loads(json.dumps(document, default=_plain))
    sys.stdout.write(json.dumps(REDACTOR.redact_each(plain_document), indent=2) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def money(amount: Decimal | None, currency: str | None) -> str:
    """Write an amount for people, with the places of its currency: 1,234.50 EUR, 1,234 JPY."""
    if amount is None or currency is None:
        return ""
    try:
        return f"{amount:,.{max(places(currency), -int(amount.normalize().as_tuple().exponent))}f}"
    except ValueError:
        return f"{amount:,}"


def plain(value: object) -> Text:
    """Show what came from outside as text alone: no markup, nothing that moves a terminal, no secret."""
    return Text(_printable(REDACTOR.redact(str(value))))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = ()) -> Table:
    """Make a table; `right` names the columns of figures."""
    made = Table(title=plain(title), title_justify="left", header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(plain(cell) for cell in row))
    return made
