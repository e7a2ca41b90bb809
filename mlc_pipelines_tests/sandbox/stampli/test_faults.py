"""What goes wrong: by order, by profile, and through the control endpoints."""

import httpx
import paramiko
import pytest

from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.sandbox.stampli.drop import ARCHIVE, INVOICES
from mlc_pipelines_tests.sandbox.stampli.caller import connected, fetched, logged_in

BROKEN = (OSError, EOFError, paramiko.SSHException)


def test_a_read_is_cut_once_so_much_was_given(stampli: StampliSandbox) -> None:
    """The connection is gone in mid-read; the second reader gets the whole file."""
    stampli.people.upload_file("big.csv", b"x" * 200_000)
    stampli.drop_mid_read(f"{INVOICES}/big.csv", 100_000)
    with logged_in(stampli) as sftp, pytest.raises(BROKEN):
        fetched(sftp, "big.csv")
    assert stampli.journal.of("READ")[-1].status is None
    with logged_in(stampli) as sftp:
        assert len(fetched(sftp, "big.csv")) == 200_000


def test_a_file_grows_while_it_is_read(stampli: StampliSandbox, sftp: paramiko.SFTPClient) -> None:
    """Bytes are added behind a reader who has begun."""
    stampli.people.upload_file("a.csv", b"x" * 10)
    stampli.grow_mid_read(f"{INVOICES}/a.csv", b"yy")
    assert sftp.stat(f"{INVOICES}/a.csv").st_size == 10
    assert fetched(sftp, "a.csv").startswith(b"x" * 10)
    assert sftp.stat(f"{INVOICES}/a.csv").st_size == 12


def test_a_full_server_turns_away(stampli: StampliSandbox) -> None:
    """Some connections end before a word is said, some logins hear that there are too many; then there is room."""
    stampli.refuse_connections(1)
    with pytest.raises(BROKEN), connected(stampli):
        pass
    stampli.refuse_logins(1)
    with connected(stampli) as line, pytest.raises(BROKEN):
        line.auth_password(stampli.username, stampli.password)
    with logged_in(stampli) as sftp:
        assert sftp.listdir(INVOICES)


def test_reads_may_give_less_than_asked(stampli: StampliSandbox, sftp: paramiko.SFTPClient) -> None:
    """A short answer is not the end of a file."""
    stampli.switches.longest_read = 1000
    stampli.people.upload_file("a.csv", b"0123456789" * 500)
    assert fetched(sftp, "a.csv") == b"0123456789" * 500


def test_a_scripted_fault_meets_its_operation(stampli: StampliSandbox, sftp: paramiko.SFTPClient) -> None:
    """The kernel's faults know SFTP operations by method and path."""
    stampli.faults.once("status", method="LIST", path_part=INVOICES)
    with pytest.raises(OSError, match="busy"):
        sftp.listdir(INVOICES)
    assert sftp.listdir(INVOICES)
    stampli.people.upload_file("a.csv", b"1")
    stampli.faults.once("lost", method="RENAME")
    with pytest.raises(BROKEN):
        sftp.rename(f"{INVOICES}/a.csv", f"{ARCHIVE}/a.csv")
    assert list(stampli.files(ARCHIVE)) == [f"{ARCHIVE}/a.csv"]
    assert stampli.journal.writes()[0].fault == "lost"


def test_a_storm_lets_the_patient_through(stampli: StampliSandbox) -> None:
    """Under `storm` operations fail now and then, and whoever comes again gets each file whole."""
    stampli.faults.stall_seconds = 0.01
    stampli.faults.profile = "storm"
    wanted = {path: stampli.drop.read(path) for path in stampli.files(INVOICES)}
    got: dict[str, bytes] = {}
    tries = 0
    while set(got) != set(wanted) or tries < 20:
        tries += 1
        assert tries < 60
        try:
            with logged_in(stampli) as sftp:
                for name in sftp.listdir(INVOICES):
                    got[f"{INVOICES}/{name}"] = fetched(sftp, name)
        except BROKEN:
            continue
    assert got == wanted
    assert {entry.fault for entry in stampli.journal.entries} >= {"reset", "status", None}


def test_lost_answers_are_to_changes_only(stampli: StampliSandbox) -> None:
    """Under `lossy` some renames are done and not answered; none is half done."""
    stampli.faults.profile = "lossy"
    for number in range(40):
        stampli.people.upload_file(f"f{number}.csv", b"1")
    for number in range(40):
        try:
            with logged_in(stampli) as sftp:
                sftp.rename(f"{INVOICES}/f{number}.csv", f"{ARCHIVE}/f{number}.csv")
        except BROKEN:
            continue
    lost = [entry for entry in stampli.journal.entries if entry.fault]
    assert lost
    assert {entry.method for entry in lost} == {"RENAME"}
    assert len(stampli.files(ARCHIVE)) == 40


def test_files_change_between_two_listings(stampli: StampliSandbox, sftp: paramiko.SFTPClient) -> None:
    """Under `contended` files are half written at times; in the end all is as it was exported."""
    before = {path: stampli.drop.read(path) for path in stampli.files(INVOICES)}
    stampli.faults.profile = "contended"
    seen = {(found.filename, found.st_size, found.st_mtime) for _ in range(60) for found in sftp.listdir_attr(INVOICES)}
    assert len({name for name, _, _ in seen}) == len(before)
    assert len(seen) > 2 * len(before)
    stampli.faults.profile = "calm"
    sftp.listdir(INVOICES)
    assert {path: stampli.drop.read(path) for path in stampli.files(INVOICES)} == before


def test_servers_restart_under_expiring(stampli: StampliSandbox) -> None:
    """Now and then every connection is cut; the next one works."""
    stampli.faults.profile = "expiring"
    cuts = 0
    for _ in range(12):
        try:
            with logged_in(stampli) as sftp:
                for _ in range(20):
                    sftp.listdir(INVOICES)
        except BROKEN:
            cuts += 1
    assert cuts > 0
    assert stampli.state()["restarts"] >= cuts


def test_the_control_endpoints_show_and_steer(
    stampli: StampliSandbox, control: httpx.Client, sftp: paramiko.SFTPClient
) -> None:
    """State, journal, faults, clock, people and reset over HTTP, as with the other simulators."""
    made = control.post("/people/receive_invoice", json={"amount": "19.99"}).json()["result"]
    (path,) = control.post("/people/export_invoices", json={"which": [made], "layout": "xml"}).json()["result"]
    assert path in control.get("/state").json()["files"]
    assert control.post("/people/edit", json={"invoice": made, "colour": "red"}).status_code == 400
    sent = {"name": "raw.csv", "base64": "AP8=", "mtime": 1_790_000_000}
    assert control.post("/people/upload_file", json=sent).status_code == 200
    assert fetched(sftp, "raw.csv") == b"\x00\xff"
    assert [entry["method"] for entry in control.get("/requests").json()][-3:-1] == ["OPEN", "READ"]
    control.post("/faults", json={"once": {"kind": "status", "method": "STAT"}})
    with pytest.raises(OSError, match="busy"):
        sftp.stat(path)
    control.post("/clock", json={"advance": 86400})
    assert stampli.drop.on_disk(control.post("/people/export_vendors").json()["result"]).exists()
    assert control.post("/people/swap_host_key").json()["result"] == stampli.fingerprint
    control.post("/reset")
    assert made not in stampli.invoices
    assert path not in stampli.files()
