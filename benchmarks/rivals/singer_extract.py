"""A tap of the Singer SDK reads the feed: `singer_extract.py FIRST_PAGE source|store FOLDER`.

`source` writes what it reads to a file as messages, a line a record, as it would to a target's process; `store` has
a target of the same SDK read that file into SQLite.
"""

import json
import sqlite3
import sys
from decimal import Decimal
from pathlib import Path

from feed_schema import SCHEMA
from singer_sdk import RESTStream, Tap
from singer_sdk.contrib.msgspec import MsgSpecReader, MsgSpecWriter
from singer_sdk.pagination import JSONPathPaginator
from singer_sdk.sql import SQLConnector, SQLSink, SQLTarget
from watch import Watch

FIRST, WHOLE, FOLDER = sys.argv[1], sys.argv[2] == "store", Path(sys.argv[3])
MESSAGES, KEPT = FOLDER / "messages.jsonl", FOLDER / "kept.db"


class Invoices(RESTStream):
    """The feed's only stream."""

    name = "invoices"
    path = ""
    url_base = FIRST.partition("?")[0]
    primary_keys = ("InvoiceId",)
    records_jsonpath = "$.value[*]"
    schema = SCHEMA

    def get_new_paginator(self):
        """Follow the next links."""
        return JSONPathPaginator("$['@odata.nextLink']")

    def get_url_params(self, context, next_page_token):
        """Ask for the first page; the link has all that the next ones need."""
        query = (next_page_token or FIRST).partition("?")[2]
        return dict(part.split("=") for part in query.split("&"))


class Feed(Tap):
    """The tap; with the quicker of the SDK's two writers."""

    name = "tap-feed"
    config_jsonschema = {"type": "object", "properties": {}}
    message_writer_class = MsgSpecWriter

    def discover_streams(self):
        """Give the only stream."""
        return [Invoices(self)]


class Connector(SQLConnector):
    """SQLite."""

    def get_sqlalchemy_url(self, config):
        """Give the address of the file."""
        return f"sqlite:///{KEPT}"


class Sink(SQLSink):
    """Inserts in batches of 10,000, which is usual; lines as JSON text, as SQLite has no arrays."""

    connector_class = Connector

    def preprocess_record(self, record, context):
        """Write the lines as text."""
        record["PostingProposalLines"] = json.dumps(record["PostingProposalLines"], default=str)
        return record


class Store(SQLTarget):
    """The target; with the quicker of the SDK's two readers."""

    name = "target-feed"
    config_jsonschema = {"type": "object", "properties": {}}
    default_sink_class = Sink
    message_reader_class = MsgSpecReader


sqlite3.register_adapter(Decimal, float)  # SQLite knows no decimals
tap, store = Feed(), Store()
watch = Watch("singer-sdk", "msgspec", "sqlalchemy")
with watch:
    with MESSAGES.open("w") as sys.stdout:
        tap.sync_all()
    sys.stdout = sys.__stdout__
    if WHOLE:
        with MESSAGES.open() as file:
            store.listen(file)
if WHOLE:
    records, id_sum = sqlite3.connect(KEPT).execute("SELECT count(*), sum(InvoiceId) FROM invoices").fetchone()
else:
    with MESSAGES.open() as file:
        ids = [message["record"]["InvoiceId"] for message in map(json.loads, file) if message["type"] == "RECORD"]
    records, id_sum = len(ids), sum(ids)
watch.tell(records=records, id_sum=id_sum)
