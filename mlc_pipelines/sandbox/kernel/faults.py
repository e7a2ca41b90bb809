"""Faults: what goes wrong on the way, by profile and seed, or once by script."""

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from starlette.requests import Request

from mlc_pipelines.sandbox.kernel.journal import WRITING

AFTER_COMMIT = frozenset({"lost", "lost_504"})
KINDS = frozenset({"status", "reset", "stall", "edit"}) | AFTER_COMMIT
IN_A_ROW = 2  # a well-behaved client always gets through
EXPIRING_SECONDS = 3
TOKEN_SHARE = 0.25  # token requests fail this much less often than others
BUSY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Profile:
    """How often what goes wrong, as shares of one."""

    before: float = 0.0
    lost: float = 0.0
    edited: float = 0.0
    short_tokens: bool = False
    revoked: float = 0.0


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "calm": Profile(),
        "storm": Profile(before=0.08),
        "lossy": Profile(lost=0.10),
        "contended": Profile(edited=0.20),
        "expiring": Profile(short_tokens=True, revoked=0.03),
    }
)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong: an answer instead of the real one, a cut connection, or a slow answer."""

    kind: str
    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass
class _Scripted:
    kind: str
    method: str
    path_part: str
    times: int
    after: int
    detail: dict[str, Any]


class Faults:
    """Seeded decisions of one simulator; the same seed and the same requests give the same faults."""

    def __init__(self, profile: str = "calm", *, seed: int = 1) -> None:
        self.stall_seconds = 1.5
        self.retry_after = 1
        self._seed = seed
        self._lock = threading.RLock()
        self.reset(profile=profile)

    @property
    def profile(self) -> str:
        """The name of the profile in force."""
        return self._profile

    @profile.setter
    def profile(self, name: str) -> None:
        if name not in PROFILES:
            raise ValueError(f"unknown fault profile {name!r}: use one of {', '.join(PROFILES)}")
        self._profile = name

    def reset(self, *, profile: str = "calm") -> None:
        """Start the seeded decisions again and forget scripted faults."""
        with self._lock:
            self.profile = profile
            self._random = random.Random(self._seed)
            self._scripted: list[_Scripted] = []
            self._in_a_row: dict[str, int] = {}

    def once(
        self, kind: str, *, method: str = "*", path_part: str = "", times: int = 1, after: int = 0, **detail: Any
    ) -> None:
        """Script a fault for the next matching request, or skip `after` matches first.

        Kinds: status (status, body, headers), reset, stall (seconds), lost (commit, then no answer),
        lost_504 (commit, then 504), edit (someone edits the record just before the write).
        """
        if kind not in KINDS:
            raise ValueError(f"unknown fault kind {kind!r}: use one of {', '.join(sorted(KINDS))}")
        with self._lock:
            self._scripted.append(_Scripted(kind, method, path_part, times, after, detail))

    def before(self, request: Request) -> Fault | None:
        """Decide, before anything happens, whether this request meets a fault."""
        with self._lock:
            scripted = self._take(request, kinds=KINDS - AFTER_COMMIT - {"edit"})
            if scripted is not None:
                return self._from_script(scripted)
            share = PROFILES[self._profile].before
            if request.url.path.endswith("/token"):
                share *= TOKEN_SHARE
            if self._hit(request, share=share):
                return self._storm()
            return None

    def drop_answer(self, request: Request) -> Fault | None:
        """Decide, after a write was committed, whether its answer is lost."""
        with self._lock:
            scripted = self._take(request, kinds=AFTER_COMMIT)
            if scripted is not None:
                return self._lost(scripted.kind)
            if request.method not in WRITING or request.url.path.endswith("/token"):
                return None
            if self._hit(request, share=PROFILES[self._profile].lost):
                return self._lost(self._random.choice(("lost", "lost_504")))
            return None

    def someone_edits(self, request: Request | None = None) -> bool:
        """Decide whether someone edits the record between the client's read and its write."""
        with self._lock:
            if request is not None and self._take(request, kinds=frozenset({"edit"})) is not None:
                return True
            share = PROFILES[self._profile].edited
            if request is not None:
                return self._hit(request, share=share)
            return share > 0 and self._random.random() < share

    def token_seconds(self, normal: int) -> int:
        """Return how long a token issued now lives."""
        return EXPIRING_SECONDS if PROFILES[self._profile].short_tokens else normal

    def revoke_now(self) -> bool:
        """Decide whether the token just used is revoked."""
        with self._lock:
            share = PROFILES[self._profile].revoked
            return share > 0 and self._random.random() < share

    def _take(self, request: Request, *, kinds: frozenset[str]) -> _Scripted | None:
        target = f"{request.scope['path']}?{request.scope['query_string'].decode('latin-1')}"
        for scripted in self._scripted:
            matches = scripted.method in ("*", request.method) and scripted.path_part in target
            if scripted.kind not in kinds or not matches:
                continue
            if scripted.after > 0:
                scripted.after -= 1
                continue
            scripted.times -= 1
            if scripted.times <= 0:
                self._scripted.remove(scripted)
            return scripted
        return None

    def _hit(self, request: Request, *, share: float) -> bool:
        if share <= 0:
            return False
        where = f"{request.method} {request.scope['path']}"
        if self._random.random() < share and self._in_a_row.get(where, 0) < IN_A_ROW:
            self._in_a_row[where] = self._in_a_row.get(where, 0) + 1
            return True
        self._in_a_row[where] = 0
        return False

    def _from_script(self, scripted: _Scripted) -> Fault:
        detail = scripted.detail
        body = detail.get("body", b"")
        return Fault(
            kind=scripted.kind,
            status=int(detail.get("status", 503)),
            body=body.encode() if isinstance(body, str) else bytes(body),
            headers=dict(detail.get("headers", {})),
            seconds=float(detail.get("seconds", self.stall_seconds)),
        )

    def _storm(self) -> Fault:
        text = {"content-type": "text/html"}
        waits = {"retry-after": str(self.retry_after)}
        kinds = (
            Fault("status", 429, b"Too Many Requests", {"content-type": "text/plain"} | waits),
            Fault("status", 429, b"Too Many Requests", {"content-type": "text/plain"}),
            Fault("status", 500, b"Internal Server Error", {"content-type": "text/plain"}),
            Fault("status", 502, BUSY_PAGE, text),
            Fault("status", 503, BUSY_PAGE.replace(b"502 Bad Gateway", b"503 Service Unavailable"), text),
            Fault("reset"),
            Fault("stall", seconds=self.stall_seconds),
        )
        return self._random.choice(kinds)

    def _lost(self, kind: str) -> Fault:
        if kind == "lost":
            return Fault("lost")
        return Fault(
            kind, 504, BUSY_PAGE.replace(b"502 Bad Gateway", b"504 Gateway Timeout"), {"content-type": "text/html"}
        )
