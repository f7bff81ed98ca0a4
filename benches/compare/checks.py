"""Whether a peer does the work at all, before it is timed: seen from a backend that records what reaches it."""

import http.server
import threading
from collections.abc import Callable
from email.message import Message

import client
from exchange import ANSWER, BODY, forged, token
from peers import Peer

# What a client may not say of itself.
SPOOFED = {"X-Auth-User-Id": "999", "X-Auth-Username": "mallory", "X-Auth-Roles": "admin"}


class Recorder(http.server.ThreadingHTTPServer):
    """Answers as the upstream does, and keeps the head and body of each request."""

    daemon_threads = True

    def __init__(self, port: int):
        self.seen = []
        super().__init__(("127.0.0.1", port), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.headers, body))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Failed(Exception):
    """A peer that does not do the work."""


class Checks:
    def __init__(self, peer: Peer, recorder: Recorder):
        self._peer, self._recorder = peer, recorder

    def run(self) -> list[str]:
        """The names of the checks that were passed."""
        passed = []
        for name, check in self._all():
            try:
                check()
            except (Failed, OSError) as why:
                raise SystemExit(f"{self._peer.name} does not do the work: {name}: {why}") from why
            passed.append(name)
        return passed

    def _all(self) -> list[tuple[str, Callable[[], None]]]:
        good = self._peer.tokens[0]
        checks = [
            ("valid token", lambda: self._identified({})),
            ("spoofed headers", lambda: self._identified(SPOOFED)),
            ("no token", lambda: self._refused(None)),
            ("bad signature", lambda: self._refused(forged(good))),
            # By more than the minute that Envoy allows for clocks that differ.
            ("expired token", lambda: self._refused(token(lifetime=-3600))),
            ("token of another secret", lambda: self._refused(token(secret="another" * 6))),
        ]
        if "W2" in self._peer.works:
            checks.insert(0, ("pass-through", lambda: self._forwarded("W2", None, {})))
        return checks

    def _identified(self, headers: dict[str, str]) -> None:
        """The backend hears who calls, once, and nothing that the client said of itself."""
        seen = self._forwarded("W1", self._peer.tokens[0], headers)
        told = [seen.get_all(name, []) for name in ("X-Auth-User-Id", "X-Auth-Username")]
        if told != [[fact] for fact in self._peer.caller]:
            raise Failed(f"the backend is told of {told}")
        if "admin" in ",".join(seen.get_all("X-Auth-Roles", [])):
            raise Failed("the backend is told the client's roles")

    def _forwarded(self, work: str, given: str | None, headers: dict[str, str]) -> Message:
        """The head that the backend got."""
        status, answer = self._ask(work, given, headers)
        if (status, answer) != (200, ANSWER) or [body for _, body in self._recorder.seen] != [BODY]:
            raise Failed(f"status {status}, {len(self._recorder.seen)} requests at the backend, or not the same bytes")
        return self._recorder.seen[0][0]

    def _refused(self, given: str | None) -> None:
        status, _ = self._ask("W1", given, {})
        if status != 401 or self._recorder.seen:
            raise Failed(f"status {status}, {len(self._recorder.seen)} requests at the backend")

    def _ask(self, work: str, given: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
        self._recorder.seen.clear()
        return client.ask(self._peer.works[work], client.request(given, headers))
