"""Which account, class, department or location of BILL a code of IFS means; pure functions."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.accounts import Account
from mlc_pipelines.ifs.code_parts import CodePartValue
from mlc_pipelines.integrations.bill.models import KINDS, Classification

EVERY_TYPE = "*"


def account_number(code: str, accounts: Mapping[str, str] | None) -> str | None:
    """Give the number of an IFS account in BILL: by the table where there is one; None when it is not in it."""
    return code if accounts is None else accounts.get(code)


def to_account(account: Account, number: str, types: Mapping[str, str]) -> dict[str, Any]:
    """Describe an IFS account as one of BILL's chart."""
    kind = (account.kind or "").lower()
    known = types.get(kind) or types.get(kind.removesuffix("s")) or types.get(EVERY_TYPE)
    if known is None:
        raise RecordError(
            f"account {account.code} is of type {account.kind!r}, which BILL has no word for; "
            "add it to bill.account_types",
            cause=Cause.ACCOUNT_UNMAPPED,
            key=f"account_type:{kind}",
        )
    return {"name": account.description or number, "account": {"type": known, "number": number}}


def to_dimension(value: CodePartValue, naming: str) -> dict[str, str]:
    """Describe a code part value as a class, department or location, which have a name and no code."""
    text = value.description if value.description != value.value else ""
    names = {"code": value.value, "text": text or value.value, "code_text": f"{value.value} {text}".strip()}
    return {"name": names[naming], "code": value.value}


def same_account(rows: Sequence[Classification], number: str, name: str) -> Classification | None:
    """Find an account by its number, else by its exact name where it has no number."""
    numbered = [row for row in rows if row.account.number == number]
    named = [row for row in rows if not row.account.number and row.name == name]
    return _the_one(numbered or named, f"account {number}")


def same_dimension(rows: Sequence[Classification], name: str, code: str) -> Classification | None:
    """Find a dimension by the name we give it, else by the bare code."""
    named = [row for row in rows if row.name == name]
    return _the_one(named or [row for row in rows if row.name == code], name)


def _the_one(fitting: Sequence[Classification], what: str) -> Classification | None:
    alive = [row for row in fitting if not row.archived]
    if len(alive) > 1:
        ids = ", ".join(row.id for row in alive)
        raise RecordError(
            f"{what}: BILL has {len(alive)} of them ({ids}); archive all but one", cause=Cause.DUPLICATE_SUSPECTED
        )
    if fitting and not alive:
        raise RecordError(
            f"{what} is archived in BILL ({fitting[0].id}); restore it there, then replay",
            cause=Cause.DUPLICATE_SUSPECTED,
        )
    return alive[0] if alive else None


def dimension_kinds(table: Mapping[str, str]) -> dict[str, str]:
    """Read `mapping.dimensions`: what each code part is in BILL, by its letter; ValueError names a wrong word."""
    wrong = sorted(f"{part}: {kind}" for part, kind in table.items() if kind not in KINDS)
    if wrong:
        raise ValueError(f"{', '.join(wrong)}: a code part is one of {', '.join(KINDS)}")
    return {part.removeprefix("Code"): kind for part, kind in table.items()}
