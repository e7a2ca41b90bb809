"""The limit of what Python can do: httpx and orjson, nothing checked, nothing kept: `bare_extract.py FIRST_PAGE`."""

import sys

import httpx
import orjson
from watch import Watch

watch = Watch("httpx", "orjson")
page, records, id_sum = sys.argv[1], 0, 0
with watch, httpx.Client() as client:
    while page:
        answer = orjson.loads(client.get(page).content)
        records += len(answer["value"])
        id_sum += sum(record["InvoiceId"] for record in answer["value"])
        page = answer.get("@odata.nextLink")
watch.tell(records=records, id_sum=id_sum)
