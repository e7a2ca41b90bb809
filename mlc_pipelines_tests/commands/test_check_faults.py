"""`mlc check` against simulators with one thing wrong: the line names it and says what to do."""

import ipaddress
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from mlc_pipelines.integrations.house import House
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.commands.asking import Said, mlc
from mlc_pipelines_tests.commands.laying import NAME, SECRETS, lay_out

WORLD = World.make(seed=1, invoices=2)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def ramp() -> Iterator[RampSandbox]:
    """A Ramp that is well."""
    with RampSandbox(world=WORLD, calls_per_window=0) as sandbox:
        yield sandbox


def asked(home: Path, ifs: str, ramp: str, *, wrong: Mapping[str, str] = MappingProxyType({})) -> Said:
    """Set an installation up and check it; `wrong` replaces secrets, by system."""
    lay_out(home / "connections", ifs=ifs, ramp=ramp)
    with House.open() as house:
        for name, value in SECRETS.items():
            system = name.split("/")[1]
            house.vault.set(name, SecretStr(wrong.get(system, value) if name.endswith("secret") else value))
    said = mlc("check", NAME, "--json")
    assert "Traceback" not in said.out + said.err
    return said


def failed(said: Said) -> dict[str, str]:
    """Give the lines that failed: check and message."""
    return {line["check"]: line["message"] for line in said.document if not line["ok"]}


def tenant(home: Path, ramp: RampSandbox, **switches: Any) -> Said:
    """Check against an IFS with its switches so."""
    with IfsSandbox(world=WORLD, requests_per_minute=10_000, **switches) as ifs:
        return asked(home, ifs.url, ramp.url)


def closed_port() -> int:
    """Find a port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_all_is_well(empty: Path, ramp: RampSandbox) -> None:
    """Nothing wrong is 0, and both sides were asked."""
    said = tenant(empty, ramp)
    assert said.code == 0, failed(said)
    assert {line["check"].split(":")[0] for line in said.document} == {"ifs", "ramp"}


def test_a_wrong_secret_of_ifs(empty: Path, ramp: RampSandbox) -> None:
    """The credential is named and what to do; Ramp is asked all the same; the wrong secret is not told."""
    with IfsSandbox(world=WORLD) as ifs:
        said = asked(empty, ifs.url, ramp.url, wrong={"ifs": "wrong-canary-1"})
    assert said.code == 1
    assert list(failed(said)) == ["ifs: connection"]
    message = failed(said)["ifs: connection"]
    assert "sandbox_ramp/ifs" in message
    assert "client id or secret is wrong" in message
    assert "set them again" in message
    assert "wrong-canary-1" not in said.out + said.err
    assert any(line["check"].startswith("ramp") and line["ok"] for line in said.document)


def test_a_wrong_secret_of_ramp(empty: Path, ramp: RampSandbox) -> None:
    """Every line of Ramp fails with the credential named, no line of IFS does."""
    with IfsSandbox(world=WORLD, requests_per_minute=10_000) as ifs:
        said = asked(empty, ifs.url, ramp.url, wrong={"ramp": "wrong-canary-2"})
    assert said.code == 1
    assert {name.split(":")[0] for name in failed(said)} == {"ramp"}
    assert all("sandbox_ramp/ramp" in message and "secret is wrong" in message for message in failed(said).values())
    assert "wrong-canary-2" not in said.out + said.err


def test_a_projection_that_is_not_there(empty: Path, ramp: RampSandbox) -> None:
    """The projection is named, with the advice to find the right one; the others pass."""
    said = tenant(empty, ramp, missing_projections=frozenset({"PostingProposalHandling"}))
    assert said.code == 1
    message = failed(said)["ifs: projection PostingProposalHandling"]
    assert "not in the catalogue" in message
    assert "find the right service" in message
    assert not any("supplier" in name for name in failed(said))


def test_an_attribute_with_another_name(empty: Path, ramp: RampSandbox) -> None:
    """The missing name is told with the ones there are, and where to write the right one."""
    said = tenant(empty, ramp, renamed_attributes={"PostingProposalHeadSet": {"ModifiedDate": "LastChanged"}})
    assert said.code == 1
    ((name, message),) = failed(said).items()
    assert name == "ifs: set posting_proposal"
    assert "no ModifiedDate (modified_attribute)" in message
    assert "LastChanged" in message
    assert "connection file" in message


def test_a_company_that_is_not_granted(empty: Path, ramp: RampSandbox) -> None:
    """The company is named with both ways out; the granted one passes."""
    said = tenant(empty, ramp, granted_companies=frozenset({"10"}))
    assert said.code == 1
    ((name, message),) = failed(said).items()
    assert name == "ifs: company 20"
    assert "grant it there, or correct companies" in message


def test_nobody_listens(empty: Path, ramp: RampSandbox) -> None:
    """A closed port ends with 3 though Ramp is well, and the address is named."""
    port = closed_port()
    said = asked(empty, f"http://127.0.0.1:{port}", ramp.url)
    assert said.code == 3
    ((name, message),) = failed(said).items()
    assert name == "ifs: connection"
    assert f"no connection to 127.0.0.1:{port} (connection refused)" in message
    assert "check the address" in message


def test_a_wrong_secret_is_not_hidden_by_a_side_that_is_down(empty: Path, ramp: RampSandbox) -> None:
    """IFS down and Ramp's secret wrong is 1: waiting will not mend it."""
    said = asked(empty, f"http://127.0.0.1:{closed_port()}", ramp.url, wrong={"ramp": "wrong-canary-3"})
    assert said.code == 1


def test_an_expired_certificate(
    empty: Path, ramp: RampSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate of a trusted authority that has ended is 1, not 3, and the line says that it has expired."""
    authority, certificate = expired(tmp_path)
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority)
    monkeypatch.setenv("MLC_CA_FILE", str(trusted))  # nobody real vouches for a loopback address
    with IfsSandbox(world=WORLD, certificate=certificate) as ifs:
        said = asked(empty, ifs.url, ramp.url)
        address = ifs.url.removeprefix("https://")
    assert said.code == 1
    ((name, message),) = failed(said).items()
    assert name == "ifs: connection"
    assert f"certificate of {address} is not accepted (certificate has expired)" in message
    assert "have it corrected there" in message


def expired(folder: Path) -> tuple[bytes, tuple[Path, Path]]:
    """Make an authority, and below it a certificate of 127.0.0.1 that ended yesterday."""
    now = datetime.now(UTC)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Made-up authority")])
    root = (
        x509.CertificateBuilder()
        .subject_name(root_name)
        .issuer_name(root_name)
        .public_key(root_key.public_key())
        .serial_number(1)
        .not_valid_before(now - 90 * DAY)
        .not_valid_after(now + 90 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]))
        .issuer_name(root_name)
        .public_key(key.public_key())
        .serial_number(2)
        .not_valid_before(now - 30 * DAY)
        .not_valid_after(now - DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    files = folder / "expired.pem", folder / "expired.key"
    files[0].write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return root.public_bytes(serialization.Encoding.PEM), files
