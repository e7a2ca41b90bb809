"""Sees to our subscriptions with the vendors, and remembers which handshakes are still to come."""

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from mlc_pipelines.errors import MlcError, StorageError, TransientError
from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.integration import Subscribed
from mlc_pipelines.ledger.leases import LeaseTakenError

logger = logging.getLogger(__name__)

HANDSHAKE = "handshake"
ROUND_SECONDS = 3600.0
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0


def handshake_awaited(house: House, name: str) -> bool:
    """Tell whether a subscription of ours waits for its handshake; asked of our own database, never of the vendor."""
    return bool(house.ledger.books(name).dictionary.known(HANDSHAKE))


def forget_handshake(house: House, name: str) -> None:
    """Write down that no handshake is to come, so that no challenge is answered."""
    house.ledger.books(name).dictionary.learn(HANDSHAKE, {})


def ensure_subscriptions(house: House, connection_name: str) -> Subscribed:
    """See to it that the vendor sends its events to us; LeaseTakenError when another receiver is at it."""
    manners = house.integration(connection_name).webhooks
    if manners is None or manners.subscribe is None:
        return Subscribed.NOT_WANTED
    with house.ledger.leases.hold(f"{connection_name}/webhooks"):
        # Before the vendor is called: its challenge may overtake its answer.
        house.ledger.books(connection_name).dictionary.learn(HANDSHAKE, {"awaited": "yes"})
        subscribed = Subscribed.NOT_WANTED
        try:
            subscribed = manners.subscribe(house.tenant(connection_name), house.vault.set)
        finally:
            if subscribed is not Subscribed.HANDSHAKE_AWAITED:
                forget_handshake(house, connection_name)
    return subscribed


def keep_subscriptions(house: House, stop: threading.Event) -> None:
    """See to all enabled connections now and every hour until stopped; what fails for now is tried again sooner."""
    names = [name for name, connection in house.connections.items() if connection.enabled]
    left, pause = names, FIRST_PAUSE
    while names and not stop.is_set():
        left = [name for name in left if not _is_settled(house, name)]
        if left:
            stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        else:
            stop.wait(ROUND_SECONDS)
            left, pause = names, FIRST_PAUSE


def _is_settled(house: House, name: str) -> bool:
    """Try one connection; False when another try may help before the next round."""
    try:
        subscribed = ensure_subscriptions(house, name)
    except LeaseTakenError:
        return True
    except (MlcError, SQLAlchemyError) as error:
        logger.warning("webhook subscription failed", extra={"connection": name, "error": told(error)})
        return not isinstance(error, TransientError | StorageError | SQLAlchemyError)
    logger.info("webhook subscription", extra={"connection": name, "subscribed": subscribed.value})
    return True


def told(error: MlcError | SQLAlchemyError) -> str:
    """Tell of an error in the log; what a database error says would quote the values it was given."""
    return str(error) if isinstance(error, MlcError) else type(error).__name__
