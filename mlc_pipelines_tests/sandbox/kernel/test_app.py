"""Faults on the wire, the journal and the control endpoints, over real HTTP."""

import httpx
import pytest

from mlc_pipelines_tests.sandbox.kernel.conftest import Counter


def test_a_reset_cuts_the_connection_before_anything_happens(counter: Counter, client: httpx.Client) -> None:
    """A reset is seen as a transport error and leaves nothing behind."""
    counter.faults.once("reset", method="POST", path_part="/things")
    with pytest.raises(httpx.TransportError):
        client.post("/things/a", content=b"one")
    assert counter.bodies == []
    assert client.post("/things/a", content=b"two").json() == {"bodies": 1}


def test_a_lost_answer_comes_after_the_commit(counter: Counter, client: httpx.Client) -> None:
    """With a lost answer the caller sees a cut connection although the server did the work."""
    counter.faults.once("lost", method="POST")
    with pytest.raises(httpx.TransportError):
        client.post("/things/a", content=b"one")
    assert counter.bodies == [b"one"]
    entry = counter.journal.writes()[-1]
    assert (entry.status, entry.effect, entry.fault) == (None, "took 1", "lost")


def test_a_504_may_hide_a_success(counter: Counter, client: httpx.Client) -> None:
    """lost_504 answers 504 after the work was done."""
    counter.faults.once("lost_504", method="POST")
    assert client.post("/things/a", content=b"one").status_code == 504
    assert counter.bodies == [b"one"]


def test_a_scripted_status_replaces_the_answer(counter: Counter, client: httpx.Client) -> None:
    """A scripted status carries its body and headers, and nothing happens."""
    counter.faults.once("status", status=429, body="slow down", headers={"Retry-After": "2"}, after=1)
    assert client.post("/things/a").status_code == 200
    answer = client.post("/things/a")
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (429, "slow down", "2")
    assert len(counter.bodies) == 1


def test_a_stalled_request_whose_caller_left_does_nothing(counter: Counter, client: httpx.Client) -> None:
    """When the caller gives up during a stall, the request has no effect; a patient caller gets the real answer."""
    counter.faults.once("stall", method="POST", seconds=0.4, times=2)
    with pytest.raises(httpx.ReadTimeout):
        client.post("/things/a", content=b"one", timeout=0.1)
    assert client.post("/things/a", content=b"two", timeout=5).json() == {"bodies": 1}
    assert counter.bodies == [b"two"]


def test_the_journal_keeps_order_and_hides_credentials(counter: Counter, client: httpx.Client) -> None:
    """Requests are written down in order, with decoded paths, without the authorization value."""
    client.get("/things/a%20b?x=1", headers={"Authorization": "Bearer very-secret"})
    client.post("/things/c", content=b"body")
    first, second = counter.journal.entries
    assert (first.seq, first.method, first.path, first.query, first.status) == (1, "GET", "/things/a b", "x=1", 200)
    assert first.headers["authorization"] == "present"
    assert (second.body, second.effect, second.in_flight) == (b"body", "took 1", 1)
    assert counter.journal.writes() == [second]


def test_control_shows_state_and_requests(counter: Counter, client: httpx.Client) -> None:
    """The control endpoints tell the state and the requests, and are not journaled themselves."""
    client.get("/things/a")
    client.post("/things/a", content=b"one")
    assert client.get("/_sandbox/state").json() == {"bodies": 1}
    shown = client.get("/_sandbox/requests").json()
    assert [entry["method"] for entry in shown] == ["GET", "POST"]
    assert client.get(f"/_sandbox/requests?since={shown[0]['seq']}").json() == shown[1:]
    assert client.get("/_sandbox/requests?writes=1").json()[0]["body"] == "one"


def test_control_scripts_faults_and_sets_profiles(counter: Counter, client: httpx.Client) -> None:
    """A profile and single faults can be set from outside; nonsense is refused."""
    assert client.post("/_sandbox/faults", json={"once": {"kind": "status", "status": 503}}).status_code == 200
    assert client.get("/things/a").status_code == 503
    assert client.post("/_sandbox/faults", json={"profile": "lossy"}).json() == {"profile": "lossy"}
    assert client.post("/_sandbox/faults", json={"profile": "rainy"}).status_code == 400
    assert client.post("/_sandbox/faults", json={"once": {"kind": "earthquake"}}).status_code == 400


def test_control_moves_the_clock(counter: Counter, client: httpx.Client) -> None:
    """Advancing the clock moves the sandbox's time."""
    before = counter.clock.now()
    client.post("/_sandbox/clock", json={"advance": 3600})
    assert 3600 <= (counter.clock.now() - before).total_seconds() < 3660


def test_control_lets_people_act(counter: Counter, client: httpx.Client) -> None:
    """People's actions take JSON arguments; what fails is said, and who is unknown is listed."""
    assert client.post("/_sandbox/people/say", json={"word": "hello"}).json() == {"result": "HELLO"}
    assert client.post("/_sandbox/people/say", json={"word": ""}).status_code == 400
    assert client.post("/_sandbox/people/say", json={"sentence": "x"}).status_code == 400
    unknown = client.post("/_sandbox/people/sing")
    assert (unknown.status_code, "say" in unknown.json()["error"]) == (404, True)


def test_control_brings_the_first_day_back(counter: Counter, client: httpx.Client) -> None:
    """A reset empties the journal and the simulator."""
    client.post("/things/a", content=b"one")
    client.post("/_sandbox/reset")
    assert (counter.bodies, counter.journal.entries) == ([], [])


def test_a_storm_lets_persistent_callers_through(counter: Counter, client: httpx.Client) -> None:
    """In a storm some requests fail in several ways, never more than twice in a row on one address."""
    counter.faults.profile = "storm"
    counter.faults.stall_seconds = 0.0
    seen = []
    for _ in range(300):
        try:
            seen.append(client.get("/things/a").status_code)
        except httpx.TransportError:
            seen.append(0)
    failures = [status != 200 for status in seen]
    assert 8 <= sum(failures) <= 50
    assert not any(all(failures[at : at + 3]) for at in range(len(failures)))
    assert {0, 429, 200} < set(seen)


def test_a_restarted_server_keeps_its_address(counter: Counter) -> None:
    """Stopping and starting again serves on the same port."""
    url = counter.server.url
    counter.server.stop()
    counter.server.stop()
    counter.server.start()
    assert counter.server.url == url
    assert httpx.get(f"{url}/things/a").status_code == 200


def test_a_taken_port_is_refused(counter: Counter) -> None:
    """A port in use is an error at start, not a server elsewhere."""
    other = Counter()
    other.server._port = counter.server._port
    with pytest.raises(OSError):
        other.server.start()
