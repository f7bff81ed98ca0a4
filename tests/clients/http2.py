"""Speak HTTP/2 in clear with the gateway, well or badly, and print in one line what comes of it.

    http2.py PORT WHAT [HEADER]...

Frames are made by hand: a library would refuse to send most of this.
"""

import socket
import sys
import time

from h2.errors import ErrorCodes
from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LIMIT = 20
# The largest frame that everybody takes.
FRAME = 16_384


class Connection:
    """A connection on which nothing but the preface and the settings has been sent."""

    def __init__(self, port, pieces=1):
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.encoder, self.decoder = Encoder(), Decoder()
        self.next_stream, self.settings, self.answers_pings = 1, None, True
        step = -(-len(PREFACE) // pieces)
        for start in range(0, len(PREFACE), step):
            self.socket.sendall(PREFACE[start : start + step])
            time.sleep(0.1 if pieces > 1 else 0)
        self.send(SettingsFrame(0))

    def send(self, *frames):
        self.socket.sendall(b"".join(frame.serialize() for frame in frames))

    def begin(self, headers, flags):
        """The HEADERS frame of a new stream."""
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        return HeadersFrame(stream, self.encoder.encode(headers), flags=flags)

    def request(self, headers, body=None):
        begun = self.begin(headers, ["END_STREAM"] if body is None else [])
        pieces = [begun.data[start : start + FRAME] for start in range(0, len(begun.data), FRAME)]
        begun.data = pieces[0]
        frames = [begun, *(ContinuationFrame(begun.stream_id, piece) for piece in pieces[1:])]
        frames[-1].flags.add("END_HEADERS")
        if body is not None:
            frames.append(DataFrame(begun.stream_id, body, flags=["END_STREAM"]))
        self.send(*frames)
        return begun.stream_id

    def exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def frame(self):
        """The next frame; settings and pings are acknowledged."""
        frame, length = Frame.parse_frame_header(memoryview(self.exactly(9)))
        frame.parse_body(memoryview(self.exactly(length)))
        if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            self.settings = frame.settings
            self.send(SettingsFrame(0, flags=["ACK"]))
        if isinstance(frame, PingFrame) and "ACK" not in frame.flags and self.answers_pings:
            self.send(PingFrame(0, frame.opaque_data, flags=["ACK"]))
        return frame

    def outcome(self, streams):
        """The statuses of these streams once they have ended, or how it ended otherwise."""
        found, ended = {}, set()
        try:
            while ended != set(streams):
                frame = self.frame()
                if isinstance(frame, HeadersFrame):
                    found.setdefault(frame.stream_id, dict(self.decoder.decode(frame.data))[":status"])
                if isinstance(frame, GoAwayFrame):
                    return "goaway " + ErrorCodes(frame.error_code).name
                if isinstance(frame, RstStreamFrame) and frame.stream_id not in found:
                    return "reset " + ErrorCodes(frame.error_code).name
                if isinstance(frame, RstStreamFrame) or "END_STREAM" in frame.flags:
                    ended.add(frame.stream_id)
        except (EOFError, ConnectionError):
            return "closed"
        except TimeoutError:
            return "nothing"
        return " ".join(found[stream] for stream in streams)

    def end(self):
        """What comes until the connection is closed."""
        told = []
        try:
            while True:
                frame = self.frame()
                if isinstance(frame, GoAwayFrame) and not told:
                    told.append("goaway " + ErrorCodes(frame.error_code).name)
        except (EOFError, ConnectionError):
            return " ".join([*told, "closed"])
        except TimeoutError:
            return " ".join([*told, "nothing"])


def get(path="/x", authority="a", more=(), scheme="http"):
    named = [(":authority", authority)] if authority else []
    return [(":method", "GET"), (":scheme", scheme), *named, (":path", path), *more]


def post(path="/x", authority="a", more=(), scheme="http"):
    return [(":method", "POST"), *get(path, authority, more, scheme)[1:]]


def one(port, headers, body=None):
    connection = Connection(port)
    return connection.outcome([connection.request(headers, body)])


def before_and_after(port):
    """A request, and on the same connection another one, once a line is there to be read."""
    connection = Connection(port)
    before = connection.outcome([connection.request(get())])
    print(before, flush=True)
    sys.stdin.readline()
    return connection.outcome([connection.request(get())])


def at_once(port, count):
    connection = Connection(port)
    while connection.settings is None:
        connection.frame()
    return connection.outcome([connection.request(get()) for _ in range(count)])


def flood(port, frames):
    """Frames that `frames` makes of a connection, in large pieces."""
    connection = Connection(port)
    connection.answers_pings = False
    connection.socket.settimeout(LIMIT)
    piece = []
    try:
        for frame in frames(connection):
            piece.append(frame)
            if len(piece) == 1000:
                connection.send(*piece)
                piece = []
    except (ConnectionError, TimeoutError):
        pass
    return connection.outcome([0])


def resets(connection):
    for _ in range(20_000):
        begun = connection.begin(get(), ["END_HEADERS", "END_STREAM"])
        yield begun
        yield RstStreamFrame(begun.stream_id, ErrorCodes.CANCEL)


def one_taken_back(connection):
    """A request that is taken back once it has been taken up; what is told meanwhile of the connection, or of any stream."""
    stream, told = connection.request(get("/late")), []
    connection.send(PingFrame(0, b"taken up"))
    while True:
        frame = connection.frame()
        if isinstance(frame, GoAwayFrame):
            told.append("goaway " + ErrorCodes(frame.error_code).name)
        if isinstance(frame, RstStreamFrame):
            told.append("reset " + ErrorCodes(frame.error_code).name)
        if isinstance(frame, PingFrame) and frame.opaque_data == b"taken up":
            break
    time.sleep(0.005)
    connection.send(RstStreamFrame(stream, ErrorCodes.CANCEL))
    return told


def taken_back(port, count):
    """Takes back so many requests one after the other, whatever it is told, and then asks for one more."""
    connection = Connection(port)
    # The end of a connection in order is a question, too: one that is not answered leaves it open.
    connection.answers_pings = False
    told = {}
    try:
        for _ in range(count):
            told.update(dict.fromkeys(one_taken_back(connection)))
    except (EOFError, ConnectionError):
        return " ".join([*told, "closed"])
    return " ".join([*told, connection.outcome([connection.request(get())])])


def continuations(connection):
    begun = connection.begin(get(), ["END_STREAM"])
    yield begun
    for _ in range(100_000):
        yield ContinuationFrame(begun.stream_id, b"")


def empty_data(connection):
    begun = connection.begin(post(), ["END_HEADERS"])
    yield begun
    for _ in range(200_000):
        yield DataFrame(begun.stream_id, b"")


def settings(port):
    connection = Connection(port)
    while connection.settings is None:
        connection.frame()
    streams = connection.settings[SettingsFrame.MAX_CONCURRENT_STREAMS]
    extended = connection.settings.get(SettingsFrame.ENABLE_CONNECT_PROTOCOL, 0)
    return f"max_concurrent_streams={streams} enable_connect_protocol={extended}"


def idle(port):
    connection = Connection(port)
    assert connection.outcome([connection.request(get())]) == "200"
    return connection.end()


def vanished(port):
    """Asked, and then nothing more is heard: not even that a question was."""
    connection = Connection(port)
    connection.send(SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 0}))
    connection.request(get())
    connection.answers_pings = False
    return connection.end().split()[-1]


def shut(port):
    """Is there and takes nothing of its answer; then takes another."""
    connection = Connection(port)
    connection.send(SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 0}))
    stream = connection.request(get())
    try:
        frame = connection.frame()
        while not isinstance(frame, (RstStreamFrame, GoAwayFrame)):
            if isinstance(frame, HeadersFrame):
                connection.decoder.decode(frame.data)
            frame = connection.frame()
    except (EOFError, ConnectionError, TimeoutError) as error:
        return repr(error)
    if frame.stream_id != stream:
        return repr(frame)
    connection.send(SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 65_535}))
    return f"reset {ErrorCodes(frame.error_code).name} {connection.outcome([connection.request(get())])}"


def at_stop(port, takes):
    """Takes nothing of its answer until the gateway says that it goes; all of it then, or still nothing."""
    connection = Connection(port)
    connection.send(SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 0}))
    stream, told = connection.request(get()), []
    try:
        while True:
            frame = connection.frame()
            if isinstance(frame, HeadersFrame):
                told.append(dict(connection.decoder.decode(frame.data))[":status"])
                print("begun", flush=True)
            if isinstance(frame, GoAwayFrame) and len(told) == 1:
                told.append("goaway " + ErrorCodes(frame.error_code).name)
                if takes:
                    connection.send(SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 65_535}))
            if isinstance(frame, DataFrame) and frame.stream_id == stream and "END_STREAM" in frame.flags:
                told.append("all of it")
    except (EOFError, ConnectionError):
        return "ended: " + ", ".join([*told, "closed"])
    except TimeoutError:
        return "ended: " + ", ".join([*told, "nothing"])


def silent(port):
    """Waits for the answer, and says no more than that it is there."""
    connection = Connection(port)
    return connection.outcome([connection.request(get("/late"))])


def unfinished_head(port):
    connection = Connection(port)
    connection.answers_pings = False
    connection.send(connection.begin(get(), ["END_STREAM"]))
    return connection.end().split()[-1]


def unfinished_preface(port):
    connection = socket.create_connection(("127.0.0.1", port), LIMIT)
    connection.sendall(PREFACE[:-4])
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return "nothing"
    except ConnectionError:
        pass
    return "closed"


def preface_in_pieces(port):
    connection = Connection(port, pieces=12)
    return connection.outcome([connection.request(get())])


def trailers(port):
    """The headers that begin an answer of interest, and what comes behind its body, for a body with such fields behind it."""
    connection = Connection(port)
    announced = [("te", "trailers"), ("trailer", "x-checksum, x-auth-user-id")]
    begun = connection.begin(post("/trailers", more=announced), ["END_HEADERS"])
    connection.send(begun, DataFrame(begun.stream_id, b"body"))
    fields = [("x-checksum", "1"), ("x-auth-user-id", "1"), ("x_auth_roles", "admin"), ("grpc-status", "0")]
    last = HeadersFrame(begun.stream_id, connection.encoder.encode(fields), flags=["END_HEADERS", "END_STREAM"])
    connection.send(last)
    heads = []
    while True:
        frame = connection.frame()
        if isinstance(frame, HeadersFrame):
            heads.append(connection.decoder.decode(frame.data))
        if isinstance(frame, (GoAwayFrame, RstStreamFrame)) or "END_STREAM" in frame.flags:
            break
    told = [heads[0][0], *(heads[1] if len(heads) > 1 else [])]
    return " ".join(f"{name}={value}" for name, value in told)


def given():
    """The headers of the command line: `name: value`."""
    return [tuple(line.split(": ", 1)) for line in sys.argv[3:]]


def handshake():
    """That of a WebSocket (RFC 8441)."""
    return [(":method", "CONNECT"), (":protocol", "websocket"), *get("/api", "app.test", given())[1:]]


MANAGED = [
    ("cookie", "a=1"),
    ("cookie", "b=2; c=3"),
    ("te", "trailers"),
    ("x-auth-user-id", "1"),
    ("x_auth_user_id", "1"),
    ("x-forwarded-proto", "https"),
]

ACTIONS = {
    "managed": lambda port: one(port, post("/other//y", "good.example.com", MANAGED, "https"), b"body"),
    "host-repeats-authority": lambda port: one(port, get(more=[("host", "A")])),
    "host-contradicts-authority": lambda port: one(port, get(more=[("host", "b")])),
    "two-hosts": lambda port: one(port, get(more=[("host", "a"), ("host", "a")])),
    "no-authority": lambda port: one(port, get(authority=None)),
    "authority-with-user": lambda port: one(port, get(authority="user@a")),
    "connection-header": lambda port: one(port, get(more=[("connection", "x-auth-user-id")])),
    "transfer-encoding": lambda port: one(port, post(more=[("transfer-encoding", "chunked")]), b"x"),
    "upgrade": lambda port: one(port, get(more=[("upgrade", "websocket")])),
    "before-and-after": before_and_after,
    "te-gzip": lambda port: one(port, get(more=[("te", "gzip")])),
    "length-too-short": lambda port: one(port, post(more=[("content-length", "1")]), b"body"),
    "connect": lambda port: one(port, [(":method", "CONNECT"), (":authority", "a:80")], b""),
    "extended-connect": lambda port: one(
        port, [(":method", "CONNECT"), (":protocol", "websocket"), *get()[1:]], b""
    ),
    "dot-segments": lambda port: one(port, get("/x/../graphql/")),
    "large-head": lambda port: one(port, get(more=[("x-large", "x" * 15_000)] * 3)),
    "settings": settings,
    "seven-at-once": lambda port: at_once(port, 7),
    "eight-at-once": lambda port: at_once(port, 8),
    "reset-flood": lambda port: flood(port, resets),
    "continuation-flood": lambda port: flood(port, continuations),
    "empty-data-flood": lambda port: flood(port, empty_data),
    "fourteen-taken-back": lambda port: taken_back(port, 14),
    "many-taken-back": lambda port: taken_back(port, 1000),
    "idle": idle,
    "vanished": vanished,
    "shut": shut,
    "takes-at-stop": lambda port: at_stop(port, True),
    "stuck-at-stop": lambda port: at_stop(port, False),
    "silent": silent,
    "unfinished-head": unfinished_head,
    "unfinished-preface": unfinished_preface,
    "preface-in-pieces": preface_in_pieces,
    "trailers": trailers,
    "given": lambda port: one(port, get("/api", "app.test", given())),
    "handshake": lambda port: one(port, handshake(), b""),
}

print(ACTIONS[sys.argv[2]](int(sys.argv[1])))
