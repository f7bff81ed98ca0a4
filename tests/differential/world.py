"""Two backends in the same state, and the gateway in front of one of them.

Everything is sent to both sides in the same order, one request after the other, so that what a document writes is there
for the next one on both sides, under the same ids.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

from servers.backend import SECRET, Backend, seed
from servers.gateway import Gateway
from transports import Answer, Sent

SETTINGS = "cheap_settings"
# What an operator starts from; what it leaves to the environment is filled in here.
CONFIG = Path(__file__).resolve().parents[2] / "proxy.toml"
AUTH = "/graphql/auth/"
LOGIN = "mutation($u:String!,$p:String!){login(username:$u,password:$p){token refreshToken}}"
# The gateway lets a user have so many sessions, by the longest limit that it takes. A token of a caller is used for so
# many requests that, with all that they open, its session is never the one too many.
SESSIONS, USES = 1000, 100
# What is not the backend's affair: nobody is to be slowed down for what he tries.
UNBOUND = {
    "#limit = 50": f"limit = {SESSIONS}",
    "#account_attempts = 20": "account_attempts = 1000000",
    "#client_attempts = 5": "client_attempts = 1000000",
    "#address_attempts = 50": "address_attempts = 1000000",
}
PASSWORDS = {"john": "secret123", "amina": "motdepasse-é7-長い", "admin": "adminpass1"}


class Side:
    """One of the two ways to the backend, with its own tokens of the same kind."""

    def __init__(self, port: int):
        self.port = port
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.callers: dict[str, str] = {}
        self.uses = 0

    def send(self, sent: Sent) -> Answer:
        self.connection.request(sent.method, sent.target, sent.body, sent.headers)
        answer = self.connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())

    def login(self, username: str) -> dict[str, str]:
        """`token` and `refreshToken` of a new session."""
        variables = {"u": username, "p": PASSWORDS[username]}
        body = json.dumps({"query": LOGIN, "variables": variables}).encode()
        answer = self.send(Sent("POST", AUTH, {"Content-Type": "application/json"}, body))
        return json.loads(answer.body)["data"]["login"]

    def access(self, username: str, is_spent: bool) -> str:
        """An access token; a new one after a request that may have ended the session (`is_spent`)."""
        self.uses += 1
        if self.uses % USES == 0:
            self.callers.clear()
        token = self.callers.get(username) or self.login(username)["token"]
        self.callers[username] = token
        if is_spent:
            del self.callers[username]
        return token


class World:
    """A context: both sides while it lasts."""

    def __init__(self, folder: Path, gateway: Path):
        seeded = folder / "seeded"
        seeded.mkdir()
        seed(seeded, SETTINGS)
        names = ("direct", "behind")
        self.backends = [Backend(seeded, folder / name, SETTINGS) for name in names]
        try:
            for backend in self.backends:
                backend.wait()
            self.gateway = self.start(folder, gateway)
        except BaseException:
            for backend in self.backends:
                backend.stop()
            raise
        self.direct, self.through = Side(self.backends[0].port), Side(self.gateway.port)
        self.pool = ThreadPoolExecutor(2)

    def start(self, folder: Path, binary: Path) -> Gateway:
        behind = self.backends[1]
        environment = {
            "RAILGATE_LISTEN": "127.0.0.1:0",
            "RAILGATE_UPSTREAM": f"http://127.0.0.1:{behind.port}",
            "RAILGATE_DIRECTORY_URL": behind.database_url,
            "RAILGATE_RAIL_JWT_SECRET": SECRET,
            "RAILGATE_STATE_DIR": str(folder / "state"),
        }
        config, text = folder / "proxy.toml", CONFIG.read_text()
        for bound, unbound in UNBOUND.items():
            text = text.replace(bound, unbound)
        config.write_text(text)
        return Gateway(binary, config, folder / "gateway.log", environment)

    def both(self, exchange: Callable[[Side], Answer]) -> tuple[Answer, Answer]:
        """The direct answer, and the one through the gateway; the two sides work at the same time."""
        direct, through = self.pool.map(exchange, (self.direct, self.through))
        return direct, through

    def trouble(self) -> str | None:
        """What the servers say went wrong."""
        said = [self.gateway.trouble(), *(backend.trouble() for backend in self.backends)]
        return next((text for text in said if text), None)

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_) -> None:
        self.pool.shutdown()
        self.gateway.stop()
        for backend in self.backends:
            backend.stop()
