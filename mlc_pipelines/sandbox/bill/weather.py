"""The kernel's faults as they look from this vendor: no 429, errors as an array with a code, pages of the front."""

from mlc_pipelines.sandbox.bill.answers import Problem, write_json
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.faults import BUSY_PAGE, Fault, Faults

HTML = {"content-type": "text/html"}
JSON = {"content-type": "application/json"}
AT_ONCE_STATUS = 422


class BillFaults(Faults):
    """Decides as the kernel does; only what the caller sees is the vendor's."""

    def __init__(self, profile: str = "calm", *, seed: int = 1, clock: SandboxClock) -> None:
        self._clock = clock
        super().__init__(profile, seed=seed)

    def _storm(self) -> Fault:
        kinds = (
            self._error(AT_ONCE_STATUS, "BDC_1322", "Maximum number of concurrent requests is reached.", "APPLICATION"),
            self._error(500, "BDC_1001", "System error.", "SERVER"),
            Fault("status", 502, BUSY_PAGE, HTML),
            Fault("status", 503, BUSY_PAGE.replace(b"502 Bad Gateway", b"503 Service Unavailable"), HTML),
            Fault("reset"),
            Fault("stall", seconds=self.stall_seconds),
        )
        return self._random.choice(kinds)

    def _error(self, status: int, code: str, message: str, category: str) -> Fault:
        now = self._clock.now()
        row = Problem(message, code=code, category=category).row(now)
        return Fault("status", status, write_json([row]), JSON)
