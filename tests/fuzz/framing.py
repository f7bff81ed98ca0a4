"""A request as bytes; sometimes as bytes of which servers may make something else."""

from dataclasses import dataclass
from random import Random

from envelopes import Request

# After one of these in the head, it depends on the server what follows.
UNCERTAIN = (b"connection:", b"content_length", b"upgrade:", b"expect:", b"\r\n ")
LENGTHS = [
    b"Content-Length: 0", b"Content-Length: +1", b"Content-Length: 5,5", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: identity", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked, gzip",
]  # fmt: skip


@dataclass
class Sent:
    """A request's bytes."""

    data: bytes
    # It is not certain that a server takes them for exactly one request.
    is_ragged: bool


def encode(rng: Random, request: Request) -> Sent:
    target = request.path.encode("latin-1")
    if request.query is not None:
        target += b"?" + one_line(rng, request.query)
    version = b"HTTP/1.1"
    if rng.random() < 0.01:
        version = rng.choice([b"HTTP/1.0", b"HTTP/2.0", b"http/1.1"])
    lines = [b"%s %s %s" % (request.method.encode(), target, version), b"Host: 127.0.0.1"]
    lines += [b"%s: %s" % header for header in request.headers]
    body = request.body or b""
    is_chunked = request.body is not None and rng.random() < 0.08
    if is_chunked:
        lines.append(rng.choice([b"Transfer-Encoding: chunked", b"transfer-encoding:\tChunked"]))
        body = chunks(rng, body)
    elif request.body is not None or request.method in ("POST", "PUT", "PATCH"):
        lines.append(b"Content-Length: %d" % len(body))
    head = b"\r\n".join(lines)
    names = [line.partition(b":")[0].lower() for line in lines]
    is_ragged = is_chunked or version != b"HTTP/1.1" or b"\n" in target
    is_ragged |= names.count(b"content-length") + names.count(b"transfer-encoding") > 1
    is_ragged |= any(mark in head.lower() for mark in UNCERTAIN)
    data = head + b"\r\n\r\n" + body
    if rng.random() < 0.03:
        return Sent(reframed(rng, data), is_ragged=True)
    return Sent(data, is_ragged)


def one_line(rng: Random, query: bytes) -> bytes:
    """Without what would end the request line; now and then with it."""
    if rng.random() < 0.02:
        return query
    return query.replace(b" ", b"%20").replace(b"\n", b"%0a").replace(b"\r", b"%0d")


def chunks(rng: Random, body: bytes) -> bytes:
    coded = b""
    while body:
        size = rng.choice([1, 3, 7, 50, len(body)])
        piece, body = body[:size], body[size:]
        extension = rng.choice([b"", b"", b"", b";login=1", b" "])
        coded += b"%x%s\r\n%s\r\n" % (len(piece), extension, piece)
    end = [b"0\r\n\r\n"] * 4 + [b"00\r\n\r\n", b"0\r\nContent-Type: text/plain\r\n\r\n"]
    return coded + rng.choice(end)


def reframed(rng: Random, data: bytes) -> bytes:
    """Bytes that servers may cut in different places."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    at, chance = rng.randrange(len(lines)), rng.random()
    if chance < 0.15:
        return data + data
    if chance < 0.3:
        return data.replace(b"\r\n", rng.choice([b"\n", b"\r", b"\r\r\n"]), rng.randrange(1, 4))
    if chance < 0.45:
        colon = rng.choice([b" :", b"\x00:", b"", b"\t:", b":\r\n\t", b":\x0b"])
        lines[at] = lines[at].replace(b":", colon, 1)
    elif chance < 0.6:
        lines.append(rng.choice(LENGTHS))
    elif chance < 0.7:
        at = rng.randrange(len(head))
        return head[:at] + bytes([rng.randrange(256)]) + head[at + 1 :] + b"\r\n\r\n" + body
    elif chance < 0.85:
        return smuggled(rng, data)
    else:
        lines.insert(at, rng.choice(lines))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def smuggled(rng: Random, data: bytes) -> bytes:
    """A whole request where another one's body may be."""
    length = b"Content-Length: %d" % len(data)
    length = rng.choice([length, b"Transfer-Encoding: chunked\r\n" + length, b"Content-Length: 0"])
    before = b"POST /graphql/ HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n" % length
    return before + rng.choice([b"", b"0\r\n\r\n"]) + data
