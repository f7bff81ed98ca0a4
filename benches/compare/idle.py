"""Connections that are open and do nothing."""

import resource
import socket
from dataclasses import dataclass

import client
from peers import Peer

# Files that a process has open beside them.
OTHER_FILES = 512


@dataclass(frozen=True)
class Idle:
    """The connections, and what the peer's resident set grew by for each of them, in bytes."""

    connections: list[socket.socket]
    bytes_each: float

    @classmethod
    def beside(cls, peer: Peer, count: int) -> "Idle":
        """Opens them, each used once, since clients connect to ask something."""
        before = peer.process.resident_bytes()
        asked, connections = client.request(peer.tokens[0]), []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", peer.works["W1"]), timeout=client.PATIENCE)
            connections.append(connection)
            try:
                status, _ = client.exchange(connection, asked)
            except OSError as why:
                raise SystemExit(f"{peer.name} does not answer on connection {len(connections)}: {why}") from why
            if status != 200:
                raise SystemExit(f"{peer.name} answers {status} on connection {len(connections)}")
        return cls(connections, (peer.process.resident_bytes() - before) / count)

    def are_open(self) -> bool:
        """None was closed by the peer."""
        for connection in self.connections:
            connection.setblocking(False)
            try:
                connection.recv(1)
                return False
            except BlockingIOError:
                continue
        return True

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


def allow_files(connections: int) -> None:
    """So many for this process and for those that it starts."""
    needed = connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SystemExit(
            f"{connections} idle connections need {needed} open files, and {hard} are allowed: `ulimit -Hn {needed}` "
            f"as root, or --idle {max(hard - OTHER_FILES, 0)}"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
