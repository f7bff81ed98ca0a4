"""What the requests are sent to: an oracle of one kind, and a gateway in front of its second port."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

KINDS = ("asgi", "wsgi")
# The kind before which the gateway takes lists of requests.
BATCHING = "asgi"
HERE = Path(__file__).resolve().parent
CONFIG = """
state_dir = "{folder}"
[[listeners]]
address = "127.0.0.1:0"
[upstream]
url = "http://127.0.0.1:{behind}"
[graphql]
# Both settings are tried, each before one kind of backend.
batching = {batching}
# To the letter, so that another spelling of a path is another path.
paths = ["/graphql", "/graphql/", "/graphql/batch/", "/graphql/upload/", "/graphql/loose/", "/graphql/override/"]
[directory]
url = "sqlite://{folder}/db.sqlite3"
[server]
threads = 1
# A wrong password costs what it should; with this little room most of them cost nothing.
[hashing]
threads = 1
queue = 1
deadline = "100ms"
"""


def prepare(folder: Path) -> None:
    """The directory of users, from which each world takes a copy."""
    subprocess.run([sys.executable, "-m", "oracle", "prepare", folder], cwd=HERE, check=True)


class Log:
    """A file that grows; read from where it was left."""

    def __init__(self, path: Path):
        self.path, self.at = path, 0

    def news(self) -> str:
        if self.path.stat().st_size == self.at:
            return ""
        with self.path.open("rb") as file:
            file.seek(self.at)
            text = file.read()
        self.at += len(text)
        return text.decode()


class World:
    def __init__(self, folder: Path, kind: str, gateway: Path):
        self.folder, self.kind = folder, kind
        folder.mkdir()
        shutil.copy(folder.parent / "db.sqlite3", folder)
        command = [sys.executable, "-m", "oracle", kind, folder]
        with (folder / "oracle.log").open("wb") as log:
            pipe = subprocess.PIPE
            self.oracle = subprocess.Popen(command, cwd=HERE, stdin=pipe, stdout=pipe, stderr=log)
        ports = json.loads(self.oracle.stdout.readline())
        self.direct_port = ports["direct"]
        self.direct, self.behind = Log(folder / "direct.log"), Log(folder / "behind.log")
        config = folder / "proxy.toml"
        config.write_text(CONFIG.format(folder=folder, behind=ports["behind"], batching=str(kind == BATCHING).lower()))
        self.log_path = folder / "gateway.log"
        with self.log_path.open("wb") as log:
            command = [gateway, "run", "--config", config]
            self.gateway = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.log = Log(self.log_path)
        self.gateway_port = self.wait_for_port()

    def wait_for_port(self) -> int:
        until = time.monotonic() + 30
        while True:
            text = self.log_path.read_text()
            for line in text.splitlines():
                if "listening" in line and "127.0.0.1:" in line:
                    digits = line.split("127.0.0.1:")[1]
                    return int(digits[: len(digits) - len(digits.lstrip("0123456789"))])
            if self.gateway.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the gateway does not start:\n{text}")
            time.sleep(0.02)

    def trouble(self) -> str | None:
        """What the processes say of themselves."""
        if self.gateway.poll() is not None:
            return f"the gateway ended with {self.gateway.returncode}"
        if self.oracle.poll() is not None:
            return f"the oracle ended with {self.oracle.returncode}: {(self.folder / 'oracle.log').read_text()}"
        news = self.log.news()
        return news if "panicked" in news else None

    def stop(self) -> None:
        self.gateway.terminate()
        self.oracle.stdin.close()
        self.gateway.wait(10)
        self.oracle.wait(10)

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_) -> None:
        self.stop()


def built_gateway() -> Path:
    """From `RAILGATE_BIN`, or built now."""
    if given := os.environ.get("RAILGATE_BIN"):
        return Path(given).resolve()
    command = ["cargo", "build", "--bin", "railgate", "--message-format=json-render-diagnostics"]
    lines = subprocess.run(command, cwd=HERE, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return Path(next(path for line in lines if (path := json.loads(line).get("executable"))))
