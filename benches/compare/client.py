"""A client for single requests. What is measured is asked by wrk and h2load."""

import socket
import time

from exchange import BODY, PATH

# Seconds for an answer: a proxy that shares its CPU with other work may be slow.
PATIENCE = 30


def request(token: str | None = None, headers: dict[str, str] | None = None, body: bytes = BODY) -> bytes:
    """The bytes of a POST."""
    fields = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body))}
    fields |= headers or {}
    if token:
        fields["Authorization"] = f"Bearer {token}"
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body


def exchange(connection: socket.socket, asked: bytes) -> tuple[int, bytes]:
    """Status and body of the answer, which says its length."""
    connection.sendall(asked)
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields.get(b"content-length", 0)):
        body += _more(connection)
    return int(head.split()[1]), body


def ask(port: int, asked: bytes) -> tuple[int, bytes]:
    """The same on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        return exchange(connection, asked)


def ask_patiently(port: int, asked: bytes) -> tuple[int, bytes]:
    """The same; waits until somebody listens there."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return ask(port, asked)
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise ConnectionError("the connection ended within the answer")
    return data
