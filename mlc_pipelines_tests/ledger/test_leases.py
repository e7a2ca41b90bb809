"""Leases: one worker a connection, and a worker that was overtaken writes nothing more."""

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from mlc_pipelines.errors import StorageError
from mlc_pipelines.ledger.database import reading
from mlc_pipelines.ledger.leases import LEASE_SECONDS, Lease, LeaseLostError, Leases, LeaseTakenError, worker_name
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.moves import Move
from mlc_pipelines.ledger.states import State
from mlc_pipelines.ledger.tables import leases
from mlc_pipelines_tests.ledger.builders import FLOW, clock_of, execute, newest, receive, record

NAME = "acme"
ELSEWHERE = "another-machine/4026531836:4711:99"


def worker_of(process: "subprocess.Popen[bytes]") -> str:
    """The name that this process would give itself."""
    machine = worker_name().rpartition(":")[0].rpartition(":")[0]
    with open(f"/proc/{process.pid}/stat") as stat:  # noqa: PTH123  # procfs
        return f"{machine}:{process.pid}:{stat.read().rpartition(')')[2].split()[19]}"


@pytest.fixture
def neighbour() -> "subprocess.Popen[bytes]":
    """A living process of this machine, waiting for a line on its standard input."""
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)


def test_the_first_worker_gets_it_and_the_second_is_told_who_has_it(ledger: Ledger) -> None:
    """The refusal names holder and time, and says what to do."""
    ledger.leases.take(NAME, ELSEWHERE)
    with pytest.raises(LeaseTakenError, match=rf"acme: {ELSEWHERE} is at work until 08:01:\d\d UTC; wait"):
        ledger.leases.take(NAME, worker_name())


def test_another_connection_is_another_lease(ledger: Ledger) -> None:
    """Two connections are worked at the same time."""
    assert ledger.leases.take("acme", ELSEWHERE).fence == ledger.leases.take("globex", ELSEWHERE).fence == 1


def test_one_worker_cannot_take_it_twice(ledger: Ledger) -> None:
    """Not even the holder itself gets a second lease while its first one runs."""
    ledger.leases.take(NAME, worker_name())
    with pytest.raises(LeaseTakenError):
        ledger.leases.take(NAME, worker_name())


def test_an_expired_lease_passes_on_with_a_higher_fence(ledger: Ledger) -> None:
    """A worker that stopped renewing is overtaken when its time is over, and not before."""
    ledger.leases.take(NAME, ELSEWHERE)
    clock_of(ledger).sleep(LEASE_SECONDS - 1)
    with pytest.raises(LeaseTakenError):
        ledger.leases.take(NAME, worker_name())
    clock_of(ledger).sleep(2)
    assert ledger.leases.take(NAME, worker_name()).fence == 2


def test_lost_leases_are_named_and_forgotten_one_by_one(ledger: Ledger) -> None:
    """Those of a kind that ended long ago; to forget one touches no other."""
    for name in ("run/1", "run/2", "running"):
        ledger.leases.take(name, ELSEWHERE)
    grace = timedelta(minutes=1)
    clock_of(ledger).sleep(LEASE_SECONDS + 59)
    assert ledger.leases.lost("run/", grace=grace) == []
    clock_of(ledger).sleep(2)
    assert sorted(ledger.leases.lost("run/", grace=grace)) == ["run/1", "run/2"]
    ledger.leases.forget("run/1")
    assert ledger.leases.lost("run/", grace=grace) == ["run/2"]
    assert ledger.leases.take("running", ELSEWHERE).fence == 2


def test_a_lease_of_a_clock_that_was_ahead_is_no_lease(ledger: Ledger) -> None:
    """Clocks may differ by ten minutes; one that ends later than that was taken in a future that is not to come."""
    clock_of(ledger).sleep(600)
    ledger.leases.take("acme", ELSEWHERE)
    clock_of(ledger).sleep(-600)
    with pytest.raises(LeaseTakenError):
        ledger.leases.take("acme", "me")
    clock_of(ledger).sleep(-1)
    assert ledger.leases.take("acme", "me").fence == 2


def test_renewing_keeps_it(ledger: Ledger) -> None:
    """Each renewal counts from its own moment."""
    lease = ledger.leases.take(NAME, ELSEWHERE)
    for _ in range(3):
        clock_of(ledger).sleep(LEASE_SECONDS - 1)
        ledger.leases.renew(lease)
    with pytest.raises(LeaseTakenError):
        ledger.leases.take(NAME, worker_name())


def test_it_ends_at_its_very_moment(ledger: Ledger) -> None:
    """And leases may last longer than is usual."""
    longer = Leases(ledger.engine, ledger.clock, seconds=600)
    longer.take(NAME, ELSEWHERE)
    clock = clock_of(ledger)
    end = clock.at + timedelta(seconds=600)
    clock.at = end - timedelta(microseconds=2)
    with pytest.raises(LeaseTakenError):
        ledger.leases.take(NAME, worker_name())
    clock.at = end
    lease = ledger.leases.take(NAME, worker_name())
    longer.renew(lease)
    clock.sleep(599)
    with pytest.raises(LeaseTakenError):
        ledger.leases.take(NAME, ELSEWHERE)


def test_a_ledger_gives_leases_as_long_as_it_is_told(ledger: Ledger) -> None:
    """Whoever polls every few seconds wants to go on after a crash as soon."""
    Ledger(ledger.engine, ledger.clock, lease_seconds=5).leases.take(NAME, ELSEWHERE)
    clock_of(ledger).sleep(5)
    assert ledger.leases.take(NAME, worker_name()).fence == 2


def ends_at(ledger: Ledger) -> object:
    with reading(ledger.engine) as connection:
        return connection.execute(select(leases.c.expires_at).where(leases.c.name == NAME)).scalar()


def test_before_a_call_it_is_seen_and_not_renewed(ledger: Ledger) -> None:
    """A look, no write; only one that had ended is taken up again, and one that is gone is lost."""
    ledger.leases.take("globex", ELSEWHERE)
    lease = ledger.leases.take(NAME, ELSEWHERE)
    end = ends_at(ledger)
    ledger.leases.assure(lease)
    assert ends_at(ledger) == end
    clock_of(ledger).sleep(LEASE_SECONDS)
    ledger.leases.assure(lease)
    assert ends_at(ledger) == clock_of(ledger).at + timedelta(seconds=LEASE_SECONDS)
    execute(ledger, "UPDATE leases SET fence = 2 WHERE name = 'acme'")
    with pytest.raises(LeaseLostError, match="acme: another worker took over; this one stops"):
        ledger.leases.assure(lease)
    execute(ledger, "DELETE FROM leases WHERE name = 'acme'")
    with pytest.raises(LeaseLostError):
        ledger.leases.assure(lease)


def test_an_overtaken_worker_cannot_renew(ledger: Ledger) -> None:
    """Who comes back after its time learns that another has taken over."""
    lost = ledger.leases.take(NAME, ELSEWHERE)
    clock_of(ledger).sleep(LEASE_SECONDS + 1)
    ledger.leases.take(NAME, worker_name())
    with pytest.raises(LeaseLostError, match="another worker took over"):
        ledger.leases.renew(lost)


def test_giving_back_frees_it_at_once(ledger: Ledger) -> None:
    """The next worker does not wait for the time to run out."""
    ledger.leases.give_back(ledger.leases.take(NAME, ELSEWHERE))
    assert ledger.leases.take(NAME, worker_name()).fence == 2


def test_giving_back_what_another_has_changes_nothing(ledger: Ledger) -> None:
    """An overtaken worker cannot end its successor's lease."""
    lost = ledger.leases.take(NAME, ELSEWHERE)
    clock_of(ledger).sleep(LEASE_SECONDS + 1)
    ledger.leases.take(NAME, ELSEWHERE)
    ledger.leases.give_back(lost)
    with pytest.raises(LeaseTakenError):
        ledger.leases.take(NAME, worker_name())


def test_a_worker_that_died_on_this_machine_is_followed_at_once(
    ledger: Ledger, neighbour: "subprocess.Popen[bytes]"
) -> None:
    """A killed run does not keep its connection waiting for a minute; a living one keeps it."""
    ledger.leases.take(NAME, worker_of(neighbour))
    with pytest.raises(LeaseTakenError):
        ledger.leases.take(NAME, worker_name())
    neighbour.kill()
    neighbour.communicate()
    assert ledger.leases.take(NAME, worker_name()).fence == 2


def test_a_number_used_again_by_another_process_is_not_the_same_worker(
    ledger: Ledger, neighbour: "subprocess.Popen[bytes]"
) -> None:
    """Process numbers come around; the moment of the start tells workers apart."""
    ledger.leases.take(NAME, f"{worker_of(neighbour).rpartition(':')[0]}:1")
    assert ledger.leases.take(NAME, worker_name()).fence == 2
    neighbour.communicate(b"\n")


def test_a_worker_that_was_killed_and_not_yet_buried_is_dead(
    ledger: Ledger, neighbour: "subprocess.Popen[bytes]"
) -> None:
    """Its parent has not asked how it ended: it is in the list of processes, and works no more."""
    ledger.leases.take(NAME, worker_of(neighbour))
    neighbour.kill()
    os.waitid(os.P_PID, neighbour.pid, os.WEXITED | os.WNOWAIT)
    assert ledger.leases.take(NAME, worker_name()).fence == 2
    neighbour.communicate()


@pytest.mark.parametrize(
    "holder",
    [ELSEWHERE, "one-machine", f"{worker_name().rpartition(':')[0]}x:1"],
    ids=["elsewhere", "one word", "no process number"],
)
def test_a_worker_we_cannot_see_keeps_it(ledger: Ledger, holder: str) -> None:
    """Of a worker on another machine, or of an unreadable name, only time tells that it is gone."""
    ledger.leases.take(NAME, holder)
    with pytest.raises(LeaseTakenError):
        ledger.leases.take(NAME, worker_name())


def test_a_worker_names_itself_and_only_itself() -> None:
    """The name holds this process's number and is the same at every look."""
    assert worker_name() == worker_name()
    assert worker_name().split(":")[-2] == str(os.getpid())


def test_without_procfs_only_time_tells(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another kind of system: a worker is named by its machine, and never taken for dead."""
    monkeypatch.setattr("mlc_pipelines.ledger.leases._PROC", tmp_path / "none")  # no such system is at hand
    name = f"{os.uname().nodename}:{os.getpid()}:None"
    assert worker_name() == name
    ledger.leases.take(NAME, f"{os.uname().nodename}:999999999:1")
    with pytest.raises(LeaseTakenError):
        ledger.leases.take(NAME, name)


def test_a_container_has_a_name_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines are told apart by boot, containers by their space of process numbers, processes by their start."""
    proc = tmp_path / "proc"
    for folder in ("sys/kernel/random", "self/ns", str(os.getpid())):
        (proc / folder).mkdir(parents=True)
    (proc / "sys/kernel/random/boot_id").write_text("boot-1\n")
    monkeypatch.setattr("mlc_pipelines.ledger.leases._PROC", proc)  # no other container is at hand
    assert worker_name() == f"{os.uname().nodename}:{os.getpid()}:None"
    (proc / "self/ns/pid").touch()
    machine = f"boot-1/{(proc / 'self/ns/pid').stat().st_ino}"
    stat = proc / str(os.getpid()) / "stat"
    for text, started in (
        ("1 (a) b) S " + " ".join(map(str, range(4, 53))), "22"),  # the 22nd field, behind a name of any form
        ("1 (a) S 4 5", "None"),
    ):
        stat.write_text(text)
        assert worker_name() == f"{machine}:{os.getpid()}:{started}"


def test_of_many_threads_one_gets_it(ledger: Ledger) -> None:
    """However many ask at the same moment, one works and the others are told to wait."""
    ready = threading.Barrier(6)
    got: list[Lease] = []
    told: list[str] = []

    def ask() -> None:
        ready.wait()
        try:
            got.append(ledger.leases.take(NAME, ELSEWHERE))
        except LeaseTakenError as error:
            told.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(told)) == (1, 5)


def test_a_block_holds_it_and_gives_it_back(ledger: Ledger) -> None:
    """Inside the block nobody else gets in; after it, also when it ended in an error, anybody does."""

    def work_and_fail() -> None:
        with ledger.leases.hold(NAME) as lease:
            assert lease.fence == 1
            ledger.leases.take(NAME, ELSEWHERE)

    with pytest.raises(LeaseTakenError):
        work_and_fail()
    assert ledger.leases.take(NAME, ELSEWHERE).fence == 2


@pytest.fixture
def short(ledger: Ledger) -> Leases:
    """Leases of the same ledger that last a moment, so that they are renewed every tenth of a second."""
    return Leases(ledger.engine, ledger.clock, seconds=0.3)


def test_a_long_call_keeps_its_lease(short: Leases) -> None:
    """A thread of its own renews the lease while the block is busy elsewhere."""
    renewed = threading.Event()
    renew = short.renew

    def noticed(lease: Lease) -> None:
        renew(lease)
        renewed.set()

    short.renew = noticed  # type: ignore[method-assign]  # to wait for the thread instead of for time
    with short.hold(NAME):
        assert renewed.wait(10)


def test_a_lease_is_renewed_before_it_ends(ledger: Ledger) -> None:
    """Twice over, so that one renewal may fail."""
    lasting = Leases(ledger.engine, ledger.clock, seconds=4)
    renewed = threading.Event()
    lasting.renew = lambda lease: renewed.set()  # type: ignore[method-assign]  # as above
    with lasting.hold(NAME):
        assert renewed.wait(3.5)


def test_the_renewing_thread_goes_on_when_the_database_is_away_for_a_while(short: Leases) -> None:
    """A renewal that cannot be written is tried again; the block is not given up for it."""
    tried = threading.Semaphore(0)
    renew = short.renew

    def refused(lease: Lease) -> None:
        tried.release()
        if len(refusals) < 2:
            refusals.append(lease)
            raise StorageError("database: away")
        renew(lease)

    refusals: list[Lease] = []
    short.renew = refused  # type: ignore[method-assign]  # a database that is away for two renewals
    with short.hold(NAME):
        assert all(tried.acquire(timeout=10) for _ in range(3))


def test_the_renewing_thread_ends_quietly_when_overtaken(ledger: Ledger, short: Leases) -> None:
    """Losing the lease is no crash in a thread; the block's own next write is refused."""
    with short.hold(NAME):
        clock_of(ledger).sleep(1)
        successor = short.take(NAME, ELSEWHERE)
        (keeper,) = [thread for thread in threading.enumerate() if thread.name == f"lease {NAME}"]
        keeper.join(10)
        assert not keeper.is_alive()
    short.renew(successor)


def test_the_guard_lets_the_holder_write_while_its_lease_lasts(ledger: Ledger) -> None:
    """A lease of which little is left, or nothing, is taken up again first, unless another has it."""
    with ledger.leases.hold(NAME) as lease:
        for asleep in (0, LEASE_SECONDS * 0.6, LEASE_SECONDS + 1):
            clock_of(ledger).sleep(asleep)
            with ledger.leases.guard(NAME):
                clock_of(ledger).sleep(LEASE_SECONDS * 0.45)
                with pytest.raises(LeaseTakenError):
                    ledger.leases.take(NAME, ELSEWHERE)
        clock_of(ledger).sleep(LEASE_SECONDS + 1)
        assert ledger.leases.take(NAME, ELSEWHERE).fence == lease.fence + 1
        with pytest.raises(LeaseLostError), ledger.leases.guard(NAME):
            pytest.fail("the write went out")


def test_the_guard_is_for_the_lease_of_its_name_and_for_as_long_as_it_is_held(ledger: Ledger) -> None:
    """Another connection's lost lease stops nobody here, and neither does one that was given back."""
    with ledger.leases.hold(NAME):
        clock_of(ledger).sleep(LEASE_SECONDS + 1)
        ledger.leases.take(NAME, ELSEWHERE)
        with ledger.leases.guard("globex"):
            pass
    with ledger.leases.guard(NAME):
        pass


HOLDING = """
import sys, time
from mlc_pipelines.ledger.handle import held_until
with held_until(time.monotonic() + float(sys.argv[1])):
    print("leaving", flush=True)
    time.sleep(float(sys.argv[2]))
print("left", flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the timer is Linux's")
def test_a_worker_stopped_with_a_write_in_its_hand_does_not_wake_up() -> None:
    """When the time is over the kernel ends it, though it is stopped; one that has left in time goes on."""
    command = [sys.executable, "-c", HOLDING]
    stopped = subprocess.Popen([*command, "0.5", "60"], stdout=subprocess.PIPE)
    quick = subprocess.Popen([*command, "1", "0"], stdout=subprocess.PIPE)
    assert stopped.stdout is not None
    assert stopped.stdout.readline() == b"leaving\n"
    stopped.send_signal(signal.SIGSTOP)
    assert stopped.wait(30) == -signal.SIGKILL
    assert stopped.communicate()[0] == b""
    assert quick.communicate(timeout=30)[0] == b"leaving\nleft\n"
    assert quick.returncode == 0


def test_an_overtaken_worker_writes_nothing(ledger: Ledger, books: Books) -> None:
    """Moves, intents and newer versions are refused by the fence, and nothing of them stays."""
    (entry,) = receive(books, "A")
    lost = ledger.leases.take(NAME, ELSEWHERE)
    clock_of(ledger).sleep(LEASE_SECONDS + 1)
    ledger.leases.take(NAME, worker_name())
    with pytest.raises(LeaseLostError):
        books.entries.move([Move(entry, State.TRANSLATED, "translated")], lost)
    with pytest.raises(LeaseLostError):
        books.entries.receive(FLOW, [record("A", content=b"other")], lost)
    assert newest(books, "A") == entry
    assert list(ledger.audit.verify()) == []


def test_two_who_move_the_same_entry_do_not_both_move_it(books: Books) -> None:
    """Even without a lease the chain lets only the first of two movers through."""
    (entry,) = receive(books, "A")
    books.entries.move([Move(entry, State.TRANSLATED, "translated")], None)
    with pytest.raises(LeaseLostError, match="moved by another worker"):
        books.entries.move([Move(entry, State.IGNORED, "ignored")], None)
    assert newest(books, "A").state is State.TRANSLATED
