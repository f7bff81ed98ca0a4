"""The peers: HAProxy, Envoy and the gateway. Each has a port that verifies (W1, W3) and one that doesn't (W2)."""

import base64
import re
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

import client
from exchange import SECRET, USER_ID, USERNAME, forged, token
from gateway import SECRET_VARIABLE, Settings
from load import Target
from process import Process

HERE = Path(__file__).resolve().parent


@dataclass
class Peer:
    """A proxy that can be started.

    `works` says on which port it does what; one without W2 only verifies. Its backend is told of `caller`, number and
    name, when the first of `tokens` comes.
    """

    name: str
    command: list[object]
    works: dict[str, int]
    log: Path
    tokens: tuple[str, ...] = field(default_factory=lambda: (token(),))
    caller: tuple[str, str] = (str(USER_ID), USERNAME)
    process: Process | None = None

    def start(self, cpu: int) -> float:
        """Seconds from the start of the process to its first 200."""
        begun = time.monotonic()
        self.process = Process(self.command, cpu, self.log, {SECRET_VARIABLE: SECRET})
        asked = client.request(self.tokens[0])
        while not _serves(self.works["W1"], asked):
            if self.process.has_ended() or time.monotonic() - begun > client.PATIENCE:
                raise SystemExit(f"{self.name} does not serve:\n{self.log.read_text()}")
            time.sleep(0.001)
        return time.monotonic() - begun

    def stop(self) -> None:
        if self.process:
            self.process.stop()

    def target(self, work: str) -> Target:
        tokens = {"W1": self.tokens, "W2": (), "W3": (forged(self.tokens[0]),)}[work]
        return Target(self.works[work], tokens, 401 if work == "W3" else 200)


def haproxy(program: str, folder: Path, upstream: int) -> Peer:
    config, works = _configured("haproxy.cfg", folder, upstream)
    return Peer("haproxy", [program, "-db", "-f", config], works, folder / "haproxy.log")


def envoy(program: str, folder: Path, upstream: int) -> Peer:
    config, works = _configured("envoy.yaml", folder, upstream)
    command = [program, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c", config]
    return Peer("envoy", command, works, folder / "envoy.log")


def gateway(name: str, binary: Path, folder: Path, settings: Settings) -> Peer:
    """The gateway by these settings, which runs from this folder."""
    works = {"W1": settings.verified, "W3": settings.verified} | ({"W2": settings.plain} if settings.plain else {})
    command = [binary, "run", "--config", settings.write(folder)]
    return Peer(name, command, works, folder / "gateway.log")


def fill(template: str, folder: Path, **values: object) -> Path:
    """A file of that name in the folder, each @NAME@ of the template replaced."""
    path = folder / template
    text = (HERE / template).read_text()
    path.write_text(re.sub(r"@([A-Z0-9_]+)@", lambda found: str(values[found[1].lower()]), text))
    return path


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _configured(template: str, folder: Path, upstream: int) -> tuple[Path, dict[str, int]]:
    plain, verified = free_port(), free_port()
    secret = base64.urlsafe_b64encode(SECRET.encode()).rstrip(b"=").decode()
    ports = {"upstream": upstream, "plain": plain, "verified": verified}
    config = fill(template, folder, secret=SECRET, secret_base64=secret, **ports)
    return config, {"W1": verified, "W2": plain, "W3": verified}


def _serves(port: int, asked: bytes) -> bool:
    try:
        return client.ask(port, asked)[0] == 200
    except OSError:
        return False
