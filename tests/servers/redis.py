"""A Redis of its own, for one test."""

import socket
import subprocess
import time
from pathlib import Path

from .backend import free_port


class Redis:
    """By TLS where it is given a certificate and its key, else in clear."""

    def __init__(self, folder: Path, pair: tuple[Path, Path] | None = None):
        self.port, self.scheme = free_port(), "rediss" if pair else "redis"
        port = ["--port", str(self.port)]
        if pair:
            port = ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
            port += ["--tls-cert-file", str(pair[0]), "--tls-key-file", str(pair[1])]
        command = ["redis-server", *port, "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        self.process = subprocess.Popen(
            [*command, "--maxmemory-policy", "noeviction"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise SystemExit("redis-server does not start") from None
                time.sleep(0.02)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
