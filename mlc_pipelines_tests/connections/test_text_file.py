"""YAML as text: what is written is what is read, and every key knows its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.connections.text_file import TextFile, read_text_file
from mlc_pipelines.errors import ConfigurationError

CODES = (
    "0010", "10", "1E5", "00E01", "1.10", "+5", ".5", ".inf", ".nan", "017", "0x1F", "0b11", "1_000", "12:30:00",
    "190:20:30", "no", "on", "Yes", "true", "False", "2026-01-31", "2026-01-31T10:00:00Z", "=", "10^M^2026", "6000-1",
)  # fmt: skip


def read(folder: Path, text: str) -> TextFile:
    path = folder / "acme.yaml"
    path.write_text(text, encoding="utf-8")
    return read_text_file(path)


@pytest.mark.parametrize("code", CODES)
def test_a_code_stays_the_text_it_was_written_as(tmp_path: Path, code: str) -> None:
    """What YAML calls a number, a truth or a date is a code like any other: as key, as value and in a list."""
    file = read(tmp_path, f"table:\n  {code}: {code}\nlist: [{code}]\n")
    assert file.content == {"table": {code: code}, "list": [code]}


@given(st.text("0123456789eE+-._xabAB", min_size=1, max_size=8).filter(lambda text: text not in {"-", "---", "..."}))
def test_whatever_looks_like_a_number_stays_text(tmp_path_factory: pytest.TempPathFactory, code: str) -> None:
    """No spelling made of digits, signs and exponents is taken for a number."""
    assert read(tmp_path_factory.getbasetemp(), f"code: {code}\n").content == {"code": code}


@pytest.mark.parametrize("nothing", ["", "~", "null"])
def test_only_nothing_is_not_text(tmp_path: Path, nothing: str) -> None:
    """A value that is left out is none; between quotes it is text."""
    assert read(tmp_path, f"code: {nothing}\n").content == {"code": None}
    assert read(tmp_path, f'code: "{nothing}"\n').content == {"code": nothing}


def test_every_key_and_every_row_knows_its_line(tmp_path: Path) -> None:
    """What has no line of its own is named by what it should stand in, at last by the file."""
    file = read(tmp_path, "name: acme\n\nshop:\n  base_url: x\n  rows:\n    - one\n    - two: 2\n")
    assert file.at(("shop", "base_url")) == f"{tmp_path}/acme.yaml:4"
    assert file.at(("shop", "rows", "1")) == f"{tmp_path}/acme.yaml:7"
    assert file.at(("shop", "rows", "1", "two")) == f"{tmp_path}/acme.yaml:7"
    assert file.at(("shop", "credential")) == f"{tmp_path}/acme.yaml:3"
    assert file.at(("ifs",)) == f"{tmp_path}/acme.yaml"


def test_repetition_can_be_merged(tmp_path: Path) -> None:
    """An anchor saves writing a section twice."""
    file = read(tmp_path, "one: &one {a: 1, b: 2}\ntwo:\n  <<: *one\n  b: 3\n")
    assert file.content["two"] == {"a": "1", "b": "3"}


def test_a_mark_at_the_beginning_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    """Some editors begin a file with a byte order mark."""
    path = tmp_path / "acme.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: acme\n")
    assert read_text_file(path).content == {"name": "acme"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: acme\nname: acme\n", "acme.yaml:2: name stands twice"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "acme.yaml:4: a.b stands twice"),
        ("a: 1\n~: 2\n", "acme.yaml:2: a key is text"),
        ("a: 1\n!!int 7: 2\n", "acme.yaml:2: a key is text"),
        ("a: 1\n? [b, c]\n: 2\n", "acme.yaml:2: a key is text"),
        ("a: &a\n  b: *a\n", "acme.yaml:1: a.b contains itself"),
        ("a: &a\n  - *a\n", "acme.yaml:1: a.0 contains itself"),
        ("a: 1\nb: [1, 2\nc: 3\n", "acme.yaml:3: cannot be read as YAML"),
        ("a: 1\nb: *none\n", "acme.yaml:2: cannot be read as YAML: found undefined alias"),
        ("a: 1\nb: !!python/name:os.system x\n", "acme.yaml:2: cannot be read as YAML"),
        ("a: 1\n---\nb: 2\n", "acme.yaml:2: cannot be read as YAML"),
        ("a: \x00\n", "acme.yaml: cannot be read"),
        ("- a\n- b\n", "acme.yaml: a connection file is a list of keys and values"),
        ("", "acme.yaml: a connection file is a list of keys and values"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, problem: str) -> None:
    """The message names file and line, and what is wrong there."""
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    assert f"{tmp_path}/{problem}" in str(caught.value)


def test_bytes_that_are_no_text_and_files_that_are_none(tmp_path: Path) -> None:
    """Another encoding, a folder and a missing file are problems of the settings, not crashes."""
    (tmp_path / "latin.yaml").write_bytes("name: Åse\n".encode("latin-1"))
    (tmp_path / "folder.yaml").mkdir()
    for name in ("latin.yaml", "folder.yaml", "missing.yaml"):
        with pytest.raises(ConfigurationError, match=f"{name}: cannot be read"):
            read_text_file(tmp_path / name)
