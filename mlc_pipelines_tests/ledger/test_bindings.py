"""Bindings and reference data: what a connection knows of names, and which news releases a hold."""

from pathlib import Path

import pytest

from mlc_pipelines.ledger.bindings import Binding, bind
from mlc_pipelines.ledger.database import open_engine, upgrade, writing
from mlc_pipelines.ledger.leases import LEASE_SECONDS, LeaseLostError
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines_tests.databases import KINDS, address
from mlc_pipelines_tests.ledger.builders import FLOW, clock_of, hold, receive

KEY = "account:6990"


def bound(ledger: Ledger, entry: Entry, external_id: str, *, kind: str = "paper") -> None:
    with writing(ledger.engine) as connection:
        bind(connection, [(entry, external_id)], kind, ledger.clock.now())


def test_learning_counts_what_is_new_other_and_gone(books: Books) -> None:
    """The first list is all new; the same list again is no news; then only differences count."""
    dictionary = books.dictionary
    assert dictionary.learn("account", {"4010": "Bearings", "4020": "Oil"}) == 2
    assert dictionary.learn("account", {"4020": "Oil", "4010": "Bearings"}) == 0
    assert dictionary.learn("account", {"4010": "Ball bearings", "4030": "Paint"}) == 3
    assert dictionary.known("account") == {"4010": "Ball bearings", "4030": "Paint"}


def test_an_empty_list_forgets_all(books: Books) -> None:
    """What is not in the list is gone, also when the list is empty."""
    books.dictionary.learn("account", {"4010": "Bearings"})
    assert books.dictionary.learn("account", {}) == 1
    assert books.dictionary.known("account") == {}


def test_an_overtaken_worker_teaches_nothing(ledger: Ledger, books: Books) -> None:
    """Its list is older than what the other has learned since, and a word that was added to it would be gone."""
    dictionary = books.dictionary
    with ledger.leases.hold("acme"):
        mine = dictionary.known("order") | {"P1": "one"}
        clock_of(ledger).sleep(LEASE_SECONDS + 1)
        other = Ledger(ledger.engine, ledger.clock)
        ledger.leases.take("acme", "another:1:1")
        other.books("acme").dictionary.learn("order", {"P2": "two"})
        with pytest.raises(LeaseLostError, match="another worker took over"):
            dictionary.learn("order", mine)
        assert dictionary.known("order") == {"P2": "two"}
    assert dictionary.learn("order", {"P2": "two", "P1": "one"}) == 1


def test_kinds_and_connections_are_apart(ledger: Ledger, books: Books) -> None:
    """Learning one kind of one connection leaves all others alone."""
    other = ledger.books("globex").dictionary
    for dictionary, kind in ((books.dictionary, "account"), (books.dictionary, "entity"), (other, "account")):
        dictionary.learn(kind, {"1": kind})
    books.dictionary.learn("account", {})
    assert books.dictionary.known("entity") == {"1": "entity"}
    assert other.known("account") == {"1": "account"}


def released(books: Books) -> list[str]:
    return [entry.key for entry in books.entries.released(FLOW)]


def test_a_new_word_releases_those_that_waited_for_it(books: Books) -> None:
    """A hold is due again when its key was learned after it began; others stay."""
    waiting, other = receive(books, "A", "B")
    hold(books, waiting, key=KEY)
    hold(books, other, key="account:7000")
    assert released(books) == []
    books.dictionary.learn("account", {"6990": "Sundry"})
    assert released(books) == ["A"]


def test_a_word_that_was_known_before_releases_nothing(books: Books) -> None:
    """Learning the same list again keeps the time of each word, so no hold is tried in vain."""
    books.dictionary.learn("account", {"6990": "Sundry"})
    (waiting,) = receive(books, "A")
    hold(books, waiting, key=KEY)
    books.dictionary.learn("account", {"6990": "Sundry", "7000": "Other"})
    assert released(books) == []


def test_a_changed_word_releases(books: Books) -> None:
    """A word with another meaning is news."""
    books.dictionary.learn("account", {"6990": "Sundry"})
    (waiting,) = receive(books, "A")
    hold(books, waiting, key=KEY)
    books.dictionary.learn("account", {"6990": "Freight"})
    assert released(books) == ["A"]


def test_a_binding_releases_those_that_waited_for_its_record(ledger: Ledger, books: Books) -> None:
    """A bill held for its vendor is due once the vendor has arrived."""
    vendor, waiting = receive(books, "S-1001", "A")
    hold(books, waiting, key="vendor:S-1001")
    assert released(books) == []
    bound(ledger, vendor, "v-1", kind="vendor")
    assert released(books) == ["A"]


def test_a_hold_of_another_connection_stays(ledger: Ledger, books: Books) -> None:
    """What one tenant learns releases nothing of another."""
    (waiting,) = receive(books, "A")
    hold(books, waiting, key=KEY)
    ledger.books("globex").dictionary.learn("account", {"6990": "Sundry"})
    assert released(books) == []


def test_a_binding_is_found_from_every_side(ledger: Ledger, books: Books) -> None:
    """By key, by id in the target, and in lists; and by nothing else."""
    first, second = receive(books, "A", "B")
    bound(ledger, first, "t-1")
    bound(ledger, second, "t-2")
    expected = Binding("paper", "A", "t-1", None)
    assert books.dictionary.by_key("paper", "A") == books.dictionary.by_external_id("paper", "t-1") == expected
    assert books.dictionary.bound("paper") == {"A": "t-1", "B": "t-2"}
    assert books.dictionary.bound_among("paper", ["B", "C"]) == {"B": "t-2"}
    assert books.dictionary.by_reference("paper", "A") is None
    assert books.dictionary.by_key("voucher", "A") is None
    assert ledger.books("globex").dictionary.by_key("paper", "A") is None


def test_a_later_binding_takes_the_place_of_the_first(ledger: Ledger, books: Books) -> None:
    """One record has one id in the target: the newest."""
    (entry,) = receive(books, "A")
    bound(ledger, entry, "t-1")
    bound(ledger, entry, "t-2")
    assert books.dictionary.bound("paper") == {"A": "t-2"}
    assert books.dictionary.by_external_id("paper", "t-1") is None


@pytest.mark.parametrize("words", [{"4010": ""}, {"Ø^1": "ö"}, {"": "empty"}])
def test_words_are_kept_as_written(books: Books, words: dict[str, str]) -> None:
    """Keys and values are text of any kind."""
    assert books.dictionary.learn("account", words) == 1
    assert books.dictionary.known("account") == words


def test_a_hold_that_began_after_the_news_waits_for_the_next(ledger: Ledger, books: Books) -> None:
    """Only what is learned after the hold counts as news for it."""
    books.dictionary.learn("account", {"6990": "Sundry"})
    clock_of(ledger).sleep(60)
    (waiting,) = receive(books, "A")
    hold(books, waiting, key=KEY)
    assert released(books) == []


@pytest.mark.parametrize("kind", KINDS)
def test_words_that_no_database_keeps_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    """The others are learned, the log has how many were not, and looking for one finds nothing."""
    engine = open_engine(address(tmp_path, kind=kind))
    upgrade(engine)
    dictionary = Ledger(engine, SystemClock()).books("acme").dictionary
    words = {"4010": "Bearings", "\x00": "x", "\ud800": "x", "x" * 5000: "x", "4020": "a\x00b", "4030": "\udfff"}
    assert dictionary.learn("account", words) == 1
    assert dictionary.known("account") == {"4010": "Bearings"}
    (logged,) = [record for record in caplog.records if record.message == "words left out"]
    assert vars(logged)["number"] == 5
    for name in ("\x00", "\ud800", "x" * 5000):
        assert dictionary.by_key("paper", name) is None
        assert dictionary.by_reference("paper", name) is None
        assert dictionary.by_external_id("paper", name) is None
    engine.dispose()
