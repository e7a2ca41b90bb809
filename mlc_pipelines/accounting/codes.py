"""Code strings: the account and the code parts a line is booked on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

LETTERS = "BCDEFGHIJ"


@dataclass(frozen=True, slots=True)
class CodeString:
    """An account (code part A) and code parts by letter B to J. Empty parts are left out; values stay text."""

    account: str
    parts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.account:
            raise ValueError("a code string needs an account")
        for letter in self.parts:
            if len(letter) != 1 or letter not in LETTERS:
                raise ValueError(f"code part {letter!r} of account {self.account} is not one of {LETTERS}")
        given = {letter: self.parts[letter] for letter in LETTERS if self.parts.get(letter)}
        object.__setattr__(self, "parts", MappingProxyType(given))

    def __hash__(self) -> int:
        return hash((self.account, tuple(self.parts.items())))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """The code parts in the order of their letters, the account first as A."""
        yield "A", self.account
        yield from self.parts.items()

    def __str__(self) -> str:
        return " ".join([self.account, *(f"{letter}={value}" for letter, value in self.parts.items())])
