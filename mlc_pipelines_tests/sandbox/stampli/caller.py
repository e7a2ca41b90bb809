"""Plain SFTP clients, and readers of what Stampli writes that know only its layout."""

import contextlib
import csv
import io
import logging
import socket
from collections.abc import Iterator, Mapping
from decimal import Decimal
from xml.etree import ElementTree

import paramiko

from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.sandbox.stampli.drop import INVOICES
from mlc_pipelines.sandbox.stampli.layouts import XML_LINE, XML_PATHS, XML_RECORD

Lines = list[tuple[str, str, Decimal]]


@contextlib.contextmanager
def connected(stampli: StampliSandbox) -> Iterator[paramiko.Transport]:
    """Shake hands, without login."""
    line = socket.create_connection((stampli.host, stampli.port), timeout=10)
    transport = paramiko.Transport(line)
    transport.logger = logging.Logger("test")
    transport.logger.addHandler(logging.NullHandler())
    transport.packetizer.set_log(transport.logger)
    try:
        transport.start_client(timeout=10)
        yield transport
    finally:
        transport.close()
        line.close()


@contextlib.contextmanager
def logged_in(stampli: StampliSandbox) -> Iterator[paramiko.SFTPClient]:
    """Log in with the password and open one channel."""
    with connected(stampli) as transport:
        transport.auth_password(stampli.username, stampli.password)
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        channel = client.get_channel()
        assert channel is not None
        channel.settimeout(10)
        yield client


def fetched(sftp: paramiko.SFTPClient, name: str, *, folder: str = INVOICES) -> bytes:
    """Read a file without looking ahead."""
    with sftp.open(f"{folder}/{name}") as file:
        return file.read()


def rows(content: bytes, columns: Mapping[str, str]) -> list[dict[str, str]]:
    """Read a CSV file by field."""
    fields = {text: name for name, text in columns.items()}
    reader = csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True)
    return [{fields[name]: value for name, value in row.items()} for row in reader]


def xml_rows(content: bytes) -> list[dict[str, str]]:
    """Read an XML file by field, one row per line."""
    found = []
    for invoice in ElementTree.fromstring(content).findall(XML_RECORD):
        head = {name: _at(invoice, path) for name, path in XML_PATHS.items()}
        for line in invoice.findall(XML_LINE):
            own = {name: _at(line, path) for name, path in XML_PATHS.items()}
            found.append(head | {name: own[name] for name in ("line_no", "gl_account", "cost_center", "amount")})
    return found


def _at(element: ElementTree.Element, path: str) -> str:
    place, marked, attribute = path.partition("@")
    found = element.find(place.rstrip("/")) if place else element
    if not marked:
        return _text(found)
    return "" if found is None else found.get(attribute, "")


def _text(element: ElementTree.Element | None) -> str:
    return "" if element is None else element.text or ""


def totals(found: list[dict[str, str]]) -> dict[str, tuple[Decimal, str, Lines]]:
    """Give total, status and lines by Stampli id."""
    grouped: dict[str, tuple[Decimal, str, Lines]] = {}
    for row in found:
        line = (row["gl_account"], row["cost_center"], Decimal(row["amount"]))
        kept = grouped.setdefault(row["stampli_id"], (Decimal(row["total_amount"]), row["status"], []))
        kept[2].append(line)
    return grouped
