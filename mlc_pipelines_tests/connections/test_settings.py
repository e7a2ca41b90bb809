"""Connection files: every problem at once with its line, and one broken file breaks no other."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from mlc_pipelines.connections.settings import Connection, connections_folder, load_connection, load_connections
from mlc_pipelines.errors import ConfigurationError


class Tray(BaseModel):
    """A part of a section, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: str
    channel: str = "main"


class Books(BaseModel):
    """Stands in for the `ifs` section."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str
    credential: str = Field(default="acme/ifs", pattern=r"^[a-z/]+$")
    page_size: int = Field(default=1000, le=5000)
    prefix: str = Field(default="A", max_length=3)
    trays: Mapping[str, Tray] = Field(default_factory=dict)
    spare: Tray | None = None


class Shop(BaseModel):
    """Stands in for a spend system's section."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str
    accounts: Mapping[str, str] = Field(default_factory=dict)
    careful: bool = False


class Other(BaseModel):
    """A second spend system."""

    model_config = ConfigDict(extra="forbid", frozen=True)


SECTIONS: Mapping[str, type[BaseModel]] = {"ifs": Books, "shop": Shop, "other": Other}
HEAD = 'name: acme\nintegration: shop\ncompanies: ["10", 0020]\n'
IFS = "ifs:\n  base_url: https://ifs.test\n"
SHOP = "shop:\n  base_url: https://shop.test\n"


def write(folder: Path, text: str, *, name: str = "acme.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str) -> Connection:
    return load_connection(write(folder, text), SECTIONS)


def refusal(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, text)
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]


def test_a_whole_file(tmp_path: Path) -> None:
    """Head, both sections and the tables are read; a code is text in all of them."""
    (tmp_path / "taxes.csv").write_text("tax,rate\n025,1E5\n", encoding="utf-8")
    connection = load(
        tmp_path,
        HEAD + 'schedule: "*/15 * * * *"\nenabled: yes\ncalls_in_flight: 32\ndocuments_from: 2026-12-01\n'
        "ifs:\n  base_url: https://ifs.test\n  page_size: 0500\n  prefix: 1E5\n"
        "  trays: {vouchers: {service: VoucherHandling}}\n"
        "shop:\n  base_url: https://shop.test\n  careful: on\n  accounts: {0010: 00E01}\n"
        "mapping:\n  accounts: {4010: 0600}\n  taxes: {file: taxes.csv}\n",
    )
    assert (connection.name, connection.integration, connection.companies) == ("acme", "shop", ("10", "0020"))
    assert (connection.schedule, connection.enabled, connection.calls_in_flight) == ("*/15 * * * *", True, 32)
    assert connection.documents_from == date(2026, 12, 1)
    books, shop = connection.section(Books), connection.section(Shop)
    assert (books.page_size, books.prefix, books.trays["vouchers"].channel) == (500, "1E5", "main")
    assert (shop.careful, shop.accounts) == (True, {"0010": "00E01"})
    assert connection.mapping.tables == {"accounts": {"4010": "0600"}, "taxes": {"025": "1E5"}}
    with pytest.raises(ConfigurationError, match="no section read as Other"):
        connection.section(Other)


def test_a_new_connection_stands_still(tmp_path: Path) -> None:
    """Without `schedule` and `enabled` nothing runs by itself."""
    connection = load(tmp_path, HEAD + IFS + SHOP)
    assert (connection.schedule, connection.enabled, connection.mapping.tables) == (None, False, {})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            HEAD + IFS + "shop:\n  base_urll: https://shop.test\n  base_url: x\n",
            "acme.yaml:7: shop.base_urll: unknown setting; did you mean base_url?",
        ),
        (HEAD + IFS + SHOP + "shedule: x\n", "acme.yaml:8: shedule: unknown setting; did you mean schedule?"),
        (HEAD + IFS + SHOP + "other: {}\n", "acme.yaml:8: other: unknown setting"),
        (
            HEAD + IFS + "  trays:\n    vouchers:\n      service: x\n      chanel: int\n" + SHOP,
            "acme.yaml:9: ifs.trays.vouchers.chanel: unknown setting; did you mean channel?",
        ),
        (
            HEAD + IFS + "  spare: {service: x, servise: y}\n" + SHOP,
            "acme.yaml:6: ifs.spare.servise: unknown setting; did you mean service?",
        ),
    ],
)
def test_an_unknown_setting_is_named_by_file_and_line(tmp_path: Path, text: str, problem: str) -> None:
    """At any depth, with the setting that was probably meant."""
    assert refusal(tmp_path, text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD + IFS, "acme.yaml: section shop is missing"),
        (HEAD + SHOP, "acme.yaml: section ifs is missing"),
        (HEAD + IFS + "shop:\n", "acme.yaml:6: shop.base_url: Field required"),
        (
            HEAD + IFS + "shop: x\n",
            "acme.yaml:6: shop: Input should be a valid dictionary or instance of Shop (it is 'x')",
        ),
        (
            HEAD + IFS + "  page_size: 9000\n" + SHOP,
            "acme.yaml:6: ifs.page_size: Input should be less than or equal to 5000 (it is '9000')",
        ),
        (
            HEAD.replace("acme", "Acme 1") + IFS + SHOP,
            "acme.yaml:1: name: a name is made of a-z, 0-9 and _, and begins with a letter (it is 'Acme 1')",
        ),
        (
            HEAD + "schedule: hourly\n" + IFS + SHOP,
            "acme.yaml:4: schedule: a schedule is a cron line of five fields, such as */15 * * * * (it is 'hourly')",
        ),
        (
            HEAD + "calls_in_flight: 0\n" + IFS + SHOP,
            "acme.yaml:4: calls_in_flight: Input should be greater than or equal to 1 (it is '0')",
        ),
        (
            HEAD + "documents_from: 2026-13-01\n" + IFS + SHOP,
            (
                "acme.yaml:4: documents_from: Input should be a valid date or datetime, "
                "month value is outside expected range of 1-12 (it is '2026-13-01')"
            ),
        ),
        (
            HEAD.replace("shop", "shopp") + IFS,
            "acme.yaml:2: there is no integration 'shopp'; there are: other, shop",
        ),
        (HEAD.replace("shop", "ifs") + IFS, "acme.yaml:2: there is no integration 'ifs'; there are: other, shop"),
        (HEAD.replace("0020", "10") + IFS + SHOP, "acme.yaml:3: companies: each company is named once, by its code"),
        (HEAD.replace("0020", '""') + IFS + SHOP, "acme.yaml:3: companies: each company is named once, by its code"),
        (HEAD.replace(", 0020", ", ~") + IFS + SHOP, "acme.yaml:3: companies.1: Input should be a valid string"),
    ],
)
def test_a_wrong_setting_is_named_by_file_and_line(tmp_path: Path, text: str, problem: str) -> None:
    """The message says where, what, and which value."""
    assert refusal(tmp_path, text) == [problem]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Head, sections and tables are all looked at before the file is refused."""
    text = "name: acme\nintegration: shop\nowner: me\n"
    text += "ifs:\n  page_size: many\nshop:\n  colour: red\nmapping:\n  taxes: x\n"
    assert [line.split(": ")[:2] for line in refusal(tmp_path, text)] == [
        ["acme.yaml", "companies"],
        ["acme.yaml:3", "owner"],
        ["acme.yaml:4", "ifs.base_url"],
        ["acme.yaml:5", "ifs.page_size"],
        ["acme.yaml:6", "shop.base_url"],
        ["acme.yaml:7", "shop.colour"],
        ["acme.yaml:9", "mapping.taxes is a table of codes, or {file"],
    ]


def test_a_secret_in_the_wrong_place_is_not_repeated(tmp_path: Path) -> None:
    """A value beside a word such as credential may be the secret itself."""
    problem = refusal(tmp_path, HEAD + IFS + "  credential: S3CR3T-of-acme\n" + SHOP)
    assert problem == ["acme.yaml:6: ifs.credential: String should match pattern '^[a-z/]+$'"]
    problem = refusal(tmp_path, HEAD + IFS + SHOP + "client_secret: S3CR3T-of-acme\n")
    assert problem == ["acme.yaml:8: client_secret: unknown setting"]


def test_broken_files_stand_aside(tmp_path: Path) -> None:
    """Each is named by its own name or its file's, and the others are read."""
    write(tmp_path, HEAD + IFS + SHOP)
    write(tmp_path, HEAD.replace("acme", "beta") + IFS, name="second.yml")
    write(tmp_path, "name: [", name="third.yaml")
    write(tmp_path, "name: Not A Name\n", name="fourth.yaml")
    write(tmp_path, "name: [", name=".#acme.yaml")
    write(tmp_path, "name: [", name="notes.txt")
    good, broken = load_connections(tmp_path, SECTIONS)
    assert [connection.name for connection in good] == ["acme"]
    assert [(item.path.name, item.name) for item in broken] == [
        ("fourth.yaml", "fourth"), ("second.yml", "beta"), ("third.yaml", "third")
    ]  # fmt: skip
    assert "second.yml: section shop is missing" in broken[1].problem


def test_a_name_used_twice_breaks_both(tmp_path: Path) -> None:
    """Nobody can tell which of two files is meant."""
    write(tmp_path, HEAD + IFS + SHOP, name="one.yaml")
    write(tmp_path, HEAD + IFS + SHOP, name="two.yaml")
    write(tmp_path, HEAD.replace("acme", "beta") + IFS + SHOP, name="three.yaml")
    good, broken = load_connections(tmp_path, SECTIONS)
    assert [connection.name for connection in good] == ["beta"]
    assert [(item.path.name, item.name) for item in broken] == [("one.yaml", "acme"), ("two.yaml", "acme")]
    assert "name acme is used by two files" in broken[0].problem


def test_a_broken_copy_of_a_file_breaks_it_too(tmp_path: Path) -> None:
    """A copy that claims the same name may be the one that was meant."""
    write(tmp_path, HEAD + IFS + SHOP, name="one.yaml")
    write(tmp_path, HEAD + IFS, name="two.yaml")
    good, broken = load_connections(tmp_path, SECTIONS)
    assert good == []
    assert sorted(item.problem.removeprefix(f"{tmp_path}/") for item in broken) == [
        "one.yaml: name acme is used by two files",
        "two.yaml: section shop is missing",
    ]


def test_no_folder_is_no_connection(tmp_path: Path) -> None:
    """A new installation has none, and that is no error."""
    assert load_connections(tmp_path / "connections", SECTIONS) == ([], [])
    assert connections_folder({}) == Path("connections")
    assert connections_folder({"MLC_CONNECTIONS_DIR": "/srv/files"}) == Path("/srv/files")
