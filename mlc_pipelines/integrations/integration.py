"""What an integration is: one spend system's flows, questions and webhook manners."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Protocol

from pydantic import SecretStr

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.flows.flow import Assets, Flow
from mlc_pipelines.flows.reconciling import Document
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.memory import Budget, Guard, Slots, TokenStore


class BudgetOf(Protocol):
    """Gives the shared rate budget of a credential."""

    def __call__(self, name: str, *, limit: int, window_seconds: float, burst: int) -> Budget:
        """Open the budget `name`: at most `limit` calls in any window of so many seconds."""
        ...


class SlotsOf(Protocol):
    """Gives the room for calls at the same moment that a credential has."""

    def __call__(self, name: str, *, number: int, longest_seconds: float) -> Slots:
        """Open the room `name`: at most `number` calls at once, none longer than so many seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Tenant:
    """All that an integration is handed to work for one connection; nothing is global."""

    connection: Connection
    books: Books
    secret: Callable[[str], SecretStr]
    tokens: TokenStore
    budget: BudgetOf
    slots: SlotsOf
    guard: Guard
    clock: Clock


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a connection check; `unreachable` when the other side did not answer at all."""

    name: str
    ok: bool
    message: str
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Period:
    """A span of document dates, both ends included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Gap:
    """A name that only one side has, or that differs."""

    kind: str
    key: str
    what: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something at the source that a run of a flow would take up; `mark` changes when it does."""

    flow: str
    mark: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a watched source is, told by the ledger alone: what is wrong with it, as sentences."""

    fresh_hours: float | None  # working hours since something new came
    problems: Sequence[str]


@dataclass(frozen=True, slots=True)
class Session:
    """A connection with its clients open."""

    flows: Sequence[Flow]
    check: Callable[[], Iterator[Finding]]
    source_documents: Callable[[Period], Iterator[Document]]  # what IFS has
    target_documents: Callable[[Period], Iterator[Document]]  # what the spend system has of it
    gaps: Callable[[], Iterator[Gap]]  # chart of accounts and dimensions, compared
    close: Callable[[], None]
    waiting: Callable[[], Sequence[Waiting]] | None = None  # of a source that is watched: asks it, writes nothing
    standing: Callable[[], Standing] | None = None  # of a source that is watched: asks the ledger alone

    def flow(self, name: str) -> Flow:
        """Give a flow by its name."""
        return next(flow for flow in self.flows if flow.name == name)


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook event as the vendor sent it; `challenge` is set for a handshake that must be answered, not stored."""

    id: str
    type: str
    object_id: str | None
    account: str | None = None
    challenge: str | None = None


class Subscribed(Enum):
    """How it stands with our subscription for a vendor's events."""

    NOT_WANTED = "not wanted"  # no address of ours is configured
    HANDSHAKE_AWAITED = "handshake awaited"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook request as it arrived. `below` is what its path has below the connection's address."""

    raw: bytes
    headers: Mapping[str, str]
    at: datetime
    below: str = ""
    source: str | None = None  # the address it came from


@dataclass(frozen=True, slots=True)
class WebhookManners:
    """How a vendor's webhooks are verified and read; all functions are pure but the last two.

    `is_open` is false where the tenant has configured no verification: nothing is taken in then. `secret_names` are
    what `verify` needs of the vault; one that is missing there is left out. `signed_at` reads when a request was
    signed, where the vendor signs that too. `subscribe` sees to our subscription and hands its secret to the function
    it is given; it may write the accounts that events must name into the dictionary, kind `business`.
    `answer_challenge` raises TransientError when a later try may help.
    """

    is_open: Callable[[Connection], bool]
    secret_names: Callable[[Connection], Sequence[str]]
    verify: Callable[[Connection, Delivery, Mapping[str, SecretStr]], bool]
    read: Callable[[Connection, bytes], Event]
    flow_of: Callable[[str], str | None]
    takes_paths: bool = False  # requests may come to addresses below the connection's
    signed_at: Callable[[Mapping[str, str]], datetime | None] | None = None
    answer_challenge: Callable[[Tenant, Event], None] | None = None
    subscribe: Callable[[Tenant, Callable[[str, SecretStr], None]], Subscribed] | None = None


class FlowCard(Protocol):
    """What is known of a flow before a connection is opened."""

    name: str
    sentence: str
    assets: Assets


@dataclass(frozen=True, slots=True)
class Integration:
    """One spend system. `documents` names the flow whose documents are matched at month end.

    `booking` names the flows that may begin on a day, for somebody else carried their documents until then.
    """

    name: str
    title: str
    flows: Sequence[FlowCard]
    documents: str
    booking: Sequence[str]
    open: Callable[[Tenant], Session]
    webhooks: WebhookManners | None = None
    watched: bool = False  # a sensor looks at the source between polls; its sessions have `waiting` and `standing`
