"""Two drop servers behind one face: the simulator, and OpenSSH's own sshd as a program on loopback."""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.sftp import Sftp, open_sftp
from mlc_pipelines_tests.wire.sftp_opening import drop_folder

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
WHY_NOT = "sshd is not installed here (Debian's package openssh-server)"
START_SECONDS = 20
# Keys only: a password would be compared with the machine's own, through PAM or the shadow file.
CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_ed25519
HostKey {folder}/host_ecdsa
AuthorizedKeysFile {folder}/client.pub
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
LogLevel VERBOSE
MaxSessions {sessions}
Subsystem sftp internal-sftp {flags}
"""


@dataclass(frozen=True)
class Server:
    """What a client must know of a server, and where its folders lie on this machine's disk."""

    port: int
    username: str
    host_keys: tuple[str, ...]
    client_key: str
    root: Path  # on the disk
    prefix: str  # what the client writes for it

    @property
    def invoices(self) -> str:
        """The drop folder as the client names it."""
        return f"{self.prefix}/outbound/invoices"

    @property
    def archive(self) -> str:
        """The folder for finished files."""
        return f"{self.prefix}/outbound/archive"

    def on_disk(self, path: str) -> Path:
        """Give the place of a remote path."""
        return self.root / path.removeprefix(self.prefix).lstrip("/")

    def put(self, name: str, content: bytes, *, mtime: int | None = None) -> str:
        """Lay a file into the drop folder; return its remote path."""
        path = f"{self.invoices}/{name}"
        self.on_disk(path).write_bytes(content)
        if mtime is not None:
            os.utime(self.on_disk(path), (mtime, mtime))
        return path

    def empty(self) -> None:
        """Begin with empty folders."""
        for folder in (self.invoices, self.archive):
            shutil.rmtree(self.on_disk(folder), ignore_errors=True)
            self.on_disk(folder).mkdir(parents=True)

    def opened(self, clock: Clock, **changes: Any) -> Sftp:
        """Log in with the key; `changes` replace arguments."""
        usual: dict[str, Any] = {
            "port": self.port,
            "username": self.username,
            "host_keys": self.host_keys,
            "private_key": SecretStr(self.client_key),
            "connect_seconds": 10,
            "login_seconds": 10,
            "operation_seconds": 10,
            "clock": clock,
        }
        return open_sftp("acme stampli", "127.0.0.1", **(usual | changes))


@dataclass(frozen=True)
class OpenSsh(Server):
    """A running sshd."""

    pid: int = 0

    def cut_all(self) -> None:
        """Kill the processes that serve connections, as an operator does; the one that listens stays."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        for child in children.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)


@contextlib.contextmanager
def simulator() -> Iterator[Server]:
    """Run the simulator."""
    with drop_folder() as sandbox:
        yield _simulated(sandbox)


def _simulated(sandbox: StampliSandbox) -> Server:
    keys = (sandbox.host_key,)
    return Server(sandbox.port, sandbox.username, keys, sandbox.client_key, root=sandbox.drop.root, prefix="")


@contextlib.contextmanager
def openssh(folder: Path, *, sessions: int = 10, read_only: bool = False) -> Iterator[OpenSsh]:
    """Run sshd as this user in the foreground, with keys, configuration and drop folders of its own."""
    for name, kind in (("host_ed25519", "ed25519"), ("host_ecdsa", "ecdsa"), ("client", "ed25519")):
        _run("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(folder / name))
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    flags = "-R" if read_only else ""
    config = folder / "sshd_config"
    config.write_text(CONFIG.format(port=port, folder=folder, sessions=sessions, flags=flags))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it locks up its unprivileged part
    keys = tuple((folder / f"{name}.pub").read_text().strip() for name in ("host_ed25519", "host_ecdsa"))
    command = [str(SSHD), "-D", "-f", str(config), "-E", str(folder / "log")]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as program:
        root = folder / "drop"
        client_key = (folder / "client").read_text()
        server = OpenSsh(port, getpass.getuser(), keys, client_key, root=root, prefix=str(root), pid=program.pid)
        server.empty()
        try:
            _wait_for(program, port, folder / "log")
            yield server
        finally:
            server.cut_all()
            program.terminate()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def _wait_for(program: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if program.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"sshd does not answer: {log.read_text() if log.exists() else 'it wrote no log'}")
        threading.Event().wait(0.02)
