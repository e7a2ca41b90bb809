"""Catalogue, metadata, channels, permissions and the switches around them."""

import httpx
import pytest

from mlc_pipelines.sandbox.ifs import IfsSandbox, Switches
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.ifs.caller import FIRST, PROPOSALS, Caller, error_code, token

CATALOGUE = "AllProjections.svc/Projections"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


def test_the_catalogue_names_a_projection(caller: Caller) -> None:
    """A projection is found by name; its own Name may be null."""
    rows = caller.rows(f"{CATALOGUE}?$filter=ProjectionName eq 'PostingProposalHandling'")
    assert [(row["ProjectionName"], row["Name"], row["Deprecated"]) for row in rows] == [
        ("PostingProposalHandling", None, None)
    ]


def test_the_catalogue_is_longer_than_a_page() -> None:
    """A tenant has about 6000 projections: a page of 5000 and the rest, some of them deprecated."""
    with IfsSandbox(world=World.make(invoices=1)) as ifs, httpx.Client(base_url=ifs.url, timeout=10) as client:
        client.headers["authorization"] = f"Bearer {token(ifs, client)}"
        caller = Caller(client)
        pages = list(caller.walk("AllProjections.svc", "Projections?$top=6000"))
        assert [len(page) for page in pages] == [5000, 1000]
        rows = [row for page in pages for row in page]
        assert len({row["ProjectionName"] for row in rows}) == 6000
        assert 10 < sum(row["Deprecated"] is not None for row in rows) < 100


def test_metadata_describes_keys_types_and_collections(caller: Caller) -> None:
    """The EDMX document has keys in order, types, required and computed attributes, and nested collections."""
    text = caller.get("PostingProposalHandling.svc/$metadata").text
    assert 'Namespace="IfsApp.PostingProposalHandling"' in text
    assert '<Key><PropertyRef Name="Company"/><PropertyRef Name="InvoiceId"/></Key>' in text
    assert '<Property Name="InvoiceNo" Type="Edm.String" Nullable="false" MaxLength="50"/>' in text
    assert '<Property Name="ModifiedDate" Type="Edm.DateTimeOffset" Nullable="true">' in text
    assert 'Name="PostingProposalLines" Type="Collection(IfsApp.PostingProposalHandling.PostingProposalLine)"' in text
    assert '<EntitySet Name="PostingProposalHeadSet"' in text
    assert 'Type="IfsApp.PostingProposalHandling.PostingProposalHeadState"' in text
    assert '<Action Name="PostingProposalHead_Cancel" IsBound="true">' in text


def test_every_service_describes_itself(ifs: IfsSandbox, caller: Caller) -> None:
    """Each service has metadata and a service document, on its own channel."""
    for service in ifs._tenant.schema.services.values():
        root = f"/int/ifsapplications/{service.kind}/v1/{service.name}.svc"
        assert caller.get(f"{root}/$metadata").headers["content-type"].startswith("application/xml")
        assert {one["name"] for one in caller.read(f"{root}/")["value"]} == set(service.sets)


@pytest.mark.parametrize(
    "path",
    [
        "NothingHandling.svc/ThingSet",
        "PostingProposalHandling.svc/ThingSet",
        "/b2b/ifsapplications/projection/v1/PostingProposalHandling.svc/PostingProposalHeadSet",
        "/main/ifsapplications/entity/v1/AccountEntity.svc/AccountSet",
        "/main/ifsapplications/projection/v1/AccountEntity.svc/AccountSet",
        "/somewhere/else",
    ],
)
def test_wrong_addresses_are_404(caller: Caller, path: str) -> None:
    """An unknown service, set or channel is answered with the OData error body."""
    answer = caller.get(path)
    assert (answer.status_code, error_code(answer)) == (404, "ODP_RESOURCE_NOTFOUND")


def test_entity_services_are_not_in_the_catalogue(caller: Caller) -> None:
    """An entity service answers on the int channel although the catalogue does not list it."""
    assert caller.rows("/int/ifsapplications/entity/v1/AccountEntity.svc/AccountSet?$top=1")
    assert caller.rows(f"{CATALOGUE}?$filter=startswith(ProjectionName,'AccountEntity')") == []


def test_a_projection_not_granted_is_403(ifs: IfsSandbox, caller: Caller) -> None:
    """Without the grant even the metadata is refused."""
    ifs.people.revoke_grant("PostingProposalHandling")
    assert caller.get(FIRST).status_code == 403
    assert caller.get("PostingProposalHandling.svc/$metadata").status_code == 403
    assert caller.get("VoucherHandling.svc/$metadata").status_code == 200


def test_a_missing_projection_is_absent_everywhere(ifs: IfsSandbox, caller: Caller) -> None:
    """A projection that is not installed is 404 and not in the catalogue."""
    ifs.switches.missing_projections = frozenset({"PostingProposalHandling"})
    assert caller.get("PostingProposalHandling.svc/$metadata").status_code == 404
    assert caller.rows(f"{CATALOGUE}?$filter=ProjectionName eq 'PostingProposalHandling'") == []


def test_attributes_may_have_other_names() -> None:
    """After a renaming release the old name is unknown in rows, metadata and filters, the new one works."""
    renamed = {"PostingProposalHeadSet": {"ModifiedDate": "LastChanged"}, "PostingProposalLines": {"Text": "LineText"}}
    ifs = IfsSandbox(world=World.make(invoices=3), catalogue_size=50, renamed_attributes=renamed)
    with ifs, httpx.Client(base_url=ifs.url) as client:
        client.headers["authorization"] = f"Bearer {token(ifs, client)}"
        caller = Caller(client)
        row = caller.rows(f"{PROPOSALS}?$filter=LastChanged ge 2026-01-01T00:00:00Z&$orderby=LastChanged")[0]
        assert "LastChanged" in row
        assert "ModifiedDate" not in row
        assert caller.get(f"{PROPOSALS}?$orderby=ModifiedDate").status_code == 400
        assert 'Name="LastChanged"' in caller.get("PostingProposalHandling.svc/$metadata").text
        assert "LineText" in caller.rows(f"{FIRST}/PostingProposalLines")[0]


def test_switches_are_checked() -> None:
    """A misspelt switch value or a name that cannot be renamed fails at the start."""
    with pytest.raises(ValueError, match="relative_root"):
        Switches(next_link_form="sideways")
    with pytest.raises(ValueError, match="upsert"):
        Switches(missing_if_match="ignore")
    for wrong in ({"NoSet": {"A": "B"}}, {"VoucherSet": {"Nothing": "B"}}):
        with pytest.raises(ValueError, match="No"):
            IfsSandbox(world=World.make(invoices=1), catalogue_size=1, renamed_attributes=wrong)


def test_company_security_hides_rows_silently(ifs: IfsSandbox, caller: Caller) -> None:
    """Rows of a company that is not granted are an empty list with 200, never an error."""
    ifs.switches.granted_companies = frozenset({"10"})
    assert [row["Company"] for row in caller.rows("CompanyHandling.svc/CompanySet")] == ["10"]
    assert caller.rows(f"{PROPOSALS}?$filter=Company eq '20'") == []
    assert caller.rows(f"{PROPOSALS}?$filter=Company eq '10'")
    assert caller.rows("AccountHandling.svc/CompanyFinanceSet(Company='20')/AccountArray") == []
    assert caller.get("CompanyHandling.svc/CompanySet(Company='20')").status_code == 404


def test_the_rate_limit_is_per_minute(ifs: IfsSandbox, caller: Caller) -> None:
    """Above the budget calls answer 429, with a waiting time unless the tenant leaves it out."""
    ifs.switches.requests_per_minute = 3
    assert [caller.get(FIRST).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert 1 <= int(caller.get(FIRST).headers["retry-after"]) <= 60
    ifs.switches.retry_after_header = False
    assert "retry-after" not in caller.get(FIRST).headers
    ifs.clock.advance(61)
    assert caller.get(FIRST).status_code in (200, 401)


def test_a_deployment_answers_once_with_mi_modified_error(ifs: IfsSandbox, caller: Caller) -> None:
    """After a deployment the first call fails with MI_MODIFIED_ERROR and the next one works."""
    for status in (500, 503):
        ifs.people.deploy("PostingProposalHandling", status)
        answer = caller.get(FIRST)
        assert (answer.status_code, error_code(answer)) == (status, "MI_MODIFIED_ERROR")
        assert caller.get(FIRST).status_code == 200
