"""A client that sends bytes as they are and reads what comes back."""

import contextlib
import socket
import time
from dataclasses import dataclass

from framing import Sent

# An answer to a request that is whole comes sooner, or the server hangs.
HANG = 10.0
# How long to wait for an answer to bytes that may be half of a request …
PATIENCE = 0.06
# … and for a further one, where they may be two.
FURTHER = PATIENCE / 4


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """One connection, made anew when it ends."""

    def __init__(self, port: int):
        self.port, self.socket, self.rest, self.is_used = port, None, b"", False

    def send(self, sent: Sent) -> None:
        if sent.is_ragged:
            self.close()
        self.is_used = self.socket is not None
        if not self.is_used:
            self.socket, self.rest = socket.create_connection(("127.0.0.1", self.port), HANG), b""
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Refused before it was read to its end: an answer may be there all the same.
        with contextlib.suppress(OSError):
            self.socket.sendall(sent.data)

    def receive(self, sent: Sent) -> list[Answer]:
        """The answers; none when the connection was closed. `TimeoutError`: there should have been one."""
        answers = []
        while True:
            try:
                answers.append(self.answer(sent, is_first=not answers))
            except TimeoutError:
                if not sent.is_ragged:
                    raise
                break
            except (OSError, EOFError, ValueError):
                # `ValueError`: what comes back is not HTTP/1; some servers answer so to what looks like HTTP/0.9.
                self.close()
                if self.is_used and not answers:
                    # It was closed while nobody asked for anything.
                    self.send(sent)
                    continue
                break
            if not sent.is_ragged:
                break
        if sent.is_ragged or not answers or answers[-1].headers.get("connection", "").lower() == "close":
            self.close()
        return answers

    def answer(self, sent: Sent, is_first: bool) -> Answer:
        patience = HANG if not sent.is_ragged else PATIENCE if is_first else FURTHER
        until = time.monotonic() + patience
        status = 100
        while status < 200:
            head = self.until(b"\r\n\r\n", until)
            first, *lines = head.decode("latin-1").split("\r\n")
            pairs = (line.partition(":") for line in lines)
            headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
            status = int(first.partition(" ")[2][:3])
        if sent.data.startswith(b"HEAD "):
            body = b""
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.until(b"\r\n", until), 16):
                body += self.exactly(size + 2, until)[:-2]
            self.until(b"\r\n", until)
        else:
            body = self.exactly(int(headers.get("content-length", 0)), until)
        return Answer(status, headers, body)

    def until(self, mark: bytes, until: float) -> bytes:
        while mark not in self.rest:
            self.more(until)
        found, _, self.rest = self.rest.partition(mark)
        return found

    def exactly(self, size: int, until: float) -> bytes:
        while len(self.rest) < size:
            self.more(until)
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def more(self, until: float) -> None:
        self.socket.settimeout(max(until - time.monotonic(), 0.001))
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.rest += data

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = None
