"""The last stage of deploy/Dockerfile, built without a daemon or a registry, and run.

The first stage needs an image of Rust, which only a registry has. A folder that holds what it would make takes its
place: a binary linked in the same way, but not optimised.
"""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from servers.gateway import build_gateway

ROOT = Path(__file__).resolve().parents[2]


def static_gateway() -> Path:
    """From `RAILGATE_STATIC_BIN`, or built now: the first time that takes minutes."""
    if given := os.environ.get("RAILGATE_STATIC_BIN"):
        return Path(given).resolve()
    version = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    (target,) = (line.split()[1] for line in version.splitlines() if line.startswith("host: "))
    return build_gateway("--target", target, RUSTFLAGS="-C target-feature=+crt-static")


class Image:
    """In a store of its own, in `folder`; the system's is left alone."""

    def __init__(self, folder: Path, authorities: str):
        self.folder = folder
        self.buildah = ["buildah", "--root", str(folder / "store"), "--runroot", str(folder / "run")]
        self.buildah += ["--storage-driver", "vfs"]
        made = folder / "made/out"
        made.mkdir(parents=True)
        binary = shutil.copy(static_gateway(), made / "railgate")
        subprocess.run(["strip", binary], check=True)
        (made / "ca-certificates.crt").write_text(authorities)
        build = ["build", "--isolation", "chroot", "--build-context", f"build={made.parent}", "--target", "image"]
        self.do(*build, "--file", ROOT / "deploy/Dockerfile", "--tag", "railgate", ROOT)
        self.container = self.do("from", "--name", "railgate", "railgate").strip()
        self.config = json.loads(self.do("inspect", "--type", "image", "railgate"))["OCIv1"]["config"]

    def do(self, *arguments: str | Path) -> str:
        done = subprocess.run([*self.buildah, *arguments], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"buildah {arguments[0]}: {done.stderr}")
        return done.stdout

    def root(self) -> Path:
        """Its files, in a container that has not run: a runtime leaves some of its own."""
        return Path(self.do("mount", self.do("from", "railgate").strip()).strip())

    def run(self, log: Path, *volumes: str, command: list[str] | None = None) -> "Running":
        """As a runtime would: its own user, entry point and command, unless another is given."""
        mounts = [f"--volume={volume}" for volume in volumes]
        command = [*self.config["Entrypoint"], *(command or self.config["Cmd"])]
        with log.open("wb") as file:
            start = [*self.buildah, "run", "--isolation", "chroot", *mounts, self.container, "--", *command]
            return Running(subprocess.Popen(start, stdin=subprocess.DEVNULL, stdout=file, stderr=file), log)

    def remove(self) -> None:
        self.do("rm", "--all")
        self.do("rmi", "--all", "--force")


class Running:
    def __init__(self, process: subprocess.Popen, log: Path):
        self.process, self.log = process, log

    def gateway(self) -> int:
        """The process of the image's own binary: the last of its line, since buildah passes no signal on."""
        pid = self.process.pid
        while children := [int(child) for thread in threads_of(pid) for child in thread.read_text().split()]:
            (pid,) = children
        return pid

    def kill(self) -> None:
        """Whatever became of it; buildah ends with what it runs."""
        if self.process.poll() is None:
            os.kill(self.gateway(), signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> int:
        """What it ends with, told by SIGTERM."""
        os.kill(self.gateway(), signal.SIGTERM)
        return self.process.wait(30)


def threads_of(pid: int) -> list[Path]:
    """What each thread of a process has started."""
    return list(Path(f"/proc/{pid}/task").glob("*/children"))
