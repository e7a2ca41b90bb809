"""Pictures and tables that a metadata panel can show."""

import base64
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.orchestration.charts import BAD, GOOD, Bar, Part, columns, rows, table

SVG = "{http://www.w3.org/2000/svg}"


def picture(markdown: str) -> ET.Element:
    encoded = markdown.removeprefix("![chart](data:image/svg+xml;base64,").removesuffix(")")
    return ET.fromstring(base64.b64decode(encoded))


def test_the_longest_bar_fills_the_height() -> None:
    """Bars are drawn in proportion, the parts of one on top of another."""
    drawn = picture(columns([Bar("a", [Part(GOOD, Decimal(3)), Part(BAD, Decimal(1))]), Bar("b", [])]))
    heights = [Decimal(shape.attrib["height"]) for shape in drawn]
    assert heights == [Decimal("46.5"), Decimal("15.5"), Decimal("1.0")]


def test_rows_show_shares() -> None:
    """Each row is as long as the others; credit counts by its size."""
    drawn = picture(rows([Bar("EUR", [Part(GOOD, Decimal("75.00")), Part(BAD, Decimal("-25.00"))])]))
    assert [Decimal(shape.attrib["width"]) for shape in drawn] == [Decimal("240.0"), Decimal("80.0")]


def test_nothing_draws_nothing() -> None:
    """No bars are still a picture."""
    assert list(picture(columns([]))) == []
    assert list(picture(rows([]))) == []


@given(title=st.text(st.characters(exclude_categories=["C"])))
def test_any_title_is_text(title: str) -> None:
    """What stands in a title cannot become markup."""
    (shape,) = picture(columns([Bar(title, [Part(GOOD, Decimal(1))])]))
    (shown,) = shape.findall(f"{SVG}title")
    assert (shown.text or "") == title


def test_a_cell_stays_in_its_cell() -> None:
    """Bars and line breaks in a value do not break the table."""
    assert table(("a", "b"), [("x|y", "1\n2"), (None, 3)]).splitlines() == [
        "| a | b |",
        "| --- | --- |",
        "| x\\|y | 1 2 |",
        "|  | 3 |",
    ]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("![](https://x.example/?a)", r"!\[\](https\://x.example/?a)"),
        ("[pay here](//x.example)", r"\[pay here\](//x.example)"),
        ("see www.x.example", r"see www\.x.example"),
        ("<img src=x>", r"\<img src=x\>"),
        ("*4010* `x` _y_ ~z~ &amp;", r"\*4010\* \`x\` \_y\_ \~z\~ \&amp;"),
        ("\\[a](b)", r"\\\[a\](b)"),
        (
            "account_unmapped account:4010 08:00 1.50 Nut & Bolt",
            r"account_unmapped account:4010 08:00 1.50 Nut \& Bolt",
        ),
    ],
)
def test_what_a_value_says_is_text(value: str, cell: str) -> None:
    """No picture is loaded, and no link made, of what stands in a record; words stay readable as they are."""
    assert table(("a",), [(value,)]).splitlines()[-1] == f"| {cell} |"
