"""The limit of the line: the pages' bytes out of a socket, none of them looked at: `socket_extract.py FIRST_PAGE`.

Only the end of a page is read, for its next link; so it can count bytes, not records.
"""

import re
import socket
import sys
from urllib.parse import urlsplit

from watch import Watch

_LENGTH, _NEXT = re.compile(rb"Content-Length: (\d+)"), re.compile(rb'"@odata.nextLink":"([^"]+)"}$')

watch = Watch()
page, bodies = sys.argv[1], 0
where = urlsplit(page)
with watch, socket.create_connection((where.hostname, where.port)) as line:
    buffer = bytearray(64 * 1024 * 1024)
    while page:
        asked = urlsplit(page)
        line.sendall(f"GET {asked.path}?{asked.query} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
        held, view = 0, memoryview(buffer)
        while (head := buffer.find(b"\r\n\r\n", 0, held)) < 0:
            held += line.recv_into(view[held:])
        end = head + 4 + int(_LENGTH.search(buffer, 0, head)[1])
        while held < end:
            held += line.recv_into(view[held:end])
        bodies += end - head - 4
        found = _NEXT.search(buffer, max(0, end - 500), end)
        page = found[1].decode() if found else None
watch.tell(bytes=bodies)
