"""The Airbyte CDK reads the feed by a declarative manifest: `airbyte_extract.py FIRST_PAGE source|store FOLDER`.

`source` writes what it reads to a file as messages, a line a record, as it would to a destination's process; `store`
is the same source under PyAirbyte, which keeps the records in DuckDB.
"""

import json
import os
import sys
from pathlib import Path

import airbyte as ab
from airbyte_cdk.cli.source_declarative_manifest._run import handle_command
from feed_schema import SCHEMA
from watch import Watch

FIRST, WHOLE, FOLDER = sys.argv[1], sys.argv[2] == "store", Path(sys.argv[3])
base, _, query = FIRST.partition("?")
stream = {
    "type": "DeclarativeStream",
    "name": "invoices",
    "primary_key": ["InvoiceId"],
    "schema_loader": {"type": "InlineSchemaLoader", "schema": SCHEMA},
    "retriever": {
        "type": "SimpleRetriever",
        "requester": {
            "type": "HttpRequester",
            "url_base": base,
            "path": "",
            "http_method": "GET",
            "request_parameters": {"$top": query.rpartition("=")[2]},
        },
        "record_selector": {"type": "RecordSelector", "extractor": {"type": "DpathExtractor", "field_path": ["value"]}},
        "paginator": {
            "type": "DefaultPaginator",
            "page_token_option": {"type": "RequestPath"},
            "pagination_strategy": {
                "type": "CursorPagination",
                "cursor_value": "{{ response.get('@odata.nextLink', '') }}",
                "stop_condition": "{{ not response.get('@odata.nextLink') }}",
            },
        },
    },
}
manifest = {
    "version": "7.0.0",
    "type": "DeclarativeSource",
    "check": {"type": "CheckStream", "stream_names": ["invoices"]},
    "streams": [stream],
    "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
}
modes = {"sync_mode": "full_refresh", "destination_sync_mode": "append"}
known = {"name": "invoices", "json_schema": SCHEMA, "supported_sync_modes": ["full_refresh"]}
(FOLDER / "manifest.yaml").write_text(json.dumps(manifest))
(FOLDER / "config.json").write_text("{}")
(FOLDER / "catalog.json").write_text(json.dumps({"streams": [{"stream": known, **modes}]}))
options = {"--config": "config.json", "--catalog": "catalog.json", "--manifest-path": "manifest.yaml"}
command = ["read", *(word for name, file in options.items() for word in (name, str(FOLDER / file)))]

watch = Watch("airbyte-cdk", "airbyte", "duckdb")
stdout = os.dup(1)
messages = os.open(FOLDER / "messages.jsonl", os.O_WRONLY | os.O_CREAT)
os.dup2(messages, 1)  # the CDK writes to the process's own output
if WHOLE:
    cache = ab.caches.DuckDBCache(db_path=str(FOLDER / "kept.duckdb"))
    origin = ab.get_source("source-feed", config={}, source_manifest=manifest, streams="*")
    with watch:
        origin.read(cache=cache)
    (found,) = cache.run_sql_query('SELECT count(*) AS records, sum("invoiceid") AS id_sum FROM main.invoices')
    records, id_sum = found["records"], int(found["id_sum"])
else:
    with watch:
        handle_command(command)
        sys.stdout.flush()
    records = id_sum = 0
    with (FOLDER / "messages.jsonl").open() as file:
        for line in file:
            message = json.loads(line)
            if message["type"] == "RECORD":
                records += 1
                id_sum += message["record"]["data"]["InvoiceId"]
os.dup2(stdout, 1)
watch.tell(records=records, id_sum=id_sum)
