"""dlt reads the feed by its rest_api source into DuckDB: `dlt_extract.py FIRST_PAGE FOLDER`."""

import sys

import dlt
from dlt.sources.rest_api import rest_api_source
from watch import Watch

FIRST, FOLDER = sys.argv[1], sys.argv[2]
base, _, path = FIRST.partition("/main/")
source = rest_api_source(
    {
        "client": {"base_url": f"{base}/", "paginator": {"type": "json_link", "next_url_path": "'@odata.nextLink'"}},
        "resources": [
            {
                "name": "invoices",
                "primary_key": "InvoiceId",
                "write_disposition": "append",
                "max_table_nesting": 0,  # the lines stay with their invoice, as in the other contestants
                "endpoint": {
                    "path": f"main/{path.partition('?')[0]}",
                    "params": {"$top": int(path.rpartition("=")[2])},
                    "data_selector": "value",
                },
            }
        ],
    }
)
watch = Watch("dlt", "duckdb", "pyarrow")
pipeline = dlt.pipeline("feed", destination=dlt.destinations.duckdb(f"{FOLDER}/kept.duckdb"), dataset_name="feed")
with watch:
    pipeline.run(source, loader_file_format="parquet")
with pipeline.sql_client() as client, client.execute_query("SELECT count(*), sum(invoice_id) FROM invoices") as found:
    records, id_sum = found.fetchone()
watch.tell(records=records, id_sum=int(id_sum))
