"""What the requests are sent to: an oracle of one kind, and a gateway in front of its second port."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from servers.gateway import Gateway, Log

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
# Else the backend runs it, too, asked by the gateway.
register = "refuse"
# Both settings are tried, each before one kind of backend.
batching = {batching}
# To the letter, so that another spelling of a path is another path.
paths = ["/graphql", "/graphql/", "/graphql/batch/", "/graphql/upload/", "/graphql/loose/", "/graphql/override/"]
[directory]
url = "sqlite://{folder}/db.sqlite3"
[server]
threads = 1
# All of them come from one address, and most have a wrong password.
[throttle]
account_attempts = 1000000
client_attempts = 1000000
address_attempts = 1000000
# A wrong password costs what it should; with this little room most of them cost nothing.
[hashing]
threads = 1
queue = 1
deadline = "100ms"
"""


def prepare(folder: Path) -> None:
    """The directory of users, from which each world takes a copy."""
    subprocess.run([sys.executable, "-m", "oracle", "prepare", folder], cwd=HERE, check=True)


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
        self.gateway = Gateway(gateway, config, folder / "gateway.log")
        self.gateway_port = self.gateway.port

    def trouble(self) -> str | None:
        """What the processes say of themselves."""
        if self.oracle.poll() is not None:
            return f"the oracle ended with {self.oracle.returncode}: {(self.folder / 'oracle.log').read_text()}"
        return self.gateway.trouble()

    def stop(self) -> None:
        self.gateway.stop()
        self.oracle.stdin.close()
        self.oracle.wait(10)

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_) -> None:
        self.stop()
