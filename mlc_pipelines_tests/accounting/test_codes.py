"""Code strings: account and code parts, as text."""

import pytest

from mlc_pipelines.accounting.codes import CodeString


def test_codes_stay_text_and_come_in_order() -> None:
    """A leading zero is kept; parts are ordered by letter and empty ones left out."""
    code = CodeString("0010", {"D": "P1", "B": "100", "C": ""})
    assert list(code) == [("A", "0010"), ("B", "100"), ("D", "P1")]
    assert str(code) == "0010 B=100 D=P1"


def test_equal_codes_are_one_key() -> None:
    """Codes can be counted and grouped by, however they were given."""
    assert len({CodeString("4010", {"B": "1", "C": "2"}), CodeString("4010", {"C": "2", "B": "1", "D": ""})}) == 1
    assert CodeString("4010") != CodeString("4010", {"B": "1"})
    assert hash(CodeString("4010")) != hash(CodeString("4011"))


def test_a_code_string_is_not_changed_from_outside() -> None:
    """What was handed in may change; the code string does not."""
    parts = {"B": "1"}
    code = CodeString("4010", parts)
    parts["B"] = "2"
    assert code.parts["B"] == "1"
    with pytest.raises(TypeError):
        code.parts["B"] = "3"  # type: ignore[index]  # that is the point


@pytest.mark.parametrize("letter", ["A", "K", "b", "BC", ""])
def test_letters_are_b_to_j(letter: str) -> None:
    """The account is A, and there is nothing after J."""
    with pytest.raises(ValueError, match="code part"):
        CodeString("4010", {letter: "1"})


def test_no_other_sign_is_a_code_part() -> None:
    """Of all that a keyboard has, nine letters are taken."""

    def is_taken(sign: str) -> bool:
        try:
            return CodeString("4010", {sign: "1"}).parts[sign] == "1"
        except ValueError:
            return False

    assert [sign for sign in map(chr, range(32, 127)) if is_taken(sign)] == list("BCDEFGHIJ")


def test_an_account_is_needed() -> None:
    """Parts alone are no code string."""
    with pytest.raises(ValueError, match="account"):
        CodeString("", {"B": "1"})
