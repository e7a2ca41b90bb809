"""Serving over https, with a certificate that holds and with one that has expired."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mlc_pipelines_tests.sandbox.kernel.conftest import Counter


def certificate(folder: Path, *, until: datetime) -> tuple[Path, Path]:
    """Write a self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox")])
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=30))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certfile, keyfile = folder / "cert.pem", folder / "key.pem"
    certfile.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    keyfile.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    return certfile, keyfile


def test_a_simulator_serves_over_https(tmp_path: Path) -> None:
    """With a certificate the address is https and faults cut the connection there too."""
    pair = certificate(tmp_path, until=datetime.now(UTC) + timedelta(days=1))
    trust = ssl.create_default_context(cafile=str(pair[0]))
    counter = Counter(pair)
    with counter.server, httpx.Client(base_url=counter.server.url, verify=trust) as client:
        assert counter.server.url.startswith("https://")
        assert client.get("/things/a").status_code == 200
        counter.faults.once("reset")
        with pytest.raises(httpx.TransportError):
            client.get("/things/a")


def test_an_expired_certificate_is_refused_by_the_caller(tmp_path: Path) -> None:
    """A caller that checks certificates does not speak to a server whose certificate has expired."""
    pair = certificate(tmp_path, until=datetime.now(UTC) - timedelta(days=1))
    trust = ssl.create_default_context(cafile=str(pair[0]))
    counter = Counter(pair)
    with (
        counter.server,
        httpx.Client(base_url=counter.server.url, verify=trust) as client,
        pytest.raises(httpx.ConnectError, match="expired"),
    ):
        client.get("/things/a")
    assert counter.journal.entries == []
