"""The kernel's faults as they look behind this vendor's front: Cloudflare pages, Django pages, throttling in JSON."""

from mlc_pipelines.sandbox.airbase.answers import cloudflare_page, django_page
from mlc_pipelines.sandbox.kernel.faults import Fault, Faults

PAGE = {"content-type": "text/html; charset=UTF-8", "server": "cloudflare", "cf-ray": "8e1f00c0ffee0001-HAM"}
THROTTLED = b'{"detail": "Request was throttled."}'


class AirbaseFaults(Faults):
    """Decides as the kernel does; only what the caller sees is the vendor's."""

    def _storm(self) -> Fault:
        waits = {"retry-after": str(self.retry_after)}
        kinds = (
            Fault("status", 429, THROTTLED, {"content-type": "application/json"} | waits),
            _page(429),
            Fault("status", 500, django_page(500).encode(), {"content-type": "text/html; charset=utf-8"}),
            _page(502),
            _page(503),
            _page(520),
            Fault("reset"),
            Fault("stall", seconds=self.stall_seconds),
        )
        return self._random.choice(kinds)

    def _lost(self, kind: str) -> Fault:
        return Fault("lost") if kind == "lost" else _page(504, kind=kind)


def _page(status: int, *, kind: str = "status") -> Fault:
    return Fault(kind, status, cloudflare_page(status).encode(), PAGE)
