"""What a monitoring system reads: where records stand, what is old, what is answered; in Prometheus' text format."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.requests import Request

from mlc_pipelines.connections.budgets import Measure, shares
from mlc_pipelines.errors import MlcError
from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.states import Stage
from mlc_pipelines.webhooks.gate import source_of
from mlc_pipelines.wire.addresses import is_loopback
from mlc_pipelines.wire.memory import Budget

PUBLIC = "MLC_METRICS_PUBLIC"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
KEPT_SECONDS = 5.0
OPENED_AGAIN_SECONDS = 600.0
_ON_BEHALF = ("forwarded", "x-forwarded-for", "x-real-ip", "via")

Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure in all its labels."""

    name: str
    kind: str
    meaning: str
    samples: Iterable[Sample]

    def lines(self) -> Iterator[str]:
        """Write it."""
        yield f"# HELP {self.name} {self.meaning}"
        yield f"# TYPE {self.name} {self.kind}"
        for labels, value in self.samples:
            told = ",".join(f'{name}="{escaped(text)}"' for name, text in labels.items())
            yield f"{self.name}{{{told}}} {value:.15g}" if told else f"{self.name} {value:.15g}"


def escaped(text: str) -> str:
    """Write the value of a label."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def may_read(request: Request, *, public: bool) -> bool:
    """Tell whether the figures are for this client: one on this machine, who asks for himself and by its name."""
    if public:
        return True
    client = source_of(request.client.host) if request.client else ""
    asked = request.url.hostname or ""  # a page of somebody else's in a browser here would say another name
    return is_loopback(client) and is_loopback(asked) and not any(name in request.headers for name in _ON_BEHALF)


class Metrics:
    """The figures of a house. They are kept for seconds, however many ask; blocks: call it from a thread."""

    def __init__(self, house: House, answered: Counter[tuple[str, int]]) -> None:
        self._house = house
        self._answered = answered
        self._lock = threading.Lock()
        self._text, self._until = "", 0.0
        self._measures: dict[str, Mapping[str, Measure]] = {}
        self._opened_at: dict[str, float] = {}

    def text(self) -> str:
        """Give all figures."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._text = "".join(f"{line}\n" for metric in self._metrics() for line in metric.lines())
                self._until = time.monotonic() + KEPT_SECONDS
            return self._text

    def _metrics(self) -> Iterator[Metric]:
        now = self._house.ledger.clock.now()
        broken = sorted({each.name for each in self._house.broken})
        books = [self._house.ledger.books(name) for name in sorted({*self._house.connections, *broken})]
        yield Metric("mlc_records", "gauge", "Records by where they stand.", _records(books))
        held = _by_connection(books, lambda each: _age(now, (group.since for group in each.reports.held())))
        yield Metric("mlc_held_oldest_seconds", "gauge", "Age of the oldest hold; 0 for none.", held)
        unsettled = _by_connection(books, lambda each: _age(now, _unsettled(each)))
        yield Metric("mlc_unsettled_oldest_seconds", "gauge", "Age of the oldest write without an outcome.", unsettled)
        waiting = self._house.ledger.inbox.waiting()
        places = [{"connection": each.connection, "flow": each.flow} for each in waiting]
        yield Metric("mlc_inbox_waiting", "gauge", "Webhook events that no run has taken up.",
                     zip(places, (each.count for each in waiting), strict=True))  # fmt: skip
        yield Metric("mlc_inbox_oldest_seconds", "gauge", "Age of the oldest event that waits.",
                     zip(places, (_age(now, [each.oldest_at]) for each in waiting), strict=True))  # fmt: skip
        yield Metric("mlc_webhook_requests_total", "counter", "Webhook requests answered since the start.",
                     [({"connection": name, "status": str(status)}, count)
                      for (name, status), count in sorted(self._answered.copy().items())])  # fmt: skip
        yield Metric("mlc_connection_broken", "gauge", "Connections whose file could not be used at the start.",
                     [({"connection": name}, 1) for name in broken])  # fmt: skip
        yield from self._budgets(now)

    def _budgets(self, now: datetime) -> Iterator[Metric]:
        measures = {credential: each for name in self._house.connections for credential, each in self._of(name).items()}
        found = sorted(shares(self._house.engines[1], measures, now=now.timestamp()).items())
        yield Metric("mlc_rate_budget_used_ratio", "gauge", "Calls booked ahead, as a share of the budget's window.",
                     [({"credential": name}, share.used) for name, share in found])  # fmt: skip
        yield Metric("mlc_rate_budget_wait_seconds", "gauge", "How long the next call of a credential would wait.",
                     [({"credential": name}, share.wait_seconds) for name, share in found])  # fmt: skip

    def _of(self, name: str) -> Mapping[str, Measure]:
        """Give the budgets of a connection, which its integration names when it is opened; nobody is called."""
        at = self._opened_at.get(name)
        if name in self._measures or (at is not None and time.monotonic() - at < OPENED_AGAIN_SECONDS):
            return self._measures.get(name, {})
        self._opened_at[name] = time.monotonic()
        found: dict[str, Measure] = {}
        try:
            tenant = self._house.tenant(name)

            def noted(name: str, *, limit: int, window_seconds: float, burst: int) -> Budget:
                found[name] = Measure(limit, window_seconds, burst)
                return tenant.budget(name, limit=limit, window_seconds=window_seconds, burst=burst)

            self._house.integration(name).open(replace(tenant, budget=noted)).close()
        except MlcError:  # a secret is missing, say: what is known of the others is told
            return {}
        self._measures[name] = found
        return found


def _records(books: Iterable[Books]) -> Iterator[Sample]:
    for each in books:
        counts: Counter[tuple[str, str]] = Counter()
        for group in each.reports.sums():
            counts[group.flow, group.state.value] += group.count
        for (flow, state), count in sorted(counts.items()):
            yield {"connection": each.connection, "flow": flow, "state": state}, count


def _by_connection(books: Iterable[Books], figure: Callable[[Books], float]) -> Iterator[Sample]:
    for each in books:
        yield {"connection": each.connection}, figure(each)


def _unsettled(books: Books) -> Iterator[datetime]:
    for flow in books.intents.count_open():
        for stage in (Stage.DELIVER, Stage.CONFIRM):
            yield from (intent.opened_at for intent in books.intents.unsettled(flow, stage))


def _age(now: datetime, moments: Iterable[datetime]) -> float:
    oldest = min(moments, default=None)
    return max(0.0, (now - oldest).total_seconds()) if oldest is not None else 0.0
