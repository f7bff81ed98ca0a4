"""The gateway's own binary, run with a configuration."""

import json
import os
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


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


class Gateway:
    """Started on a free port of its choice; `log_path` gets all that it says."""

    def __init__(self, binary: Path, config: Path, log_path: Path, environment: dict[str, str] | None = None):
        self.log_path = log_path
        with log_path.open("wb") as log:
            command = [binary, "run", "--config", config]
            environment = {**os.environ, **(environment or {})}
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        self.log = Log(log_path)
        self.port = self.wait_for_port()

    def wait_for_port(self) -> int:
        until = time.monotonic() + 30
        while True:
            text = self.log_path.read_text()
            for line in text.splitlines():
                if "listening" in line and "127.0.0.1:" in line:
                    digits = line.split("127.0.0.1:")[1]
                    return int(digits[: len(digits) - len(digits.lstrip("0123456789"))])
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the gateway does not start:\n{text}")
            time.sleep(0.02)

    def trouble(self) -> str | None:
        """What went wrong since it was asked last."""
        if self.process.poll() is not None:
            return f"the gateway ended with {self.process.returncode}"
        news = self.log.news()
        return news if "panicked" in news else None

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def built_gateway() -> Path:
    """From `RAILGATE_BIN`, or built now."""
    if given := os.environ.get("RAILGATE_BIN"):
        return Path(given).resolve()
    return build_gateway()


def build_gateway(*options: str, **environment: str) -> Path:
    """By `cargo build`, with further options and variables."""
    command = ["cargo", "build", "--bin", "railgate", "--message-format=json-render-diagnostics", *options]
    variables = {**os.environ, **environment}
    done = subprocess.run(command, cwd=HERE, env=variables, check=True, stdout=subprocess.PIPE, text=True)
    lines = done.stdout.splitlines()
    return Path(next(path for line in lines if (path := json.loads(line).get("executable"))))
