"""Encryption: certificates are checked, and what is wrong with one is said."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mlc_pipelines.errors import ConfigurationError, TransientError
from mlc_pipelines.wire.answers import judge_by_status
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.faults import no_connection
from mlc_pipelines.wire.http import HttpClient
from mlc_pipelines_tests.wire.conftest import SteppedClock
from mlc_pipelines_tests.wire.scripted_server import ScriptedServer


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key, and the certificate that it signed for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "both.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def own_certificate(certificate: Path) -> ssl.SSLContext:
    """A server side with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_nobody_vouches_for_stops_the_connection(own_certificate: ssl.SSLContext) -> None:
    """The message names the certificate's problem, and no request is sent."""
    with (
        ScriptedServer(own_certificate) as server,
        HttpClient("vendor", server.url, judge=judge_by_status("vendor"), clock=SystemClock()) as client,
    ):
        with pytest.raises(ConfigurationError, match=r"certificate of .*self-signed certificate"):
            client.send("GET", "bills")
        assert not server.asked


def test_a_company_vouches_for_its_own_servers(
    own_certificate: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What MLC_CA_FILE names is trusted beside the public authorities."""
    monkeypatch.setenv("MLC_CA_FILE", str(certificate))
    with (
        ScriptedServer(own_certificate) as server,
        HttpClient("vendor", server.url, judge=judge_by_status("vendor"), clock=SystemClock()) as client,
    ):
        server.script(200)
        assert client.send("GET", "bills").status == 200


@pytest.mark.parametrize("content", [None, b"not a certificate"], ids=["missing", "broken"])
def test_a_file_without_certificates_is_named(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is sent."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("MLC_CA_FILE", str(file))
    with pytest.raises(ConfigurationError, match=r"MLC_CA_FILE: .*ca\.pem cannot be read as certificates"):
        HttpClient("vendor", "https://vendor.example", judge=judge_by_status("vendor"), clock=SystemClock())


def test_a_server_that_does_not_encrypt_stops_the_connection(server: ScriptedServer, clock: SteppedClock) -> None:
    """https to a plain port is a wrong address, not a passing fault."""
    url = server.url.replace("http://", "https://")
    with (
        HttpClient("vendor", url, judge=judge_by_status("vendor"), clock=clock) as client,
        pytest.raises(ConfigurationError, match="no encrypted connection"),
    ):
        client.send("GET", "bills")
    assert clock.slept == []


def test_a_name_that_is_not_known_is_a_passing_fault() -> None:
    """The domain name service fails now and then; nothing was sent."""
    error = no_connection("vendor", "vendor.example:443", error=socket.gaierror(-3, "temporary failure"))
    assert isinstance(error, TransientError)
    assert error.refused
    assert "no connection to vendor.example:443 (the name is not known)" in str(error)


def test_an_expired_certificate_is_named() -> None:
    """What the TLS library says about the certificate reaches the person who can mend it."""
    expired = ssl.SSLCertVerificationError(1, "certificate verify failed")
    expired.verify_message = "certificate has expired"
    error = no_connection("vendor", "vendor.example:443", error=expired)
    assert isinstance(error, ConfigurationError)
    assert "vendor.example:443 is not accepted (certificate has expired)" in str(error)


def test_a_handshake_cut_short_is_a_passing_fault() -> None:
    """A load balancer that restarts cuts handshakes."""
    error = no_connection("vendor", "vendor.example:443", error=ssl.SSLEOFError(8, "unexpected eof"))
    assert isinstance(error, TransientError)
