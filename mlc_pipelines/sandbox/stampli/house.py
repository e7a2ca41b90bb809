"""What all connections of the SFTP server share, and how one of them is cut."""

import socket
import struct
from typing import BinaryIO

import asyncssh

from mlc_pipelines.sandbox.kernel.faults import Fault, Faults
from mlc_pipelines.sandbox.stampli.drop import Drop, MidRead
from mlc_pipelines.sandbox.stampli.operations import LOGIN, SftpJournal, operation
from mlc_pipelines.sandbox.stampli.switches import Switches
from mlc_pipelines.sandbox.stampli.weather import Weather


class House:
    """What all connections share."""

    def __init__(self, drop: Drop, *, faults: Faults, journal: SftpJournal, switches: Switches, seed: int) -> None:
        self.drop = drop
        self.faults = faults
        self.journal = journal
        self.switches = switches
        self.weather = Weather(drop, faults=faults, seed=seed)
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self.open_files = 0
        self.most_open_files = 0
        self.restarts = 0

    def opened(self, step: int) -> None:
        """Count files that are open at the same moment."""
        self.open_files += step
        self.most_open_files = max(self.most_open_files, self.open_files)

    def cut_all(self) -> None:
        """Cut every connection, as a server does that restarts; runs in the server's loop."""
        for connection in list(self.connections):
            cut(connection)


def cut(connection: asyncssh.SSHServerConnection) -> None:
    """Cut one connection with a TCP reset."""
    found = connection.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.abort()


class Opened:
    """An open file, and the trick that is prepared for it."""

    def __init__(self, file: BinaryIO, path: str, *, trick: MidRead | None) -> None:
        self.file = file
        self.path = path
        self.trick = trick
        self.given = 0

    def due(self) -> MidRead | None:
        """Take the trick once enough was given."""
        if self.trick is None or self.given < self.trick.after_bytes:
            return None
        trick, self.trick = self.trick, None
        return trick


def login_fault(house: House) -> Fault | None:
    """Decide what a new connection meets."""
    return house.faults.before(operation(LOGIN, "/"))
