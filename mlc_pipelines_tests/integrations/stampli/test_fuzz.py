"""Damaged files: each is rejected whole, or each of its records is held with a cause or is fit to be sent."""

import resource
from collections import Counter

import pytest

from mlc_pipelines.integrations.stampli.drop import is_safe
from mlc_pipelines.integrations.stampli.files import FILE_KEY
from mlc_pipelines_tests.integrations.stampli.file_mutations import CANARY, NAMES, Kind, damaged, kinds
from mlc_pipelines_tests.integrations.stampli.file_trial import Told, Trial

FILES = 2000
MOST_MEMORY = 300_000  # kilobytes more than before
LAYOUTS = kinds()
BY_NAME = {kind.name: kind for kind in LAYOUTS}


@pytest.fixture(scope="module")
def trials() -> dict[str, Trial]:
    return {kind.name: Trial(kind) for kind in LAYOUTS}


def changed(name: str, *changes: tuple[str, str]) -> tuple[Kind, bytes]:
    """Change the first place where each text stands in a good file."""
    kind = BY_NAME[name]
    encoding = kind.feed.csv.encoding if kind.feed.xml is None else "utf-8"
    text = kind.content.decode(encoding)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return kind, text.encode(encoding)


def told(name: str, *changes: tuple[str, str]) -> Told:
    kind, content = changed(name, *changes)
    return Trial(kind).of(content)


def problem_of(found: Told) -> str:
    """Give the only problem there is."""
    (problem,) = {source.problem for source in found.sources if source.problem}
    return problem


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_the_good_files_are_good(trials: dict[str, Trial], name: str) -> None:
    """What is damaged below is read to the end: every record could be sent."""
    found = trials[name].of(BY_NAME[name].content)
    assert found.outcome == "translated"
    assert found.wrong == []


def test_no_damage_breaks_the_reader(trials: dict[str, Trial]) -> None:
    """Two thousand files: no error but those on purpose, nothing that a ledger could not keep, no entity used."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ends: Counter[str] = Counter()
    for seed in range(FILES):
        file = damaged(seed, LAYOUTS)
        found = trials[file.kind.name].of(file.content)
        assert found.wrong == [], f"seed {seed}: {file.done}"
        assert found.rejected is None or 0 < len(found.rejected) < 1000, f"seed {seed}"
        if file.hopeless:
            assert found.outcome == "rejected", f"seed {seed}: {file.done}"
        if file.kind.feed.xml is not None:
            assert not any(CANARY.encode() in source.content for source in found.sources), f"seed {seed}"
        ends[found.outcome] += 1
    assert min(ends["rejected"], ends["held"], ends["held+translated"], ends["translated"]) >= FILES // 50, ends
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY


# By name


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("csv", "NT-118", "1.23E+11", "invoice_number is '1.23E+11': a spreadsheet has turned the code into a number"),
        ("csv", "S-2201", "2.2E+03", "vendor_id is '2.2E+03': a spreadsheet has turned"),
        ("csv", "6110", "6.11E+3", "gl_account of line 1 is '6.11E+3'"),
        ("xml", "6110", "6.11E+3", "gl_account of line 1 is '6.11E+3'"),
        ("xml", "1250.00", "1.25E+3", "total_amount is '1.25E+3': a spreadsheet has shortened"),
        ("xml", "2026-11-03", "03/04/2026", "invoice_date is '03/04/2026', no date of the form"),
        ("xml", "2026-11-03", "2026-02-30", "invoice_date is '2026-02-30'"),
        ("xml", "<currency>USD", "<currency>DOLLAR", "DOLLAR"),
        ("xml", "1250.00", "1.250,00", "total_amount is '1.250,00', no amount"),
        ("xml", "1250.00", "NaN", "total_amount is 'NaN', no amount"),
        ("xml", "NT-118", "N" * 201, "201 signs, more than 200"),
        ("xml", "6110", "6" * 5000, "5000 signs, more than 200"),
        ("xml", "Approved", "x" * 5000, "5000 signs, more than 200"),
        ("xml", "Nordtek, Inc.", "x" * 5000, "5000 signs, more than 200"),
        ("xml stamped", "2026-11-05T08:00:00Z", "0001-01-01T00:00:00+1400", "no time of the form"),
        ("xml stamped", "2026-11-05T08:00:00Z", "9999-12-31T23:59:59-1200", "no time of the form"),
    ],
)
def test_a_strange_value_holds_its_record_only(name: str, old: str, new: str, said: str) -> None:
    """The record says where and why; the others go on."""
    found = told(name, (old, new))
    assert found.wrong == []
    assert sum(found.counts.values()) >= 6
    problems = [source.problem for source in found.sources if source.problem]
    assert [said in problem for problem in problems] == [True]


def test_a_day_that_may_be_two_is_held() -> None:
    """Where both ways of writing are agreed, the third of April is not the fourth of March."""
    found = told("backslash", ("2026-11-03", "03/04/2026"), ("2026-11-03", "03/04/2026"))
    assert problem_of(found).endswith("which may be 2026-03-04 or 2026-04-03")
    assert found.counts == {"held": 1, "translated": 5}


def test_zeros_behind_the_point_are_no_other_amount() -> None:
    """Three thousand of them are read as none, and zeros in front as well."""
    found = told("xml", ("1250.00", "0" * 3000 + "1250.00" + "0" * 3000))
    assert found.counts == {"translated": 6}
    assert len({source.fingerprint for source in found.sources}) == 1


def test_an_invoice_of_the_last_day_is_held() -> None:
    """It would be due after the calendar ends."""
    found = told("xml", ("2026-11-03", "9999-12-31"))
    assert found.counts == {"held": 1, "translated": 5}


def test_a_key_that_no_index_takes_is_no_key() -> None:
    """The record is known by file and row, and held."""
    found = told("xml", ("NT-118", "N" * 5000))
    (held,) = [source for source in found.sources if source.problem]
    assert held.key.startswith(FILE_KEY)
    assert held.problem is not None
    assert len(held.problem) < 500


def test_a_count_of_five_thousand_digits_is_wrong() -> None:
    """And no number to be worked out."""
    kind, content = changed("trailer", ("END,12,", f"END,{'9' * 5000},"))
    found = Trial(kind).of(content)
    assert found.rejected is not None
    assert len(found.rejected) < 500


def doctyped(inside: str) -> bytes:
    good = BY_NAME["xml"].content.decode()
    return good.replace("<invoices>", f"<!DOCTYPE invoices {inside}><invoices>").replace("Nordtek", "&e9;").encode()


LAUGHS = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "content",
    [
        doctyped(f'[<!ENTITY e0 "{CANARY}">{LAUGHS}]'),
        doctyped('[<!ENTITY e9 SYSTEM "file:///etc/passwd">]'),
        doctyped('SYSTEM "http://127.0.0.1:9/x.dtd"'),
        doctyped(f'[<!ENTITY e9 "{CANARY}">]').replace(b'number="NT-118"', b'number="&e9;"'),
        doctyped(f'[<!ENTITY e0 "{CANARY}">{LAUGHS}]').replace(b'number="NT-118"', b'number="&e9;"'),
        BY_NAME["xml"].content.replace(b"Nordtek", b"<a>" * 100_000 + b"</a>" * 100_000),
        b"<invoices>" * 50_000,
        BY_NAME["xml"].content.replace(b"utf-8", b"utf-16"),
        BY_NAME["xml"].content.decode().encode("utf-16"),
        BY_NAME["xml"].content.replace(b"Nordtek", b"Nord\x00tek"),
        b"\x1f\x8b\x08\x00" + BY_NAME["xml"].content,
    ],
    ids=["laughs", "file", "network", "attribute", "laughs in an attribute", "depth", "open end", "false encoding",
         "other encoding", "NUL", "gzip"],
)  # fmt: skip
def test_what_strangers_write_is_rejected_at_once(content: bytes) -> None:
    """Whole, with a reason, and without growing."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = Trial(BY_NAME["xml"]).of(content)
    assert found.outcome == "rejected"
    assert not any(CANARY.encode() in source.content for source in found.sources)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_elsewhere_is_not_read(name: str) -> None:
    """Nor one that cannot be written down."""
    assert not is_safe(name)
