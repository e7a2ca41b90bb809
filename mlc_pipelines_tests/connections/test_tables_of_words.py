"""Mapping tables: codes as written, no row lost or doubled, no file from elsewhere."""

from pathlib import Path

import pytest

from mlc_pipelines.connections.tables_of_words import MappingTables, read_tables
from mlc_pipelines.connections.text_file import read_text_file
from mlc_pipelines.errors import ConfigurationError


def tables(folder: Path, mapping: str, **files: str | bytes) -> MappingTables:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / f"{name}.csv").write_bytes(data)
    path = folder / "acme.yaml"
    path.write_text(f"name: acme\nmapping:{mapping}", encoding="utf-8")
    return read_tables(read_text_file(path))


def refusal(folder: Path, mapping: str, **files: str | bytes) -> str:
    with pytest.raises(ConfigurationError) as caught:
        tables(folder, mapping, **files)
    return str(caught.value)


ACCOUNTS = "\n  accounts: {file: accounts.csv}\n"


def test_a_table_in_the_file_keeps_its_codes(tmp_path: Path) -> None:
    """Zeros in front, exponents and words of truth stay what they are."""
    read = tables(tmp_path, "\n  accounts: {0010: 1E5, no: on}\n  taxes: {}\n")
    assert read.table("accounts") == {"0010": "1E5", "no": "on"}
    assert read.table("taxes") == {}
    assert read.table("dimensions") is None


def test_no_mapping_is_no_table(tmp_path: Path) -> None:
    """The section may be left out or empty."""
    assert tables(tmp_path, "\n") == MappingTables({})
    path = tmp_path / "bare.yaml"
    path.write_text("name: acme\n", encoding="utf-8")
    assert read_tables(read_text_file(path)) == MappingTables({})


def test_a_table_in_a_csv_file_keeps_its_codes(tmp_path: Path) -> None:
    """A byte order mark, blank lines, quoted cells and spaces around a code do not matter."""
    content = '\ufeffaccount,gl\r\n0010, 1E5\r\n\r\n"4,010","a ""b"""\r\n,\r\n'
    assert tables(tmp_path, ACCOUNTS, accounts=content).table("accounts") == {"0010": "1E5", "4,010": 'a "b"'}


def test_all_columns_but_the_last_make_the_key(tmp_path: Path) -> None:
    """Company and account together name a row, as in the keys of IFS."""
    content = "company,account,gl\n10,4010,6000\n20,4010,7000\n"
    assert tables(tmp_path, ACCOUNTS, accounts=content).table("accounts") == {"10^4010": "6000", "20^4010": "7000"}


def test_semicolons_separate_as_well(tmp_path: Path) -> None:
    """Spreadsheets where the comma is decimal write semicolons; a comma is then part of a code."""
    content = "account;gl\n4,5;6000\n"
    assert tables(tmp_path, ACCOUNTS, accounts=content).table("accounts") == {"4,5": "6000"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("account,gl\n1,a\n2,b\n1,c\n", "accounts.csv:4: 1 stands twice"),
        ('account,gl\n"1\n1",a\n2\n', "accounts.csv:4: 1 columns, the header has 2"),
        ("account,gl\n1,a,b\n", "accounts.csv:2: 3 columns, the header has 2"),
        ("account,gl\n1,\n", "accounts.csv:2: 1 has no code beside it"),
        ("account\n1\n", "accounts.csv:1: a table has a header line of at least two columns"),
        ("", "accounts.csv:1: a table has a header line of at least two columns"),
    ],
)
def test_a_row_that_is_wrong_is_named_by_file_and_line(tmp_path: Path, content: str, problem: str) -> None:
    """Nothing is guessed: a doubled or unfinished row refuses the table."""
    assert f"{tmp_path}/{problem}" in refusal(tmp_path, ACCOUNTS, accounts=content)


@pytest.mark.parametrize(
    "content", ['account,gl\n1,"a\n', 'account,gl\n1,"a"b\n', "account,gl\n1,Åse\n".encode("latin-1")]
)
def test_a_file_that_is_no_csv_is_named(tmp_path: Path, content: str | bytes) -> None:
    """An open quote and another encoding are found, with the line that names the file."""
    problem = refusal(tmp_path, ACCOUNTS, accounts=content)
    assert f"{tmp_path}/acme.yaml:3: mapping.accounts: accounts.csv cannot be read" in problem


@pytest.mark.parametrize("name", ["../outside.csv", "/etc/passwd", "inside/../../outside.csv", "''", ".", "link.csv"])
def test_a_table_cannot_come_from_elsewhere(tmp_path: Path, name: str) -> None:
    """No path and no link leads out of the folder of the connection file."""
    (tmp_path / "outside.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    folder = tmp_path / "connections"
    folder.mkdir()
    (folder / "link.csv").symlink_to(tmp_path / "outside.csv")
    assert "lies outside the folder" in refusal(folder, f"\n  accounts: {{file: {name}}}\n")


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        (" [a, b]\n", "acme.yaml:2: mapping is a list of tables by name"),
        ("\n  accounts: a.csv\n", "acme.yaml:3: mapping.accounts is a table of codes"),
        ("\n  accounts:\n    1: a\n    2:\n", "acme.yaml:5: mapping.accounts: 2 has no code beside it"),
        ('\n  accounts:\n    1: ""\n', "acme.yaml:4: mapping.accounts: 1 has no code beside it"),
        ("\n  accounts:\n    1: [a]\n", "acme.yaml:4: mapping.accounts: 1 has no code beside it"),
        ("\n  accounts:\n    1: !!int 7\n", "acme.yaml:4: mapping.accounts: 1 has no code beside it"),
        ("\n  accounts: {file: a.csv, delimiter: x}\n", "acme.yaml:3: mapping.accounts: file stands alone"),
        ("\n  accounts: {file: [a.csv]}\n", "acme.yaml:3: mapping.accounts: file stands alone"),
        ("\n  accounts: {file: none.csv}\n", "acme.yaml:3: mapping.accounts: none.csv cannot be read"),
    ],
)
def test_a_section_that_is_wrong_is_named_by_line(tmp_path: Path, mapping: str, problem: str) -> None:
    """What is not a table of codes is refused where it stands."""
    assert f"{tmp_path}/{problem}" in refusal(tmp_path, mapping)


def test_every_table_is_looked_at(tmp_path: Path) -> None:
    """The problems of two tables are told together."""
    problem = refusal(tmp_path, "\n  accounts: {file: a.csv}\n  taxes: x\n")
    assert [line.removeprefix(f"{tmp_path}/").split(": ")[0] for line in problem.splitlines()] == [
        "acme.yaml:3",
        "acme.yaml:4",
    ]
