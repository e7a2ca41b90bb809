"""How texts of a file are understood: exactly, or not at all. Nothing is guessed."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from mlc_pipelines.integrations.stampli.feeds import Values

_DAMAGE = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]\d+")
_BLANKS = re.compile(r"\s+")
_MOST_DIGITS = 12  # before the point: beyond any invoice, and within what the ledger counts
_MOST_PLACES = 6
_LONGEST_CODE = 200  # far beyond any number or name, and within what a database's index takes
_LONGEST_SAID = 400


class UnreadableValueError(ValueError):
    """A value that cannot be understood; the message names field, value and reason, however long the value is."""

    def __init__(self, said: str) -> None:
        super().__init__(shortened(said))


def shortened(said: str) -> str:
    """Leave out the middle of what is too long for a person."""
    half = _LONGEST_SAID // 2
    return said if len(said) <= _LONGEST_SAID else f"{said[:half]} … {said[-half:]}"


def is_damaged(text: str) -> bool:
    """Tell whether a spreadsheet took a code for a number and wrote it like 1.23E+11."""
    return _DAMAGE.fullmatch(text) is not None


def code(text: str, name: str) -> str:
    """Take a code as it stands, zeros and dashes and all."""
    if is_damaged(text):
        raise UnreadableValueError(f"{name} is {text!r}: a spreadsheet has turned the code into a number; export anew")
    return bounded(text, name)


def bounded(text: str, name: str) -> str:
    """Take what records are known or looked up by, if it is no longer than any such thing is."""
    if len(text) > _LONGEST_CODE:
        raise UnreadableValueError(f"{name} is {text!r}: {len(text)} signs, more than {_LONGEST_CODE}")
    return text


def normalised(text: str) -> str:
    """Make texts comparable: NFKC, trimmed, blanks collapsed, upper case. Zeros, dashes and slashes are kept."""
    return _BLANKS.sub(" ", unicodedata.normalize("NFKC", text)).strip().upper()


def amount(text: str, name: str, rules: Values) -> Decimal:
    """Read an amount; whatever could be read in two ways is refused."""
    if is_damaged(text):
        raise UnreadableValueError(f"{name} is {text!r}: a spreadsheet has shortened the number; export anew")
    rest, negative = _sign(_without_currency(text, rules), text, name, rules)
    whole, point, places = rest.partition(rules.decimal)
    thousands = re.escape(rules.thousands) if rules.thousands else None
    plain = r"[0-9]+" if thousands is None else rf"[0-9]+|[0-9]{{1,3}}(?:{thousands}[0-9]{{3}})+"
    if not re.fullmatch(plain, whole) or (point and not re.fullmatch(r"[0-9]+", places)):
        raise UnreadableValueError(
            f"{name} is {text!r}, no amount with decimal sign {rules.decimal!r} and thousands sign {rules.thousands!r}"
        )
    digits = whole.replace(rules.thousands, "") if rules.thousands else whole
    if len(digits.lstrip("0")) > _MOST_DIGITS or len(places.rstrip("0")) > _MOST_PLACES:
        raise UnreadableValueError(f"{name} is {text!r}: too many digits for an amount")
    # Zeros beyond what counts would make a number that no one means money by.
    value = Decimal(f"{digits.lstrip('0') or '0'}.{places[:_MOST_PLACES] or '0'}" if places else digits)
    return -value if negative and value else value


def _without_currency(text: str, rules: Values) -> str:
    for sign in rules.currency_signs:
        bare = text.strip().lstrip("-(+").rstrip(")-")
        if bare.strip().startswith(sign) or bare.strip().endswith(sign):
            return text.replace(sign, "", 1).strip()
    return text.strip()


def _sign(rest: str, text: str, name: str, rules: Values) -> tuple[str, bool]:
    """Take the sign off, if it is written in one of the ways that were agreed, and only one."""
    forms = {
        "leading": rest.startswith("-"),
        "trailing": rest.endswith("-"),
        "parentheses": rest.startswith("(") or rest.endswith(")"),
    }
    found = [form for form, there in forms.items() if there]
    if not found:
        return rest, False
    if len(found) > 1 or found[0] not in rules.negative:
        raise UnreadableValueError(f"{name} is {text!r}: negative as {' and '.join(found)}, which was not agreed")
    if found[0] == "parentheses":
        if not (rest.startswith("(") and rest.endswith(")")):
            raise UnreadableValueError(f"{name} is {text!r}: one parenthesis without the other")
        return rest[1:-1].strip(), True
    return (rest[1:] if found[0] == "leading" else rest[:-1]).strip(), True


def day(text: str, name: str, rules: Values) -> date:
    """Read a date by the listed forms; one that fits two of them with different results is refused."""
    found = {read.date() for read in _by_forms(text, rules.dates)}
    if not found:
        raise UnreadableValueError(f"{name} is {text!r}, no date of the form {' or '.join(rules.dates)}")
    if len(found) > 1:
        days = " or ".join(sorted(each.isoformat() for each in found))
        raise UnreadableValueError(f"{name} is {text!r}, which may be {days}")
    return found.pop()


def moment(text: str, name: str, forms: Sequence[str], zone: ZoneInfo) -> datetime:
    """Read a time by the listed forms; one without a zone is of the tenant's zone."""
    try:
        found = {
            (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC) for read in _by_forms(text, forms)
        }
    except OverflowError:  # the first or last day there is, and beyond it in UTC
        found = set()
    if len(found) != 1:
        raise UnreadableValueError(f"{name} is {text!r}, no time of the form {' or '.join(forms)}")
    return found.pop()


def _by_forms(text: str, forms: Sequence[str]) -> list[datetime]:
    found = []
    for form in forms:
        try:
            found.append(datetime.strptime(text, form))  # noqa: DTZ007 - a date has no zone, a time gets one above
        except ValueError:
            continue
    return found
