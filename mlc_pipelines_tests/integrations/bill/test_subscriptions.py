"""Tests of our webhook subscription: one, complete, switched on, with a key that is kept."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest
from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError, StorageError, TransientError
from mlc_pipelines.integrations.bill.models import EventKind
from mlc_pipelines.integrations.bill.subscriptions import ensure_subscription, once_key, subscription_name
from mlc_pipelines.integrations.bill.webhook import EVENTS
from mlc_pipelines.integrations.bill.webhook_client import WebhookCalls
from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines.sandbox.bill.records import Subscription

NAME = subscription_name("acme")
URL = "https://hooks.acme.example/webhooks/acme"
TODAY = date(2026, 11, 15)
KINDS = [EventKind(type_) for type_ in EVENTS]


class Vault(list[SecretStr]):
    """Keys in the order in which they were stored, and whose the last one is."""

    of: str | None = None

    def keep(self, subscription: str, key: SecretStr) -> None:
        self.of = subscription
        self.append(key)

    def lose(self) -> None:
        self.of = None
        self.clear()


@pytest.fixture
def vault() -> Vault:
    """Hand out an empty one."""
    return Vault()


def subscribe(events_api: WebhookCalls, vault: Vault, *, url: str = URL) -> str:
    return ensure_subscription(events_api, NAME, url, events=KINDS, key_of=vault.of, store=vault.keep, today=TODAY)


def stranger(organization: BillSandbox, number: int) -> str:
    """A subscription somebody else made."""
    made = Subscription(**organization.store.stamps("other-"), name=f"other {number}")
    made.notification_url = f"https://other.example/{number}"
    organization.subscriptions[made.id] = made
    return made.id


def test_the_first_time_one_is_made_and_its_key_kept(
    organization: BillSandbox, events_api: WebhookCalls, vault: Vault
) -> None:
    """With all our events."""
    id_ = subscribe(events_api, vault)
    there = organization.subscriptions[id_]
    assert (there.name, there.notification_url, there.enabled) == (NAME, URL, True)
    assert set(there.events) == set(EVENTS)
    assert [key.get_secret_value() for key in vault] == [there.security_key]


def test_a_second_round_changes_nothing(organization: BillSandbox, events_api: WebhookCalls, vault: Vault) -> None:
    """One is there, complete, and its key is known."""
    subscribe(events_api, vault)
    writes = len(organization.journal.writes())
    subscribe(events_api, vault)
    assert (len(organization.journal.writes()), len(vault)) == (writes, 1)


def test_one_that_was_switched_off_is_switched_on(
    organization: BillSandbox, events_api: WebhookCalls, vault: Vault
) -> None:
    """BILL does that after too many failed tries."""
    id_ = subscribe(events_api, vault)
    organization.people.disable_subscription(id_)
    assert subscribe(events_api, vault) == id_
    assert organization.subscriptions[id_].enabled
    assert len(vault) == 1


def test_a_missing_event_is_added(organization: BillSandbox, events_api: WebhookCalls, vault: Vault) -> None:
    """What it has beside ours stays."""
    id_ = subscribe(events_api, vault)
    organization.subscriptions[id_].events = ["invoice.created"]
    subscribe(events_api, vault)
    there = set(organization.subscriptions[id_].events)
    assert there == {*EVENTS, "invoice.created"}


def test_a_lost_key_is_exchanged(organization: BillSandbox, events_api: WebhookCalls, vault: Vault) -> None:
    """The subscription stays; what is signed with the new key is taken."""
    id_ = subscribe(events_api, vault)
    vault.lose()
    assert subscribe(events_api, vault) == id_
    assert [key.get_secret_value() for key in vault] == [organization.subscriptions[id_].security_key]


def test_a_lost_answer_makes_no_second_one(organization: BillSandbox, events_api: WebhookCalls, vault: Vault) -> None:
    """The next round finds it, and exchanges the key that was never seen."""
    organization.faults.once("lost", method="POST", path_part="/subscriptions")
    with pytest.raises(Exception, match="look before sending again"):
        subscribe(events_api, vault)
    subscribe(events_api, vault)
    assert (len(organization.subscriptions), len(vault)) == (1, 1)


def test_a_crash_repeats_the_same_key_of_the_call() -> None:
    """So that BILL takes two creates as one, even before it lists the first; tomorrow it is another wish."""
    once = once_key(NAME, URL, ["b", "a"], today=TODAY)
    assert UUID(once).version == 4
    assert once == once_key(NAME, URL, ["a", "b"], today=TODAY)
    assert once != once_key(NAME, URL, ["a"], today=TODAY)
    assert once != once_key(NAME, URL, ["a", "b"], today=date(2026, 11, 16))


def test_one_that_was_deleted_in_bill_is_made_anew_the_same_day(
    organization: BillSandbox, events_api: WebhookCalls, vault: Vault
) -> None:
    """The repeated key is answered with what is gone, so another one is used."""
    old = subscribe(events_api, vault)
    del organization.subscriptions[old]
    new = subscribe(events_api, vault)
    assert set(organization.subscriptions) == {new}
    assert vault[-1].get_secret_value() == organization.subscriptions[new].security_key


def test_an_address_of_before_is_given_up_and_others_are_left_alone(
    organization: BillSandbox, events_api: WebhookCalls, vault: Vault
) -> None:
    """Only ours, told by name."""
    other = stranger(organization, 1)
    old = subscribe(events_api, vault, url="https://old.acme.example/webhooks/acme")
    new = subscribe(events_api, vault)
    assert set(organization.subscriptions) == {other, new}
    assert old != new


def test_a_key_that_was_never_stored_is_exchanged(
    organization: BillSandbox, events_api: WebhookCalls, vault: Vault
) -> None:
    """The database was away in that moment; the key of the address before opens none of its events."""
    subscribe(events_api, vault, url="https://old.acme.example/webhooks/acme")

    def away(_: str, __: SecretStr) -> None:
        raise StorageError("database: it is locked")

    with pytest.raises(StorageError):
        ensure_subscription(events_api, NAME, URL, events=KINDS, key_of=vault.of, store=away, today=TODAY)
    id_ = subscribe(events_api, vault)
    assert vault[-1].get_secret_value() == organization.subscriptions[id_].security_key


def test_a_key_is_stored_before_anything_else_is_asked(
    organization: BillSandbox, events_api: WebhookCalls, vault: Vault
) -> None:
    """BILL shows it once, and the next call may fail."""
    organization.faults.once("status", method="GET", path_part="/subscriptions", after=1, status=200, body="<html>")
    with pytest.raises(TransientError):
        subscribe(events_api, vault)
    (there,) = organization.subscriptions.values()
    assert (vault.of, vault[-1].get_secret_value()) == (there.id, there.security_key)


def test_one_for_our_address_that_a_person_made_is_used(
    organization: BillSandbox, events_api: WebhookCalls, vault: Vault
) -> None:
    """A second one for it would be refused; its key is exchanged, and its name stays."""
    id_ = stranger(organization, 1)
    organization.subscriptions[id_].notification_url = URL
    assert subscribe(events_api, vault) == id_
    assert (organization.subscriptions[id_].name, len(vault)) == ("other 1", 1)


def test_of_two_of_ours_one_is_kept(organization: BillSandbox, events_api: WebhookCalls, vault: Vault) -> None:
    """Each event comes once."""
    id_ = subscribe(events_api, vault)
    organization.subscriptions["twin"] = replace(organization.subscriptions[id_], id="twin")
    subscribe(events_api, vault)
    assert set(organization.subscriptions) == {id_}


def test_an_eleventh_is_never_asked_for(organization: BillSandbox, events_api: WebhookCalls, vault: Vault) -> None:
    """A person decides which one goes; polls go on meanwhile."""
    for number in range(10):
        stranger(organization, number)
    with pytest.raises(ConfigurationError, match="10 are allowed"):
        subscribe(events_api, vault)
    assert organization.journal.writes()[1:] == []  # the login, and no create
