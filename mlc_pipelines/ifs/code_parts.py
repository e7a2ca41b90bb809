"""Code parts B to J: cost centers, projects and the like; what a letter means differs from company to company."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import msgspec

from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.names import LETTERS
from mlc_pipelines.ifs.records import TypedReader, readable, told_apart
from mlc_pipelines.wire.rows import Unread

SET = "code_part"


@dataclass(frozen=True, slots=True)
class CodePartValue:
    """One value of one code part of one company."""

    company: str
    letter: str
    value: str
    description: str
    valid_from: date | None = None
    valid_until: date | None = None
    raw: bytes = b""

    def is_valid_on(self, day: date) -> bool:
        """Whether postings of that day may carry this value."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


class _Value(msgspec.Struct, frozen=True, kw_only=True):
    value: str
    description: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None


class CodeParts:
    """The code parts of one tenant."""

    def __init__(self, client: IfsClient) -> None:
        self._client = client
        self._readers: dict[str, TypedReader[_Value]] = {}

    def of(self, company: str, letter: str) -> Iterator[CodePartValue]:
        """Every value of a code part, valid or not; one that cannot be read is logged and left out.

        `letter` is B to J.
        """
        _check(letter)
        rows = self._client.rows(SET, company=company, letter=letter)
        return readable(rows, lambda raw: self.read(raw, company=company, letter=letter))

    def carried(self, company: str, letter: str) -> Iterator[CodePartValue | Unread]:
        """Every value of a code part, those that cannot be read too."""
        rows = self._client.rows(SET, company=company, letter=_check(letter))
        return told_apart(rows, lambda raw: self.read(raw, company=company, letter=letter), key=self._key(letter))

    def read(self, raw: bytes, *, company: str, letter: str) -> CodePartValue:
        """Read a value from its JSON; asks IFS nothing."""
        found = self._reader(letter).read(raw)
        return CodePartValue(
            company=company,
            letter=letter,
            value=found.value,
            description=found.description or found.value,
            valid_from=found.valid_from,
            valid_until=found.valid_until,
            raw=raw,
        )

    def _reader(self, letter: str) -> TypedReader[_Value]:
        if letter not in self._readers:
            names = {"value": self._key(_check(letter)), **self._client.settings.names(SET)}
            self._readers[letter] = TypedReader(_Value, names, where=f"code part {letter}")
        return self._readers[letter]

    def _key(self, letter: str) -> str:
        return self._client.settings.names(SET).get("value", f"Code{letter}")


def _check(letter: str) -> str:
    if len(letter) != 1 or letter not in LETTERS:
        raise ValueError(f"{letter!r} is not a code part; letters are B to J (A is the account)")
    return letter
