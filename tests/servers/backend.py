"""The demo backend: real Django on a SQLite database, started for one test."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "deploy/demo"
SECRET = "the demo backend's signing secret, for tests"
DATABASE = "db.sqlite3"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """What the backend reads; it keeps its state in `folder`. `more` is added."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "JWT_SECRET_KEY")}
    return {**kept, "PYTHON": sys.executable, "STATE_DIR": str(folder), "SECRET_KEY": SECRET, **more}


def seed(folder: Path, settings: str) -> None:
    """A migrated database with the demo's accounts, to be copied."""
    arguments = [DEMO / "backend", "manage", "seed_demo", "--migrate"]
    variables = environment(folder, DJANGO_SETTINGS_MODULE=settings)
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, env=variables)


class Backend:
    """Started with a copy of the seeded database; `wait` before it is used."""

    def __init__(self, seeded: Path, folder: Path, settings: str):
        folder.mkdir()
        shutil.copy(seeded / DATABASE, folder)
        self.port, self.log_path = free_port(), folder / "backend.log"
        self.database_url = f"sqlite://{folder / DATABASE}"
        variables = environment(folder, DJANGO_SETTINGS_MODULE=settings, BACKEND_PORT=str(self.port))
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [DEMO / "backend"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=variables
            )

    def wait(self) -> None:
        until = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5)
                return
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"the backend does not start:\n{self.log_path.read_text()}") from None
            time.sleep(0.05)

    def trouble(self) -> str | None:
        if self.process.poll() is not None:
            return f"the backend ended with {self.process.returncode}:\n{self.log_path.read_text()}"
        return None

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
