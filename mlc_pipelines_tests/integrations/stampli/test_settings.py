"""Settings: what a connection file must say, and what it may not."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlc_pipelines.integrations.stampli.drop import fits, is_safe
from mlc_pipelines.integrations.stampli.feeds import Feed, InvoiceFeed, OrderFeed, VendorFeed
from mlc_pipelines.integrations.stampli.settings import StampliSettings
from mlc_pipelines_tests.integrations.stampli.builders import COLUMNS, HOST_KEY, STATUS_MAP, XML, feed, section


def refused(match: str, **given: Any) -> None:
    with pytest.raises(ValidationError, match=match):
        StampliSettings.model_validate(section(**given))


def test_a_section_has_defaults_for_what_is_assumed() -> None:
    """Everything but server, user, key, credential and layout."""
    found = StampliSettings.model_validate(section())
    assert (found.port, found.login, found.dedup_scope, found.vendor_create) == (22, "key", "vendor_invoice", False)
    invoices = found.feeds.invoices
    assert (invoices.ready.rule, invoices.ready.settle_seconds) == ("stable", 30.0)
    assert (invoices.after.remote, invoices.post_when) == ("none", ("APPROVED", "PAID"))
    assert (invoices.limits.max_file_mb, invoices.limits.max_files_per_poll, invoices.limits.max_rows) == (
        50, 500, 500_000,
    )  # fmt: skip


@pytest.mark.parametrize("key", ["ssh-dss", "AAAA", "", "SHA256:abc"])
def test_host_keys_are_public_keys(key: str) -> None:
    """A fingerprint is not enough, and none at all is refused."""
    refused("public key", host_keys=[key])
    refused("whose server", host_keys=[])


def test_host_keys_may_be_lines_of_known_hosts() -> None:
    """With a host before the key, and several for a rotation."""
    lines = [f"[drop.example]:22 {HOST_KEY}", f" {HOST_KEY} comment "]
    assert len(StampliSettings.model_validate(section(host_keys=lines)).host_keys) == 2


def test_what_is_misspelt_is_refused() -> None:
    """Here and in every part below."""
    refused("Extra inputs", hostkeys=[HOST_KEY])
    refused("Extra inputs", feeds={"invoices": section()["feeds"]["invoices"] | {"folder": "/x"}})
    refused("time zone", timezone="Moon/Crater")
    refused("lacks CREDIT", invoice_types={"INVOICE": "SUPPINV"})


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"columns": {}}, "say how files are laid out"),
        ({"columns": {**COLUMNS, "colour": "Colour"}}, "unknown fields colour"),
        ({"columns": {**COLUMNS, "dimension_K": "K"}}, "unknown fields dimension_K"),
        ({"columns": {name: column for name, column in COLUMNS.items() if name != "status"}}, "status is missing"),
        ({"columns": {name: column for name, column in COLUMNS.items() if "vendor" not in name}}, "vendor_id or"),
        ({"xml": {**XML, "fields": {"company": "company"}}}, "xml.fields: invoice_number is missing"),
        ({"defaults": {"colour": "red"}}, "unknown fields colour"),
        ({"group_by": ["amount"]}, "unknown fields amount"),
        ({"csv": {"header": False}}, "positions"),
        ({"directory": "outbound"}, "directory"),
        ({"after": {"remote": "archive"}}, "after"),
        ({"after": {"remote": {"move": {"to": "archive"}}}}, "after"),
        ({"status_map": {"Approved": "OK"}}, "status_map"),
        ({"ready": {"rule": "age"}}, "rule"),
        ({"csv": {"encoding": "ebcdic"}}, "encoding"),
        ({"csv": {"delimiter": ":"}}, "delimiter"),
    ],
)
def test_a_layout_that_cannot_work_is_refused(changes: dict[str, Any], match: str) -> None:
    """Before the first file comes."""
    with pytest.raises(ValidationError, match=match):
        feed(**changes)


def test_a_default_stands_for_a_must() -> None:
    """A tenant with one company and one currency need not have columns for them."""
    columns = {name: column for name, column in COLUMNS.items() if name not in {"company", "currency"}}
    assert feed(columns=columns, defaults={"company": "10", "currency": "EUR"}).defaults["company"] == "10"


def test_the_version_of_a_layout_tells_changes_of_reading() -> None:
    """Other columns are another layout; another folder or status word is not."""
    version = feed().layout_version()
    assert feed(directory="/elsewhere", status_map={**STATUS_MAP, "x": "PAID"}).layout_version() == version
    assert feed(csv={"delimiter": ";"}).layout_version() != version
    assert feed(limits={"max_rows": 5}).layout_version() != version


@pytest.mark.parametrize(
    ("kind", "musts"), [(InvoiceFeed, "invoice_number"), (VendorFeed, "vendor_id"), (OrderFeed, "po_number")]
)
def test_each_feed_has_its_musts(kind: type[Feed], musts: str) -> None:
    """What names a record must be in its layout."""
    more = {"status_map": STATUS_MAP} if kind is InvoiceFeed else {}
    with pytest.raises(ValidationError, match=f"{musts} is missing"):
        kind.model_validate({"directory": "/x", "columns": {"currency": "Currency"}, **more})


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x.csv", "a/b.csv", "a\\b.csv", "a\nb.csv", "a\x00.csv", "a\udcff.csv"]
)
def test_names_that_are_no_names(name: str) -> None:
    """Nothing that leads elsewhere or cannot be written down."""
    assert not is_safe(name)


@pytest.mark.parametrize("name", ["a.csv", "Größe 1.csv", "a\u00a0b.csv", "請求書.xml"])
def test_names_of_all_languages_are_names(name: str) -> None:
    """As long as they are names."""
    assert is_safe(name)


def test_patterns_do_not_mind_the_case() -> None:
    """On the bare name."""
    assert fits("A.CSV", ["*.csv"])
    assert fits("a.csv.FilePart", feed().exclude)
    assert not fits("a.csv", feed().exclude)
