"""The SSH side: one server in a thread, its host key, and who may log in."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

import asyncssh
from asyncssh.channel import SSHChannel
from asyncssh.constants import DISC_TOO_MANY_CONNECTIONS, OPEN_RESOURCE_SHORTAGE
from asyncssh.stream import SSHServerStreamSession

from mlc_pipelines.sandbox.kernel.faults import Fault
from mlc_pipelines.sandbox.kernel.journal import JournalEntry
from mlc_pipelines.sandbox.stampli.house import House, cut, login_fault
from mlc_pipelines.sandbox.stampli.operations import LOGIN, operation
from mlc_pipelines.sandbox.stampli.sftp_server import DropServer

START_SECONDS = 15.0
ANSWER_SECONDS = 15.0
REFUSED = 1
T = TypeVar("T")


class Doorkeeper:
    """Who may log in, and how many connections are turned away before that."""

    def __init__(self, username: str, *, password: str, client_key: asyncssh.SSHKey) -> None:
        self.username = username
        self.password = password
        self.client_key = client_key
        self.full = 0  # so many connections are closed before a word is said
        self.busy = 0  # so many logins are told that there are too many connections


class Visit(asyncssh.SSHServer):
    """One connection, from its first byte to login."""

    def __init__(self, house: House, doorkeeper: Doorkeeper) -> None:
        self._house = house
        self._doorkeeper = doorkeeper
        self._entry: JournalEntry | None = None
        self._fault: Fault | None = None
        self._sessions = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Write it down; a full house closes the door."""
        self._conn = conn
        self._house.connections.add(conn)
        self._entry = self._open()
        full = self._doorkeeper.full > 0
        self._doorkeeper.full -= 1 if full else 0
        self._fault = Fault("reset") if full else login_fault(self._house)
        if self._fault is not None:
            self._entry.fault = self._fault.kind
            if self._fault.kind == "reset":
                cut(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._house.connections.discard(self._conn)
        self._close(None)

    def _open(self) -> JournalEntry:
        return self._house.journal.open(operation(LOGIN, "/"), body=b"", at=self._house.drop.clock.now())

    def _close(self, status: int | None, *said: str) -> None:
        entry, self._entry = self._entry, None
        if entry is not None:
            self._house.journal.close(entry, status=status, effects=list(said))

    async def begin_auth(self, username: str) -> bool:
        """Ask everybody for a proof; a busy server hangs up here."""
        fault, self._fault = self._fault, None
        busy = self._doorkeeper.busy > 0
        self._doorkeeper.busy -= 1 if busy else 0
        if fault is not None and fault.kind == "stall":
            await asyncio.sleep(fault.seconds)
        elif busy or fault is not None:
            self._conn.disconnect(DISC_TOO_MANY_CONNECTIONS, "Too many connections")
        return True

    def password_auth_supported(self) -> bool:
        """Tell whether passwords are taken."""
        return self._house.switches.password_login

    def validate_password(self, username: str, password: str) -> bool:
        """Compare."""
        keeper = self._doorkeeper
        return self._checked(username == keeper.username and password == keeper.password, "password")

    def public_key_auth_supported(self) -> bool:
        """Tell whether keys are taken."""
        return self._house.switches.key_login

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Compare."""
        keeper = self._doorkeeper
        known = key.public_data == keeper.client_key.public_data
        return self._checked(username == keeper.username and known, "key")

    def _checked(self, right: bool, proof: str) -> bool:
        # before the caller learns anything: whoever has an answer finds it in the journal
        if right:
            self._close(0)
        else:
            self._entry = self._entry or self._open()
            self._close(REFUSED, f"refused {proof}")
        return right

    def session_requested(self) -> Any:
        """Open a channel, as many as the server allows."""
        if self._sessions >= self._house.switches.max_sessions:
            raise asyncssh.ChannelOpenError(OPEN_RESOURCE_SHORTAGE, "No more sessions")
        self._sessions += 1
        visit = self

        class Counted(SSHServerStreamSession[bytes]):
            def connection_lost(self, exc: Exception | None) -> None:
                visit._sessions -= 1
                super().connection_lost(exc)

        def sftp(channel: SSHChannel[bytes]) -> DropServer:
            return DropServer(cast("asyncssh.SSHServerChannel[bytes]", channel), self._house)

        return Counted(None, sftp, 3)


class SshServer:
    """The server; a restart keeps port and host key."""

    def __init__(self, visit: Callable[[], Visit], *, house: House, port: int, host_key: asyncssh.SSHKey) -> None:
        self.port = port
        self.host_key = host_key
        self._visit = visit
        self._house = house
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._ready = threading.Event()

    def start(self) -> None:
        """Return when connections are accepted; `port` is known then."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self.port))
        except OSError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of clients that hang up first
        self._ready.clear()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listener)), daemon=True, name="sandbox-sftp"
        )
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            listener.close()
            raise RuntimeError(f"SFTP server on port {self.port} did not start in {START_SECONDS:.0f} s")

    def stop(self) -> None:
        """Cut all connections and wait for the thread."""
        if self._thread is None or self._loop is None or self._stopped is None:
            return
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(timeout=START_SECONDS)
        self._thread = self._loop = self._stopped = None

    def use_host_key(self, key: asyncssh.SSHKey) -> None:
        """Show another host key to everybody who connects from now on."""
        self.host_key = key
        if self._acceptor is not None:
            self.call(self._update(key))

    def cut_all(self) -> None:
        """Cut every connection."""
        if self._loop is not None:
            self.call(self._cut_all())

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the server's loop and wait for it."""
        if self._loop is None:
            work.close()
            raise RuntimeError("the SFTP server is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_SECONDS)

    async def _update(self, key: asyncssh.SSHKey) -> None:
        if self._acceptor is not None:
            self._acceptor.update(server_host_keys=[key])

    async def _cut_all(self) -> None:
        self._house.cut_all()

    async def _serve(self, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._acceptor = await asyncssh.listen(
            sock=listener,
            server_factory=self._visit,
            server_host_keys=[self.host_key],
            config=[],
            gss_host=None,
            encoding=None,
            login_timeout=10,
        )
        self._ready.set()
        await self._stopped.wait()
        self._acceptor.close()
        self._house.cut_all()
        await asyncio.gather(*(connection.wait_closed() for connection in list(self._house.connections)))
        await self._acceptor.wait_closed()
        self._acceptor = None
