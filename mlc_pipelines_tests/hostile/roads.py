"""One damaged answer on the whole road: list, detail, look-up, write or write back; then the weather clears."""

import json
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mlc_pipelines.errors import Cause, ConfigurationError
from mlc_pipelines.flows.road import Choice, Road
from mlc_pipelines.integrations.integration import Session
from mlc_pipelines_tests.hostile import canaries
from mlc_pipelines_tests.hostile.line import Asked, Reply
from mlc_pipelines_tests.hostile.mutations import damaged_body
from mlc_pipelines_tests.hostile.recording import Exchange, Recording
from mlc_pipelines_tests.hostile.replay import ABSENT, Library, Replayed
from mlc_pipelines_tests.hostile.verdicts import Overheard, Told, unfit, watermarks_ahead
from mlc_pipelines_tests.roads.installation import STAGES

HOUR = 3600.0
REMEMBERED = ("$metadata", "/departments/", "/accounting/fields")
SIGNING_IN = ("/token", "/login")  # nobody signs in here
MOST_REQUESTS = 20_000
ROUNDS = 2
STATUSES = (
    204, 206, 300, 301, 302, 307, 400, 401, 403, 404, 405, 408, 409, 412, 418, 422, 423, 425, 429, 500, 501, 502, 503,
    504, 511, 599,
)  # fmt: skip
ELSEWHERE = (
    "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "https://evil.example/x", "//evil.example/x",
    "gopher://127.0.0.1:70/", "http://127.0.0.1:1/", "http://localhost/", "http://[::1]:80/", "http://u:p@127.0.0.1/",
    "../../../admin", "/%2e%2e/admin", "\\\\evil\\x", "javascript:alert(1)", "http://evil.example\\@127.0.0.1/",
    "?page=1", "", "x" * 5000, "\r\nHost: evil", "http://0x7f.1/", "http://127.0.0.1.evil.example/",
    "ftp://127.0.0.1/", "data:,x",
)  # fmt: skip
HEADERS: tuple[dict[str, str], ...] = (
    {"content-type": "text/html"}, {"content-type": "application/json; charset=utf-16"}, {"content-type": "x" * 5000},
    {"retry-after": "nan"}, {"retry-after": "1e309"}, {"retry-after": "-5"}, {"retry-after": "99999999999"},
    {"retry-after": "Fri, 99 Foo 99999 99:99:99 GMT"}, {"etag": "\u00e9"}, {"etag": "*"}, {"etag": ""},
    {"content-encoding": "gzip"}, {"content-encoding": "br"}, {"content-encoding": "gzip, gzip"},
    {"location": "http://169.254.169.254/"}, {"set-cookie": "session=1"}, {"x-ratelimit-remaining": "-1"},
    {"x-ratelimit-limit": "9" * 5000}, {"x-request-id": canaries.TOKEN}, {"x-trace-id": canaries.SECRET * 200},
)  # fmt: skip
NEXT = ("@odata.nextLink", "nextPage", "next")


@dataclass(frozen=True)
class Damage:
    """What is done to one answer: the reply in its place, by what way, and whether good data may look changed."""

    reply: Reply
    way: str
    changes_data: bool


@dataclass
class RoadTold(Told):
    """What a road came to: the ways of damage, and how each stage ended."""

    stages: Counter[str] = field(default_factory=Counter)


class RoadTrial:
    """The flows of one recorded system, ready for any number of damaged answers."""

    def __init__(self, recording: Recording, folder: Path, *, database: str | None = None) -> None:
        self._recording = recording
        self._replayed = Replayed(recording, folder, database=database)
        self._flows = [name for name, flow in recording.flows.items() if any(flow.exchanges.values())]
        everything = [each for flow in recording.flows.values() for said in flow.exchanges.values() for each in said]
        self._origins = {each.asked.origin for each in everything}
        self._libraries = {
            name: Library(
                [*(each for said in recording.flows[name].exchanges.values() for each in said), *everything,
                 *recording.questions]
            )
            for name in self._flows
        }  # fmt: skip

    def close(self) -> None:
        """Close the house."""
        self._replayed.close()

    def road(self, seed: int) -> RoadTold:
        """Damage one answer of one flow by a seed, work the flow, and work it again when all is well."""
        rng = random.Random(seed)
        flow = rng.choice(self._flows)
        said = [each for stage in self._recording.flows[flow].exchanges.values() for each in stage]
        exchange = rng.choice([each for each in said if not each.asked.path.endswith(SIGNING_IN)])
        damage = _damaged(rng, exchange)
        return self.play(flow, exchange, damage, once=rng.random() < 0.3, named=f"seed {seed}")

    def play(self, flow: str, exchange: Exchange, damage: Damage, *, once: bool, named: str) -> RoadTold:
        """Work a flow with one answer damaged, once or always, then with good answers only."""
        told, overheard = RoadTold(), Overheard()
        self._replayed.restore(flow)
        logger = logging.getLogger("mlc_pipelines")
        logger.addHandler(overheard)
        try:
            bad = _Damaged(exchange.asked, damage.reply, 1 if once else None)
            other = _Other(self._libraries[flow], self._origins, told, bad)
            with self._session(exchange) as session, self._replayed.answering(other):
                self._work(session, flow, told)
            self._judge(flow, told)
            well = _Other(self._libraries[flow], self._origins, told)
            with self._session(exchange) as session, self._replayed.answering(well):
                if not told.wrong:
                    self._recover(session, flow, damage, told, well)
        finally:
            logger.removeHandler(overheard)
        told.wrong += [f"a secret was logged: {each}" for each in overheard.told]
        where = f"{named}, {flow}, {damage.way} of {exchange.asked.method} {exchange.asked.plain_path[-60:]}"
        told.wrong = [f"{where}: {each}" for each in told.wrong]
        return told

    @contextmanager
    def _session(self, exchange: Exchange) -> Iterator[Session]:
        """Open a session where an answer would be remembered in it; else one is used for all, for opening is slow."""
        if not any(part in exchange.asked.path for part in REMEMBERED):
            yield self._replayed.session
            return
        session = self._replayed.open()
        try:
            yield session
        finally:
            session.close()

    def _work(self, session: Session, flow: str, told: RoadTold, choice: Choice | None = None) -> None:
        road = self._replayed.road(flow, session)
        for stage, _ in session.flow(flow).assets.all():
            told.stages[self._stage(road, stage, choice, told)] += 1

    def _stage(self, road: Road, stage: str, choice: Choice | None, told: RoadTold) -> str:
        act: Callable[..., object] = STAGES[stage]
        try:
            tally = act(road) if choice is None or stage == "collect" else act(road, choice)
        except ConfigurationError as error:
            told.wrong += _illegible(f"{stage} stopped", str(error))
            return f"{stage} stopped"
        except Exception as error:  # noqa: BLE001  # every other one is what is looked for
            told.wrong.append(f"{stage} was aborted by {error!r:.300}")
            return f"{stage} aborted"
        interrupted = getattr(tally, "interrupted", None)
        if interrupted:
            told.wrong += _illegible(f"{stage} was interrupted", interrupted)
            return f"{stage} interrupted"
        return f"{stage} done"

    def _judge(self, flow: str, told: RoadTold) -> None:
        standing = self._replayed.standing(flow)
        told.ends.update(entry.state.value for entry in standing.values())
        for entry in standing.values():
            told.wrong += [f"{entry.key[:60]!r} is {wrong}" for wrong in unfit(entry, settled=False)]
        told.wrong += watermarks_ahead(self._replayed, flow)
        told.wrong += [f"{found.where}: {found.what}" for found in self._replayed.house.ledger.audit.verify()]

    def _recover(self, session: Session, flow: str, damage: Damage, told: RoadTold, well: "_Other") -> None:
        """Work until nothing moves, the held records put back; what was whole must end as it did in fair weather.

        Of a record that was delivered before its answer was damaged, the document in the target is asked for. Where
        no recording has it, it counts as gone, and the record is rightly held.
        """
        for _ in range(ROUNDS):
            self._replayed.clock.sleep(HOUR)
            self._work(session, flow, told, Choice(reason="all is well again"))
        if damage.changes_data or told.wrong:
            return
        standing = self._replayed.standing(flow)
        gone = {key for key, entry in standing.items() if well.strayed and entry.cause is Cause.CHANGED_AFTER_DELIVERY}
        states = {key: entry.state.value for key, entry in standing.items()}
        wanted = self._recording.flows[flow].ended
        lost = {
            key: (states.get(key), state)
            for key, state in wanted.items()
            if key not in gone and states.get(key) != state
        }
        told.wrong += [f"{key} is {now}, not {then}, when all is well" for key, (now, then) in lost.items()]


@dataclass
class _Damaged:
    """The answer that is not as it was, and how often it is given; always where `left` is None."""

    asked: Asked
    reply: Reply
    left: int | None

    def of(self, asked: Asked) -> Reply | None:
        if self.left == 0 or asked.identity != self.asked.identity:
            return None
        self.left = None if self.left is None else self.left - 1
        return self.reply


class _Other:
    """The other side: good answers, but for one; and a note of every request that leads elsewhere."""

    def __init__(self, library: Library, origins: set[str], told: RoadTold, bad: _Damaged | None = None) -> None:
        self._library = library
        self._origins = origins
        self._told = told
        self._bad = bad
        self._count = 0
        self.strayed = False  # asked for what was never recorded

    def __call__(self, asked: Asked) -> Reply:
        self._count += 1
        if asked.origin not in self._origins:
            self._told.wrong.append(f"{asked.origin} was asked, with {sorted(asked.headers)}")
        if {"..", "."} & set(asked.plain_path.replace("\\", "/").split("/")):
            self._told.wrong.append(f"a path that leads elsewhere was asked for: {asked.path}")
        if self._count > MOST_REQUESTS:
            raise AssertionError("reading does not end")
        reply = (self._bad.of(asked) if self._bad is not None else None) or self._library(asked)
        self.strayed |= reply is ABSENT
        return reply


def _damaged(rng: random.Random, exchange: Exchange) -> Damage:
    good, way = exchange.reply, rng.random()
    if way < 0.12:
        status = rng.choice(STATUSES)
        body = rng.choice(
            [b"", good.body, b"<html>no</html>", json.dumps({"error": rng.choice(canaries.ECHOES)}).encode()]
        )
        return Damage(Reply(body, status, good.headers), f"status {status}", changes_data=False)
    if way < 0.24:
        name, value = next(iter(rng.choice(HEADERS).items()))
        status = rng.choice([good.status, good.status, 429, 503])
        headers = {**(good.headers or {}), name: value}
        return Damage(Reply(good.body, status, headers), f"{name}: {value[:30]}", changes_data=False)
    if way < 0.34:
        link = rng.choice([*ELSEWHERE, f"{exchange.asked.path}?{exchange.asked.query}", exchange.asked.origin])
        return Damage(
            Reply(_linked(good.body, link), good.status, good.headers), f"next {link[:40]!r}", changes_data=False
        )
    body, name = damaged_body(rng, good.body)
    return Damage(Reply(body, good.status, good.headers), name, changes_data=name in ("structure", "flipped"))


def _linked(body: bytes, link: str) -> bytes:
    """Let every link to a next page lead to another place."""
    try:
        value = json.loads(body)
    except ValueError:
        return body
    if not isinstance(value, dict):
        return body
    value["@odata.nextLink"] = value["nextPage"] = link
    for name in ("page", "pagination"):
        if name in value or name == "page":
            value[name] = {"next": link}
    value["metadata"] = {"pagination": {"count": 10**9, "next": link, "page_size": 1}}
    return json.dumps(value).encode()


def _illegible(what: str, message: str) -> Iterator[str]:
    if not message or len(message) > 1000 or "\x00" in message:
        yield f"{what}, with a message that nobody reads: {message[:200]!r}"
    for canary in canaries.told(message):
        yield f"{what}, and its message has a secret: {canary}"
