"""An IFS of paper: it has nothing, takes every document, and keeps what would have been sent, value for value."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, cast

import msgspec

from mlc_pipelines.flows.content import encode
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.records import Row
from mlc_pipelines.ifs.settings import IfsSettings
from mlc_pipelines.ledger.bindings import Dictionary
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.states import Stage, State

SETTINGS = IfsSettings(base_url="http://127.0.0.1:9", token_url="http://127.0.0.1:9/token", credential="none")
KEY = {"Company": "10", "VoucherType": "M", "AccountingYear": 2026, "VoucherNo": 1}

ENTRY = Entry(
    id=1, connection="acme", flow="bills", company="10", key="1", version=1, state=State.SENDING, stage=Stage.DELIVER,
    since=datetime(2026, 11, 10, tzinfo=UTC), fingerprint="", label="", partner="", amount=None, currency=None,
    dated=None, cause=None, cause_key=None, problem=None, reference=None, external_id=None, confirmation=None,
    attempts=1, chain_seq=1, chain_head="",
)  # fmt: skip


@dataclass
class PaperIfs:
    """Of the client of IFS what those ask who make invoices and vouchers."""

    settings: IfsSettings = SETTINGS
    invoices: list[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]] = field(default_factory=list)
    vouchers: list[Sequence[Mapping[str, Any]]] = field(default_factory=list)

    def client(self) -> IfsClient:
        """Give it in the place of a client."""
        return cast("IfsClient", self)

    def dictionary(self) -> Dictionary:
        """Give a dictionary that knows nothing and keeps nothing."""
        return cast("Dictionary", _Blank())

    def rows(self, set_name: str, **_: object) -> Iterator[Row]:
        """Nothing is there."""
        return iter(())

    def create_with_rows(
        self, set_name: str, header: Mapping[str, Any], *, child: str, rows: Sequence[Mapping[str, Any]]
    ) -> Row:
        """Take a document; an invoice comes back as IFS would show it."""
        if set_name == "voucher":
            self.vouchers.append(rows)
            values = {"company": "10", "voucher_type": "M", "year": 2026, "number": 1}
            return Row(KEY, values=values)
        self.invoices.append((header, rows))
        names = self.settings.names(set_name)
        shown = {names[name]: value for name, value in header.items()} | {"InvoiceId": 1}
        return Row({"Company": "10", "InvoiceId": 1}, raw=msgspec.json.encode(shown))


class _Blank:
    def by_key(self, kind: str, key: str) -> None:
        return None

    def link(self, kind: str, found: Sequence[tuple[Entry, str]]) -> None:
        return None


def outgoing(document: Mapping[str, Any]) -> Outgoing:
    """Give a document as an entry on its way."""
    return Outgoing(replace(ENTRY, payload=encode(document)))


def balance(rows: Sequence[Mapping[str, Any]]) -> Fraction:
    """Take credits from debits; a row with both sides, none or one below zero is an AssertionError."""
    for row in rows:
        sides = [row[name] for name in ("debit", "credit") if row.get(name) is not None]
        assert len(sides) == 1, row
        assert sides[0] >= 0, row
    return sum((signed(row) for row in rows), Fraction(0))


def signed(row: Mapping[str, Any]) -> Fraction:
    """Give a debit as it is, a credit below zero."""
    return Fraction(row.get("debit") or 0) - Fraction(row.get("credit") or 0)


def by_account(rows: Sequence[Mapping[str, Any]]) -> dict[str, Fraction]:
    """Add up what lands on each account, credits below zero; accounts on which nothing is left are left out."""
    found: dict[str, Fraction] = {}
    for row in rows:
        found[row["account"]] = found.get(row["account"], Fraction(0)) + signed(row)
    return {account: amount for account, amount in found.items() if amount}
