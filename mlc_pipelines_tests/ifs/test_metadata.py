"""Reading `$metadata`."""

import pytest

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.ifs.metadata import Metadata, parse

EDMX = b"""<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="IfsApp.PostingProposalHandling" Alias="Self">
  <EnumType Name="PartyType"><Member Name="Supplier" Value="0"/></EnumType>
  <EntityType Name="Invoice" Abstract="true">
    <Key><PropertyRef Name="Company"/><PropertyRef Name="InvoiceId"/></Key>
    <Property Name="InvoiceId" Type="Edm.Int64" Nullable="false"/>
    <Property Name="Company" Type="Edm.String" Nullable="false"/>
  </EntityType>
  <EntityType Name="PostingProposalHead" BaseType="Self.Invoice">
    <Property Name="PartyType" Type="Self.PartyType"/>
    <Property Name="ModifiedDate" Type="Edm.DateTimeOffset"/>
    <Property Name="InvoiceDate" Type="Edm.Date"/>
    <NavigationProperty Name="PostingProposalLines" Type="Collection(IfsApp.PostingProposalHandling.Line)"/>
  </EntityType>
  <EntityType Name="Line"><Key><PropertyRef Name="RowId"/></Key><Property Name="RowId" Type="Edm.Int64"/></EntityType>
  <EntityContainer Name="Container">
    <EntitySet Name="PostingProposalHeadSet" EntityType="Self.PostingProposalHead"/>
    <EntitySet Name="BrokenSet" EntityType="Self.Nowhere"/>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"""


@pytest.fixture
def metadata() -> Metadata:
    return parse(EDMX, where="ifs: PostingProposalHandling")


def test_keys_come_in_their_order_and_from_the_base_type(metadata: Metadata) -> None:
    """The order of the key is that of its PropertyRefs, not that of the properties."""
    entity = metadata.set_type("PostingProposalHeadSet")
    assert list(entity.keys.items()) == [("Company", "Edm.String"), ("InvoiceId", "Edm.Int64")]
    assert not entity.attributes["Company"].nullable


def test_types_are_named_in_full(metadata: Metadata) -> None:
    """An alias of the schema is replaced by its namespace, as filters and keys need it."""
    entity = metadata.set_type("PostingProposalHeadSet")
    assert entity.name == "IfsApp.PostingProposalHandling.PostingProposalHead"
    assert entity.type_of("PartyType") == "IfsApp.PostingProposalHandling.PartyType"
    assert entity.type_of("Nothing") is None


def test_a_nested_collection_leads_to_its_type(metadata: Metadata) -> None:
    """The lines are found below the head."""
    head = metadata.set_type("PostingProposalHeadSet")
    assert list(metadata.child_type(head, "PostingProposalLines").keys) == ["RowId"]


def test_candidates_for_the_modified_attribute_are_those_with_a_time(metadata: Metadata) -> None:
    """Only dates and times can say when a record changed."""
    assert metadata.set_type("PostingProposalHeadSet").times() == ["InvoiceDate", "ModifiedDate"]


def test_an_unknown_set_names_the_known_ones(metadata: Metadata) -> None:
    """A wrong set name is corrected from the message."""
    with pytest.raises(ConfigurationError, match=r"no entity set ProposalSet; it has: .*PostingProposalHeadSet"):
        metadata.set_type("ProposalSet")


def test_an_unknown_nested_collection_names_the_known_ones(metadata: Metadata) -> None:
    """A wrong child name is corrected from the message."""
    with pytest.raises(ConfigurationError, match="it has: PostingProposalLines"):
        metadata.child_type(metadata.set_type("PostingProposalHeadSet"), "Lines")


def test_a_set_of_a_missing_type_is_refused(metadata: Metadata) -> None:
    """Metadata that contradicts itself is said to."""
    with pytest.raises(ConfigurationError, match="Nowhere"):
        metadata.set_type("BrokenSet")


@pytest.mark.parametrize("document", [b"<html>login", b"", b"not xml"])
def test_what_is_not_xml_is_a_wrong_address(document: bytes) -> None:
    """A login page in place of the metadata says so."""
    with pytest.raises(ConfigurationError, match="not XML"):
        parse(document, where="ifs: X")


def test_a_doctype_is_refused() -> None:
    """Entities cannot be expanded into memory."""
    hidden = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'.encode("utf-16")
    for document in (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', hidden):
        with pytest.raises(ConfigurationError, match="DOCTYPE"):
            parse(document, where="ifs: X")


def test_types_that_derive_from_each_other_end() -> None:
    """A circle of base types is read, not followed forever."""
    circle = EDMX.replace(b'Name="Invoice" Abstract="true"', b'Name="Invoice" BaseType="Self.PostingProposalHead"')
    assert "ModifiedDate" in parse(circle, where="ifs: X").set_type("PostingProposalHeadSet").attributes
