"""Rows: one that nobody can read is told apart from the others, and they are byte for byte what was sent."""

import json
import logging
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlc_pipelines.errors import Cause, RecordError, TransientError
from mlc_pipelines.wire.rows import MisshapenError, Unread, each, name_of, one, read_page, readable, sane


class Page(msgspec.Struct):
    data: list[msgspec.Raw]
    next: str | None = None


class Thing(msgspec.Struct):
    id: str
    amount: Decimal | None = None
    inner: list["Thing"] = []


PAGE, THING = msgspec.json.Decoder(Page), msgspec.json.Decoder(Thing)
SPOILERS = [b'{"id": "\\ud800"}', b'{"id": NaN}', b"[" * 5000 + b"]" * 5000, b'{"id": "a", }', b"{'id': 1}", b"01"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def thing(raw: bytes) -> Thing:
    try:
        return THING.decode(raw)
    except (ValueError, RecursionError) as error:
        raise RecordError(str(error), cause=Cause.UNREADABLE) from error


@settings(deadline=None)
@given(rows=st.lists(VALUES, max_size=6), at=st.integers(0, 6), spoiler=st.sampled_from(SPOILERS), spaces=st.booleans())
def test_one_row_spoils_no_page(rows: list[object], at: int, spoiler: bytes, *, spaces: bool) -> None:
    """Whatever stands around it, the other rows and the link to the next page are read."""
    texts = [json.dumps(row, indent=1 if spaces else None).encode() for row in rows]
    texts.insert(at, spoiler)
    between = b" ,\n" if spaces else b","
    body = b'{"x": {"data": ["no"]}, "data" : [' + between.join(texts) + b'], "next": "a]b\\"}"}'
    page, found = read_page(body, PAGE, "data", "vendor: a page")
    assert page.next == 'a]b"}'
    assert [row.strip() for row in found] == texts


@settings(deadline=None)
@given(VALUES)
def test_a_good_page_is_read_as_it_is(value: object) -> None:
    """Byte for byte."""
    texts = [json.dumps(value).encode()] * 2
    page, found = read_page(b'{"data":[' + b",".join(texts) + b"]}", PAGE, "data", "vendor: a page")
    assert (page.next, found) == (None, texts)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html></html>", b'{"data": [1, 2', b'{"data": [NaN', b'{"data": {"a": NaN}}', b'{"data": null}', b'"',
        b'[{"data": [NaN]}]', b'{"data": [NaN]}]', b'{"data": [NaN], "next": 5}', b'{"data": ["\\ud800"}', b'{"data"',
        b"[" * 100_000, b'{"a":' * 100_000, b'{"data": [NaN]' + b" " * 9_000_000 + b"}", b'{"' + b'\\"' * 100_000,
        b'{"' + b'\\"' * 100_000 + b"\\",
    ],
)  # fmt: skip
def test_what_is_no_page_is_asked_for_again(body: bytes) -> None:
    """The error names the place, and none of it takes long."""
    with pytest.raises(TransientError, match="vendor: a page is not what the service answers"):
        read_page(body, PAGE, "data", "vendor: a page")


def test_a_row_that_cannot_be_read_is_given_as_such() -> None:
    """With what names it, also where half a sign or NaN stands in it."""
    rows = [
        b'{"id": "a"}',
        b'{"id": 5}',
        b'{"id": "c", "amount": NaN}',
        b'{"id": "d", "x": "\\ud800"}',
        b"[]",
        b"[" * 2000,
    ]
    found = list(each(rows, thing, names=("id",)))
    assert [row.name if isinstance(row, Unread) else row.id for row in found] == ["a", "5", "c", "d", None, None]
    assert all(row.problem for row in found if isinstance(row, Unread))


def test_what_is_looked_up_leaves_out_what_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    """And says so."""
    with caplog.at_level(logging.WARNING):
        assert [row.id for row in readable([b'{"id": "a"}', b"[]", b'{"id": "b"}'], thing)] == ["a", "b"]
    assert [record.message for record in caplog.records] == ["row left out"]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (b'{"b": 5}', "5"), (b'{"a": "x", "b": 5}', "x"), (b'{"a": true, "b": "y"}', "y"), (b'{"a": null}', None),
        (b'{"a": ["x"]}', None), (b'["a"]', None), (b"no", None), (b"\xff", None), (b'{"b": 1.5}', None),
        (b'{"a": ' + b"9" * 5000 + b"}", None),
    ],
)  # fmt: skip
def test_a_name_is_a_text_or_a_whole_number(row: bytes, name: str | None) -> None:
    """The first that is there."""
    assert name_of(row, ("a", "b")) == name


@pytest.mark.parametrize("body", [b"{}", b" [1] ", b'{"a": NaN}'])
def test_one_answer_is_an_object_or_a_list_at_first_sight(body: bytes) -> None:
    """What is in it is another question."""
    assert one(body, "vendor") == body


@pytest.mark.parametrize("body", [b"", b"<html>", b"{]", b'{"a": 1', b"null", b'"x"', b"}{"])
def test_another_answer_may_be_better_the_next_time(body: bytes) -> None:
    """A page of somebody in front; JSON of another kind is told apart, for it may be one record's fault."""
    with pytest.raises(TransientError, match="vendor: the answer is not what the service says") as caught:
        one(body, "vendor")
    assert isinstance(caught.value, MisshapenError) == (body in {b"null", b'"x"'})


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": 5}',
        b"[]",
        b"null",
        b'{"data": null}',
        b'{"data": [], "next": 5}',
        b"{}",
        b'{"data": [NaN], "x": "\\ud800"}',
    ],
)
def test_what_came_whole_and_is_no_page_is_told_apart(body: bytes) -> None:
    """Where it is asked for by a list, it may be better the next time; of one record it may be all there is."""
    with pytest.raises(MisshapenError, match="vendor: a page is not what the service answers"):
        read_page(body, PAGE, "data", "vendor: a page")


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data": [1, 2', b'{"data": [NaN'])
def test_what_was_cut_off_or_is_of_somebody_else_is_not(body: bytes) -> None:
    """It says nothing of any record."""
    with pytest.raises(TransientError) as caught:
        read_page(body, PAGE, "data", "vendor: a page")
    assert not isinstance(caught.value, MisshapenError)


@pytest.mark.parametrize("amount", ["1e999999999", "-1E+31", '"NaN"', '"sNaN"', '"-Infinity"', '"inf"', "1e-400"])
def test_what_cannot_be_added_up_is_no_amount(amount: str) -> None:
    """Also deep in a record; to write the first one out would take a gigabyte."""
    raw = f'{{"id": "a", "inner": [{{"id": "b", "amount": {amount}}}]}}'.encode()
    with pytest.raises(ValueError, match="no amount"):
        sane(THING.decode(raw), raw)


@pytest.mark.parametrize("amount", ["1e3", "0.00000001", "-999999999999999.99", "0e5", "null"])
def test_odd_spellings_of_amounts_are_fine(amount: str) -> None:
    """And so are names that look like numbers."""
    raw = f'{{"id": "5e99999", "amount": {amount}}}'.encode()
    assert sane(THING.decode(raw), raw).id == "5e99999"
