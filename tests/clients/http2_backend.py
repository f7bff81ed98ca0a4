"""A backend that speaks HTTP/2, by TLS or in clear, and answers with what it was asked.

    http2_backend.py [CERTIFICATE KEY AUTHORITY | STREAMS]

Prints `listening on PORT`, and a line for each connection and request. With files it speaks TLS and wants a client's certificate
that AUTHORITY signed; with STREAMS it allows so many at once on a connection, and says so after a moment. `/late` is answered
after a moment, `/six` when there are six of them; `/last` is the last request of its connection (GOAWAY); `/large` is
answered with a head of 24 KB; behind the answer to `/trailers` come some. What ends in `/refused` is refused (REFUSED_STREAM), and in `/away` the connection ends without
having taken it up (GOAWAY); in `/refused-once` and `/away-once` so the first of its path is, and others are answered.
"""

import json
import socket
import ssl
import sys
import threading
import time

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RequestReceived,
    StreamEnded,
    TrailersReceived,
)
from h2.settings import SettingCodes, Settings

SIX, ASKED, LOCK = [], set(), threading.Lock()


class Served(threading.Thread):
    def __init__(self, number, stream, streams=None):
        super().__init__(daemon=True)
        self.number, self.stream, self.streams, self.lock = number, stream, streams, threading.RLock()
        self.asked, self.bodies, self.trailers = {}, {}, {}
        self.http2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))

    def flush(self):
        with self.lock:
            self.stream.sendall(self.http2.data_to_send())

    def run(self):
        if self.streams:
            few = {SettingCodes.MAX_CONCURRENT_STREAMS: self.streams}
            self.http2.local_settings = Settings(client=False, initial_values=few)
            time.sleep(0.2)
        with self.lock:
            self.http2.initiate_connection()
            self.flush()
        try:
            while data := self.stream.recv(65536):
                with self.lock:
                    for event in self.http2.receive_data(data):
                        self.take(event)
                    self.flush()
        except OSError:
            return

    def take(self, event):
        if isinstance(event, RequestReceived):
            self.asked[event.stream_id], self.bodies[event.stream_id] = event.headers, b""
        if isinstance(event, DataReceived):
            self.bodies[event.stream_id] += event.data
            self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if isinstance(event, TrailersReceived):
            self.trailers[event.stream_id] = event.headers
        if isinstance(event, StreamEnded):
            path = dict(self.asked[event.stream_id])[":path"]
            print("asked", path, flush=True)
            with LOCK:
                is_first = path not in ASKED
                ASKED.add(path)
            if path == "/late":
                threading.Timer(0.3, self.answer, [event.stream_id]).start()
            elif path == "/six":
                self.answer_six(event.stream_id)
            elif path.endswith("/refused") or (path.endswith("/refused-once") and is_first):
                self.http2.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
            elif path.endswith("/away") or (path.endswith("/away-once") and is_first):
                self.http2.close_connection(last_stream_id=event.stream_id - 1)
                self.flush()
                self.stream.shutdown(socket.SHUT_RDWR)
            else:
                self.answer(event.stream_id)
        if isinstance(event, ConnectionTerminated):
            print("told to go away", flush=True)

    def answer_six(self, stream):
        with LOCK:
            SIX.append((self, stream))
            six = SIX[:] if len(SIX) == 6 else []
        for served, waiting in six:
            # Not here: a connection's lock may be held by a thread that waits for this one's.
            threading.Thread(target=served.answer, args=[waiting]).start()

    def answer(self, stream):
        asked = self.asked.pop(stream)
        told = {"headers": asked, "body": self.bodies.pop(stream).decode(), "connection": self.number}
        told["trailers"] = self.trailers.pop(stream, [])
        body = json.dumps(told).encode()
        with self.lock:
            head = [(":status", "200"), ("content-type", "application/json"), ("x-auth-user-id", "forged")]
            if dict(asked)[":path"] == "/large":
                head += [("x-large", "x" * 8000)] * 3
            if dict(asked)[":path"] == "/trailers":
                self.http2.send_headers(stream, [*head, ("trailer", "grpc-status, set-cookie")])
                self.http2.send_data(stream, body)
                behind = [("grpc-status", "0"), ("set-cookie", "jwt=planted"), ("x_auth_user_id", "1")]
                self.http2.send_headers(stream, behind, end_stream=True)
            else:
                self.http2.send_headers(stream, [*head, ("content-length", str(len(body)))])
                self.http2.send_data(stream, body, end_stream=True)
            if dict(asked)[":path"] == "/last":
                self.http2.close_connection(last_stream_id=stream)
            self.flush()
            if dict(asked)[":path"] == "/last":
                self.stream.shutdown(socket.SHUT_RDWR)


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    context, streams = None, int(sys.argv[1]) if len(sys.argv) == 2 else None
    if len(sys.argv) > 2:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=sys.argv[3])
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["h2"])
    print("listening on", listener.getsockname()[1], flush=True)
    number = 0
    while True:
        stream, _ = listener.accept()
        try:
            stream = context.wrap_socket(stream, server_side=True) if context else stream
        except (ssl.SSLError, ConnectionError) as error:
            print("refused", error, flush=True)
            continue
        print("connection", number, flush=True)
        Served(number, stream, streams).start()
        number += 1


main()
