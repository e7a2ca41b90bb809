"""The inbox: each webhook event is stored once and waits until a run has taken it up."""

import threading

from mlc_pipelines.ledger.inbox import Inbox
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines_tests.ledger.builders import clock_of, execute


def store(inbox: Inbox, event_id: str, *, connection: str = "acme", flow: str | None = "payments") -> bool:
    return inbox.store(
        connection,
        event_id=event_id,
        event_type="bills.paid",
        flow=flow,
        object_id=f"bill-{event_id}",
        body=b'{"id":"1"}',
    )


def test_an_event_is_stored_once(ledger: Ledger) -> None:
    """The second delivery of the same event is known, also after the first was taken up."""
    assert store(ledger.inbox, "e1") is True
    assert store(ledger.inbox, "e1") is False
    ledger.inbox.finish(ledger.inbox.pending("acme", "payments"))
    assert store(ledger.inbox, "e1") is False
    assert ledger.inbox.pending("acme", "payments") == []


def test_the_same_id_of_another_connection_is_another_event(ledger: Ledger) -> None:
    """Ids are the sender's; two tenants may have the same one."""
    assert store(ledger.inbox, "e1")
    assert store(ledger.inbox, "e1", connection="globex")
    assert len(ledger.inbox.pending("acme", "payments")) == len(ledger.inbox.pending("globex", "payments")) == 1


def test_of_many_deliveries_at_once_one_is_stored(ledger: Ledger) -> None:
    """Retries that overlap are one event."""
    ready = threading.Barrier(5)
    answers: list[bool] = []

    def deliver() -> None:
        ready.wait()
        answers.append(store(ledger.inbox, "e1"))

    threads = [threading.Thread(target=deliver) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False, False, False, False, True]
    assert len(ledger.inbox.pending("acme", "payments")) == 1


def test_events_wait_in_order_for_their_own_flow(ledger: Ledger) -> None:
    """A flow sees its own events, oldest first, with what they told of."""
    for event_id, flow in (("e1", "payments"), ("e2", "vouchers"), ("e3", "payments")):
        store(ledger.inbox, event_id, flow=flow)
    letters = ledger.inbox.pending("acme", "payments")
    assert [(letter.event_id, letter.event_type, letter.object_id) for letter in letters] == [
        ("e1", "bills.paid", "bill-e1"),
        ("e3", "bills.paid", "bill-e3"),
    ]


def test_what_is_taken_up_waits_no_longer(ledger: Ledger) -> None:
    """Only the letters that were finished are; one that came meanwhile still waits."""
    store(ledger.inbox, "e1")
    taken = ledger.inbox.pending("acme", "payments")
    store(ledger.inbox, "e2")
    ledger.inbox.finish(taken)
    ledger.inbox.finish([])
    assert [letter.event_id for letter in ledger.inbox.pending("acme", "payments")] == ["e2"]


def test_an_event_for_no_flow_is_kept_and_waits_for_nobody(ledger: Ledger) -> None:
    """An unknown type is stored as proof, once, and rings no bell."""
    assert store(ledger.inbox, "e1", flow=None)
    assert store(ledger.inbox, "e1", flow=None) is False
    assert ledger.inbox.waiting() == []


def test_the_bell_knows_how_many_wait_and_for_how_long(ledger: Ledger) -> None:
    """Waiting events are counted by connection and flow, with the newest id and the time of the oldest."""
    before = clock_of(ledger).now()
    for event_id in ("e1", "e2"):
        store(ledger.inbox, event_id)
        clock_of(ledger).sleep(60)
    store(ledger.inbox, "e3", connection="globex")
    first, second = sorted(ledger.inbox.waiting(), key=lambda waiting: waiting.connection)
    assert (first.connection, first.flow, first.count) == ("acme", "payments", 2)
    assert first.newest == ledger.inbox.pending("acme", "payments")[-1].id
    assert 0 < (first.oldest_at - before).total_seconds() < 1
    assert (second.connection, second.count) == ("globex", 1)


def test_an_event_outlives_the_process(ledger: Ledger) -> None:
    """When `store` has said yes the event is on disk: another reader of the file sees it."""
    store(ledger.inbox, "e1")
    execute(ledger, "UPDATE inbox SET object_id = 'seen' WHERE event_id = 'e1'")
    assert ledger.inbox.pending("acme", "payments")[0].object_id == "seen"
