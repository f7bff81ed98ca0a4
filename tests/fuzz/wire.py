"""Requests as bytes, and a client that sends bytes and reads answers."""

import contextlib
import socket
import time
from dataclasses import dataclass
from random import Random

from envelopes import Request

# An answer to a request that is whole comes sooner, or the server hangs.
HANG = 10.0
# How long to wait for a further answer to bytes that may be two requests, or half of one.
PATIENCE = 0.06


@dataclass
class Sent:
    """A request's bytes."""

    data: bytes
    # It is not certain that a server takes them for exactly one request.
    is_ragged: bool


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def encode(rng: Random, request: Request) -> Sent:
    target = request.path.encode("latin-1") + (b"" if request.query is None else b"?" + target_safe(rng, request.query))
    version = b"HTTP/1.1" if rng.random() < 0.99 else rng.choice([b"HTTP/1.0", b"HTTP/2.0", b"http/1.1"])
    lines = [b"%s %s %s" % (request.method.encode(), target, version), b"Host: 127.0.0.1"]
    lines += [b"%s: %s" % header for header in request.headers]
    body, is_ragged = request.body or b"", version != b"HTTP/1.1"
    chunked = request.body is not None and rng.random() < 0.08
    if chunked:
        lines.append(rng.choice([b"Transfer-Encoding: chunked"] * 6 + [b"Transfer-Encoding: Chunked", b"transfer-encoding:\tchunked"]))
        body, is_ragged = chunks(rng, body), True
    elif request.body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    elif request.method in ("POST", "PUT", "PATCH"):
        lines.append(b"Content-Length: 0")
    data = b"\r\n".join(lines) + b"\r\n\r\n" + body
    spoils = any(mark in data[: -len(body) or None].lower() for mark in (b"connection:", b"content_length", b"upgrade:", b"expect:"))
    repeated = sum(line.lower().startswith((b"content-length", b"transfer")) for line in lines) > 1
    is_ragged |= spoils or repeated or b"\n" in target or b"\r\n " in data[: -len(body) or None]
    if rng.random() < 0.03:
        data, is_ragged = reframed(rng, data), True
    return Sent(data, is_ragged)


def target_safe(rng: Random, query: bytes) -> bytes:
    """Without what would end the request line; now and then with it."""
    if rng.random() < 0.02:
        return query
    return query.replace(b" ", b"%20").replace(b"\n", b"%0a").replace(b"\r", b"%0d")


def chunks(rng: Random, body: bytes) -> bytes:
    coded = b""
    while body:
        size = rng.choice([1, 3, 7, 50, len(body)])
        piece, body = body[:size], body[size:]
        coded += b"%x%s\r\n%s\r\n" % (len(piece), rng.choice([b"", b"", b"", b";login=1", b" "]), piece)
    return coded + rng.choice([b"0\r\n\r\n"] * 4 + [b"00\r\n\r\n", b"0\r\nContent-Type: text/plain\r\n\r\n"])


def reframed(rng: Random, data: bytes) -> bytes:
    """Bytes that servers may cut in different places."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    at = rng.randrange(len(lines))
    chance = rng.random()
    if chance < 0.15:
        return data + data
    if chance < 0.3:
        return data.replace(b"\r\n", rng.choice([b"\n", b"\r", b"\r\r\n"]), rng.randrange(1, 4))
    if chance < 0.45:
        lines[at] = lines[at].replace(b":", rng.choice([b" :", b"\x00:", b"", b"\t:", b":\r\n\t", b":\x0b"]), 1)
    elif chance < 0.6:
        lines.append(rng.choice([b"Content-Length: 0", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"Content-Length: +1",
                                 b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked, gzip", b"Content-Length: 5,5"]))
    elif chance < 0.7:
        at = rng.randrange(len(head))
        head = head[:at] + bytes([rng.randrange(256)]) + head[at + 1 :]
        return head + b"\r\n\r\n" + body
    elif chance < 0.85:
        # A whole request in the body of another, for whoever takes that body to be shorter.
        return b"POST /graphql/ HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n" % rng.choice(
            [b"Content-Length: %d" % len(data), b"Transfer-Encoding: chunked\r\nContent-Length: %d" % len(data), b"Content-Length: 0"]
        ) + rng.choice([b"", b"0\r\n\r\n"]) + data
    else:
        lines.insert(at, lines[rng.randrange(len(lines))])
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


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
                patience = HANG if not sent.is_ragged else PATIENCE if not answers else PATIENCE / 4
                answers.append(self.answer(sent.data.startswith(b"HEAD "), patience))
            except TimeoutError:
                if not sent.is_ragged:
                    raise
                break
            except (OSError, EOFError):
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

    def answer(self, is_head: bool, patience: float) -> Answer:
        until = time.monotonic() + patience
        while True:
            head = self.until(b"\r\n\r\n", until)
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            status = int(first.split(" ")[1])
            if status >= 200 or status == 101:
                break
        if is_head:
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
