"""The feed that all read: supplier invoices by OData, out of a process of its own that only copies ready bytes.

A record has 27 fields and three lines of ten, about 1.3 kB. The server knows what reading asks for: a token,
`$metadata`, `$top`, `$skiptoken`, `$skip` and a filter on `ModifiedDate`; a page is a slice of one buffer.
"""

import re
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import unquote

from benchmarks.companions import companion, until_told
from benchmarks.plain_server import Body, PlainServer

SERVICE = "/main/ifsapplications/projection/v1/PostingProposalHandling.svc/"
SET = "PostingProposalHeadSet"
FIRST_ID = 1_000_000
_START = datetime(2026, 1, 1, tzinfo=UTC)
_STEP = timedelta(milliseconds=100)  # from one change to the next
_JSON, _SINCE = b"application/json", re.compile(r"ModifiedDate ge ([0-9T:.Z-]+)")
_SUPPLIERS, _ACCOUNTS, _CENTERS = 200, 40, 25
_METADATA = b"""<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="IfsApp.PostingProposalHandling">
<EntityType Name="PostingProposalHead"><Key><PropertyRef Name="Company"/><PropertyRef Name="InvoiceId"/></Key>
<Property Name="Company" Type="Edm.String" Nullable="false"/>
<Property Name="InvoiceId" Type="Edm.Int64" Nullable="false"/>
<Property Name="ModifiedDate" Type="Edm.DateTimeOffset"/></EntityType>
<EntityContainer Name="Default">
<EntitySet Name="PostingProposalHeadSet" EntityType="IfsApp.PostingProposalHandling.PostingProposalHead"/>
</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""


class Feed(NamedTuple):
    """A running feed: its address, and what a reader of all of it must have counted."""

    url: str
    records: int
    id_sum: int
    bytes: int

    def pages(self, size: int) -> str:
        """Give the address of the first page of so many records."""
        return f"{self.url}{SERVICE}{SET}?$top={size}"


def moment(number: int) -> str:
    """Tell when a record was changed last."""
    return (_START + number * _STEP).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def record(number: int) -> bytes:
    """Write one invoice; no two are the same."""
    supplier, net = number % _SUPPLIERS, 100_000 + number * 7919 % 9_000_000
    shares = (net // 2, net // 3, net - net // 2 - net // 3)
    day = f"2026-{number % 9 + 1:02}-{number % 28 + 1:02}"
    lines = ",".join(
        f'{{"RowId":{row},"Account":"{4000 + (number + row) % _ACCOUNTS}","CodeB":"{100 + (number + row) % _CENTERS}",'
        f'"CodeC":"P{number % 9}","CodeD":null,"CodeE":null,"ProcessCode":null,"OptionalCode":null,'
        f'"CurrencyAmount":{_money(share)},"Text":"Position {row} of delivery {number:09}, goods and services"}}'
        for row, share in enumerate(shares, 1)
    )
    return (
        f'{{"@odata.etag":"W/\\"QUFBVEtMQUFGQUFB{number:09}\\"","luname":"PostingProposalHead",'
        f'"keyref":"COMPANY=10^INVOICE_ID={FIRST_ID + number}^","Objgrants":null,"Company":"10",'
        f'"InvoiceId":{FIRST_ID + number},"Identity":"S-{1000 + supplier}","PartyType":"Supplier","SeriesId":"SI",'
        f'"InvoiceNo":"INV-{number:09}","InvoiceType":"SUPPINV","InvoiceDate":"{day}","DueDate":"2026-12-{day[-2:]}",'
        f'"PayTermId":"30","Currency":"{("EUR", "USD", "SEK")[number % 3]}","CurrRate":1,"NetCurrAmount":{_money(net)},'
        f'"VatCurrAmount":{_money(net // 5)},"GrossAmount":{_money(net + net // 5)},"PoRefNumber":"P{number:09}",'
        f'"VoucherText":"Delivery {number:09} of machine parts, as agreed","Creator":"MAN_SUPP_INVOICE_API",'
        f'"CreationDate":"{day}","AdvInv":false,"Cf_Spend_Reference":null,"Objstate":"Balanced",'
        f'"ModifiedDate":"{moment(number)}","PostingProposalLines":[{lines}]}}'
    ).encode()


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


class Server:
    """Answers pages out of one buffer of ready records."""

    def __init__(self, records: int) -> None:
        self._ends = array("Q", [0])
        buffer = bytearray()
        for number in range(records):
            buffer += record(number) + b","
            self._ends.append(len(buffer))
        self._bytes = memoryview(buffer)
        self._records = records
        self._server = PlainServer(self._answer)
        self.url, self.close = self._server.url, self._server.close

    @property
    def size(self) -> int:
        """Give the bytes of all records."""
        return self._ends[-1]

    def _answer(self, _method: str, target: str, _body: bytes) -> Body:
        path, _, query = target.partition("?")
        if path.endswith("/token"):
            return _JSON, [b'{"access_token":"feed","expires_in":3600,"token_type":"Bearer"}']
        if path.endswith("$metadata"):
            return b"application/xml", [_METADATA]
        return _JSON, self._page(dict(part.split("=", 1) for part in unquote(query).split("&") if "=" in part))

    def _page(self, options: dict[str, str]) -> list[bytes | memoryview]:
        asked = _SINCE.search(options.get("$filter", ""))
        first = max(0, -((_START - datetime.fromisoformat(asked[1])) // _STEP)) if asked else 0
        first += int(options.get("$skiptoken", 0)) + int(options.get("$skip", 0))
        size = int(options.get("$top", 1000))
        end = min(first + size, self._records)
        more = b"}"
        if end < self._records:
            more = f',"@odata.nextLink":"{self.url}{SERVICE}{SET}?$top={size}&$skiptoken={end}"}}'.encode()
        page = self._bytes[self._ends[first] : self._ends[end] - 1] if first < end else b""
        return [b'{"@odata.context":"$metadata#PostingProposalHeadSet","value":[', page, b"]" + more]


@contextmanager
def serving(records: int) -> Iterator[Feed]:
    """Run the feed as a process of its own for a block."""
    with companion("benchmarks.feed", str(records)) as (url, size):
        yield Feed(url, records, sum(range(FIRST_ID, FIRST_ID + records)), size)


if __name__ == "__main__":
    running = Server(int(sys.argv[1]))
    until_told(running.url, running.size)
