"""The kernel's faults as this vendor would show them: errors in JSON from the API, pages from what stands before it."""

from mlc_pipelines.sandbox.kernel.faults import BUSY_PAGE, Fault, Faults

JSON = {"content-type": "application/json", "x-procurify-request-id": "storm"}
PAGE = {"content-type": "text/html"}
THROTTLED = b'{"detail": "Request was throttled."}'
BROKEN = b'{"message": "Internal server error"}'


class ProcurifyFaults(Faults):
    """Decides as the kernel does; only what the caller sees is the vendor's."""

    def _storm(self) -> Fault:
        kinds = (
            Fault("status", 429, THROTTLED, {**JSON, "retry-after": str(self.retry_after)}),
            Fault("status", 429, THROTTLED, JSON),
            Fault("status", 500, BROKEN, JSON),
            Fault("status", 502, BUSY_PAGE, PAGE),
            Fault("status", 503, BUSY_PAGE.replace(b"502 Bad Gateway", b"503 Service Unavailable"), PAGE),
            Fault("reset"),
            Fault("stall", seconds=self.stall_seconds),
        )
        return self._random.choice(kinds)
