"""A process that keeps to one CPU, and what it takes."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path


class Process:
    """Runs until it is stopped; `log` gets all that it says."""

    def __init__(self, command: Sequence[object], cpu: int, log: Path, environment: dict[str, str] | None = None):
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, **(environment or {})},
                preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
            )
        self._folder = Path(f"/proc/{self._process.pid}")

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def cpu_seconds(self) -> float:
        """Time on a CPU, in user mode and in the kernel, of all its threads that live."""
        tasks = (self._folder / "task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def resident_bytes(self) -> int:
        return int(re.search(r"VmRSS:\s+(\d+) kB", (self._folder / "status").read_text())[1]) * 1024

    def stop(self) -> None:
        if self.has_ended():
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
