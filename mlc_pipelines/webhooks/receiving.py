"""Decides what an arriving webhook is answered: nothing is said yes to before it is stored."""

import functools
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from http import HTTPStatus

from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from mlc_pipelines.errors import ConfigurationError, MlcError, RecordError, StorageError, TransientError
from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.integration import Delivery, Event, WebhookManners
from mlc_pipelines.webhooks.subscriptions import forget_handshake, handshake_awaited, told

logger = logging.getLogger(__name__)

REPLAY_WINDOW = timedelta(minutes=5)
ATTEMPTS = 6


class Receiver:
    """Receives for all connections of a house; bodies and signatures never reach the log."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._shaking: set[str] = set()
        self._lock = threading.Lock()
        # SQLite takes one writer at a time, and lets the others sleep longer and longer instead of in turn; and it
        # clears its log each time the last one leaves, which costs more than a write.
        sqlite = house.ledger.engine.dialect.name == "sqlite"
        self._turn: AbstractContextManager[object] = threading.Lock() if sqlite else nullcontext()
        self._stay = house.ledger.engine.connect() if sqlite else None

    def close(self) -> None:
        """Leave the database."""
        if self._stay is not None:
            self._stay.close()

    def address(self, name: str, below: str = "") -> HTTPStatus:
        """Tell whether a connection takes webhooks. One whose file is broken will: the vendor is to try again."""
        if name in {broken.name for broken in self._house.broken}:
            return HTTPStatus.SERVICE_UNAVAILABLE
        if name not in self._house.connections:
            return HTTPStatus.NOT_FOUND
        manners = self._house.integration(name).webhooks
        if manners is None or (below and not manners.takes_paths):
            return HTTPStatus.NOT_FOUND
        return HTTPStatus.OK if manners.is_open(self._house.connection(name)) else HTTPStatus.SERVICE_UNAVAILABLE

    def receive(self, name: str, delivery: Delivery) -> HTTPStatus:
        """Verify, read and store; 200 means that it is on disk. Blocks: call it from a thread."""
        try:
            status = self._receive(name, delivery)
        except (StorageError, SQLAlchemyError) as error:
            logger.error("webhook not stored", extra={"connection": name, "error": told(error)})  # noqa: TRY400  # a traceback would quote the body
            return HTTPStatus.SERVICE_UNAVAILABLE
        if status is not HTTPStatus.OK:
            logger.warning("webhook refused", extra={"connection": name, "status": int(status)})
        return status

    def _receive(self, name: str, delivery: Delivery) -> HTTPStatus:
        manners = self._house.integration(name).webhooks
        if manners is None:
            return HTTPStatus.NOT_FOUND
        signed, awaited = self._is_signed(name, manners, delivery), handshake_awaited(self._house, name)
        if not signed and not awaited:  # what nobody vouches for is not even read
            return HTTPStatus.UNAUTHORIZED
        try:
            event = manners.read(self._house.connection(name), delivery.raw)
        except RecordError:
            return HTTPStatus.BAD_REQUEST if signed else HTTPStatus.UNAUTHORIZED
        if event.challenge is not None and awaited and manners.answer_challenge is not None:
            return self._shake_hands(name, functools.partial(manners.answer_challenge, self._house.tenant(name), event))
        if event.challenge is not None or not signed:
            return HTTPStatus.UNAUTHORIZED
        return self._store(name, event, delivery.raw, flow=manners.flow_of(event.type))

    def is_well(self) -> bool:
        """Tell whether events can be stored, as far as reading the database shows."""
        try:
            self._house.ledger.inbox.waiting()
        except (StorageError, SQLAlchemyError):
            return False
        return True

    def _is_signed(self, name: str, manners: WebhookManners, delivery: Delivery) -> bool:
        connection = self._house.connection(name)
        if not manners.verify(connection, delivery, self._secrets(name, manners.secret_names(connection))):
            return False
        if manners.signed_at is None:
            return True
        signed_at = manners.signed_at(delivery.headers)
        return signed_at is not None and abs(delivery.at - signed_at) <= REPLAY_WINDOW

    def _secrets(self, name: str, secret_names: Sequence[str]) -> dict[str, SecretStr]:
        found = {}
        for secret_name in secret_names:
            try:
                found[secret_name] = self._house.vault.get(secret_name)
            except ConfigurationError as error:
                logger.info("webhook secret is not there", extra={"connection": name, "error": told(error)})
        return found

    def _store(self, name: str, event: Event, raw: bytes, *, flow: str | None) -> HTTPStatus:
        books = self._house.ledger.books(name)
        accounts = books.dictionary.known("business")
        if event.account and accounts and event.account not in accounts:
            return HTTPStatus.FORBIDDEN
        with self._turn:
            new = books.inbox.store(
                name, event_id=event.id, event_type=event.type, flow=flow, object_id=event.object_id, body=raw
            )
        logger.info("webhook stored", extra={"connection": name, "event": event.id, "type": event.type, "new": new})
        return HTTPStatus.OK

    def _shake_hands(self, name: str, answer: Callable[[], None]) -> HTTPStatus:
        """Say yes, then give the challenge back from a thread, one at a time: anyone can send a challenge."""
        with self._lock:
            if name in self._shaking:
                return HTTPStatus.SERVICE_UNAVAILABLE
            self._shaking.add(name)
        threading.Thread(target=self._finish, args=(name, answer), name=f"handshake {name}", daemon=True).start()
        return HTTPStatus.OK

    def _finish(self, name: str, answer: Callable[[], None]) -> None:
        again = Retrying(  # the vendor may not list the subscription yet
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(max=30),
            sleep=self._house.ledger.clock.sleep,
            reraise=True,
        )
        try:
            again(answer)
            forget_handshake(self._house, name)
            logger.info("webhook handshake done", extra={"connection": name})
        except (MlcError, SQLAlchemyError) as error:
            logger.warning("webhook handshake failed", extra={"connection": name, "error": told(error)})
        finally:
            with self._lock:
                self._shaking.discard(name)
