"""Tests of the figures: what is counted, how it is written, who may read it."""

import http.client
import re
import socket
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.moves import Move
from mlc_pipelines.ledger.records import SourceRecord
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.webhooks import metrics as room
from mlc_pipelines.webhooks.metrics import Metric, escaped
from mlc_pipelines_tests.webhooks.conftest import UNHURRIED, address, receiving
from mlc_pipelines_tests.webhooks.post import Post, event

LINE = re.compile(r'(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="([^"\\\n]|\\["\\n])*",?)+\})? -?[0-9.e+]+)')


def read(post: Post, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Read the figures."""
    with closing(http.client.HTTPConnection(post.netloc, timeout=20)) as line:
        line.request("GET", "/metrics", headers=headers or {})
        answer = line.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "KEPT_SECONDS", 0.0)  # tests read again at once


def receive(house: House, *keys: str, problem: str | None = None) -> None:
    """Put records into the ledger."""
    records = [
        SourceRecord(key, "10", b"canary-content", "f", label=f"canary-{key}", amount=Decimal("7.77"), currency="EUR",
                     problem=problem)
        for key in keys
    ]  # fmt: skip
    house.ledger.books("acme").entries.receive("bills", records, None)


def test_every_line_is_as_prometheus_reads_it(house: House, post: Post) -> None:
    """Help and type before each figure, each name once."""
    receive(house, "A")
    post.signed(event())
    status, text = read(post)
    assert status == 200
    lines = text.splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    kinds = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(kinds) == len(set(kinds)) > 7


def test_records_are_counted_by_connection_flow_and_state(house: House, post: Post) -> None:
    """As the ledger has them at this moment."""
    receive(house, "A", "B")
    receive(house, "C", problem="canary-problem")
    text = read(post)[1]
    assert 'mlc_records{connection="acme",flow="bills",state="received"} 2' in text
    assert 'mlc_records{connection="acme",flow="bills",state="held"} 1' in text


def test_ages_are_of_the_oldest(house: House, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is nought, so that a rule can be written on it."""
    before = read(post)[1]
    assert 'mlc_held_oldest_seconds{connection="acme"} 0\n' in before
    assert 'mlc_unsettled_oldest_seconds{connection="acme"} 0\n' in before
    receive(house, "C", problem="x")
    books = house.ledger.books("acme")
    receive(house, "D")
    with house.ledger.leases.hold("acme") as lease:
        (entry,) = books.entries.due("bills", Stage.TRANSLATE, [State.RECEIVED])
        books.entries.move([Move(entry, State.TRANSLATED, "translated")], lease)
        books.intents.open(books.entries.due("bills", Stage.DELIVER, [State.TRANSLATED]), lease)
    post.signed(event())
    later = house.ledger.clock.now() + timedelta(hours=1)
    monkeypatch.setattr(type(house.ledger.clock), "now", lambda _: later)  # an hour is long for a test
    text = read(post)[1]
    for name in ("mlc_held_oldest_seconds", "mlc_unsettled_oldest_seconds", "mlc_inbox_oldest_seconds"):
        (value,) = re.findall(rf'{name}{{connection="acme".*}} ([0-9.]+)', text)
        assert 3600 <= float(value) < 3700


def test_events_that_wait_and_requests_are_counted(house: House, post: Post) -> None:
    """By status since the start; whatever strangers ask for is one name."""
    post.signed(event("e-1"))
    post.signed(event("e-2"))
    post.signed(event("e-3"), secret="another")
    for name in ("nobody", "somebody", 'x"y'):
        post.signed(event(), to=name)
    text = read(post)[1]
    assert 'mlc_inbox_waiting{connection="acme",flow="payments"} 2' in text
    assert 'mlc_webhook_requests_total{connection="acme",status="200"} 2' in text
    assert 'mlc_webhook_requests_total{connection="acme",status="401"} 1' in text
    assert 'mlc_webhook_requests_total{connection="unknown",status="404"} 3' in text
    assert "nobody" not in text


def test_a_rate_budget_is_shown_by_its_credential(house: House, post: Post) -> None:
    """How much of its window is booked, and how long the next call waits; nothing before its first call."""
    assert "acme/ifs" not in read(post)[1]
    budget = house.tenant("acme").budget("acme/ifs", limit=900, window_seconds=60.0, burst=20)
    for _ in range(15):
        budget.acquire()
    text = read(post)[1]
    (used,) = re.findall(r'mlc_rate_budget_used_ratio{credential="acme/ifs"} ([0-9.e-]+)', text)
    assert 0.002 < float(used) < 0.02
    assert 'mlc_rate_budget_wait_seconds{credential="acme/ifs"} 0\n' in text
    budget.pause(30)
    (waits,) = re.findall(r'mlc_rate_budget_wait_seconds{credential="acme/ifs"} ([0-9.]+)', read(post)[1])
    assert 25 < float(waits) <= 30


def test_a_missing_secret_costs_only_its_own_figures(
    house: House, open_house: Callable[[], House], write: Callable[..., Path], listening: socket.socket
) -> None:
    """And a broken file is a figure itself."""
    write("slip").write_text("name: slip\nintegration: ramp\ncompanies: [", encoding="utf-8")
    other = open_house()
    other.vault.remove("acme/ramp/client_id")
    with receiving(other, listening):
        status, text = read(Post(address(listening)))
    assert status == 200
    assert 'mlc_connection_broken{connection="slip"} 1' in text


def test_neither_content_nor_secret_is_told(house: House, post: Post) -> None:
    """Not of records, events, holds or the vault."""
    house.vault.set("acme/ramp/other", SecretStr("canary-vault"))
    receive(house, "A", problem="canary-problem")
    post.signed(event(memo="canary-body"))
    text = read(post)[1]
    assert "canary" not in text
    assert "7.77" not in text


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-For": "192.0.2.7"}, {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"},
     {"X-Real-IP": "127.0.0.1"}, {"Via": "1.1 proxy"}, {"Host": "pages.example"}],
)  # fmt: skip
def test_only_this_machine_reads_for_itself(post: Post, headers: dict[str, str]) -> None:
    """Not through a proxy, whatever it claims, and not a page in a browser that had its name changed."""
    assert read(post, headers) == (403, "Forbidden")
    assert read(post)[0] == 200
    assert read(post, {"Host": "localhost:3001"})[0] == 200


def test_all_may_read_where_it_is_said_so(house: House, listening: socket.socket) -> None:
    """MLC_METRICS_PUBLIC=1, and nothing else."""
    with receiving(house, listening, UNHURRIED | {"MLC_METRICS_PUBLIC": "1"}):
        assert read(Post(address(listening)), {"X-Forwarded-For": "192.0.2.7", "Host": "mlc.example"})[0] == 200


def test_a_database_that_is_gone_is_said(house: House, post: Post, home: Path) -> None:
    """503, and the receiver goes on."""
    (home / "data").rename(home / "away")
    assert read(post)[0] == 503
    (home / "away").rename(home / "data")
    assert read(post)[0] == 200


def test_many_who_read_cost_one_reading(house: House, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures are kept for some seconds."""
    monkeypatch.setattr(room, "KEPT_SECONDS", 60.0)
    first = read(post)[1]
    receive(house, "A")
    assert read(post)[1] == first


def test_labels_are_escaped() -> None:
    """Quotes, backslashes and line breaks cannot end a label."""
    metric = Metric("m", "gauge", "M.", [({"a": 'x"} 1\nm{a="\\'}, 2.0), ({}, 1e15)])
    assert list(metric.lines())[2:] == ['m{a="x\\"} 1\\nm{a=\\"\\\\"} 2', "m 1e+15"]
    assert escaped("plain") == "plain"
