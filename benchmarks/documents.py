"""The documents that every contestant loads."""

from typing import TypedDict


class Document(TypedDict):
    """One document, as it is sent."""

    reference: str
    number: str
    supplier: str
    currency: str
    amount: str
    dated: str
    text: str


def documents(number: int) -> list[Document]:
    """Make so many documents, the same each time."""
    return [
        {
            "reference": f"R-{each:07}",
            "number": f"INV-{each:07}",
            "supplier": f"S-{each % 200}",
            "currency": "EUR",
            "amount": f"{each * 37 % 900_000 / 100:.2f}",
            "dated": f"2026-{each % 9 + 1:02}-{each % 28 + 1:02}",
            "text": f"Delivery {each} of machine parts, as agreed",
        }
        for each in range(number)
    ]
