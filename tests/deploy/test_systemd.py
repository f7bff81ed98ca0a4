"""The unit: systemd reads it, it gives away little, and the gateway needs nothing that it takes away."""

import re
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

from servers.backend import Backend, free_port, seed
from servers.gateway import built_gateway
from servers.redis import Redis

from .image import ROOT

UNIT = ROOT / "deploy/systemd/railgate.service"
CONFIG = """
state_dir = "{folder}/state"
[[listeners]]
address = "127.0.0.1:{port}"
[upstream]
url = "http://localhost:{upstream}"
[directory]
kind = "upstream"
timeout = "30s"
[store]
url = "{store}"
"""
LOGIN = b'mutation { login(username: "john", password: "secret123") { ok } }'


def setting(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def calls_of(group: str) -> set[str]:
    """The system calls of one of systemd's groups, and of those in it."""
    done = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True, capture_output=True, text=True)
    words = [line.strip() for line in done.stdout.splitlines()[1:]]
    groups = [word for word in words if word.startswith("@")]
    return {word for word in words if word.isidentifier()}.union(*(calls_of(inner) for inner in groups))


class Unit(unittest.TestCase):
    def test_systemd_reads_it_without_a_word(self):
        with tempfile.TemporaryDirectory() as folder:
            # Whether the command exists is asked, too.
            text = UNIT.read_text().replace("/usr/local/bin/railgate", shutil.which("true"))
            unit = Path(folder) / UNIT.name
            unit.write_text(text)
            done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_it_is_exposed_to_little(self):
        command = ["systemd-analyze", "security", "--offline=true", "--threshold=15", UNIT]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_it_is_given_the_time_that_it_takes_to_stop(self):
        (grace,) = re.findall(r'^#shutdown_grace = "(\d+)s"$', (ROOT / "proxy.toml").read_text(), re.MULTILINE)
        (given,) = setting("TimeoutStopSec")
        self.assertGreater(int(given), int(grace))

    def test_the_gateway_makes_no_call_that_is_taken_away(self):
        allowed, denied = setting("SystemCallFilter")
        self.assertTrue(denied.startswith("~"))
        permitted = calls_of(allowed) - calls_of(denied.removeprefix("~"))
        families = {*setting("RestrictAddressFamilies")[0].split()}
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        folder = Path(place.name)
        redis = Redis(folder)
        self.addCleanup(redis.stop)
        (folder / "seeded").mkdir()
        seed(folder / "seeded", "newsroom.settings")
        backend = Backend(folder / "seeded", folder / "backend", "newsroom.settings")
        self.addCleanup(backend.stop)
        backend.wait()
        for store in ("embedded:sessions.db", redis.url):
            with self.subTest(store=store):
                trace = self.trace(folder, backend.port, store)
                made = set(re.findall(r"^\d+ +(\w+)\(", trace, re.MULTILINE))
                self.assertIn("accept4", made)
                # SQLite gives a file that root makes to the database's owner. The unit's user is not root.
                self.assertLessEqual(made - permitted, {"fchown"})
                asked = set(re.findall(r"^\d+ +socket(?:pair)?\((\w+)", trace, re.MULTILINE))
                # glibc asks netlink which addresses there are, and goes on where it may not.
                self.assertLessEqual(asked - families, {"AF_NETLINK"})
                self.assertEqual(re.findall(r"^.*PROT_WRITE\|PROT_EXEC.*$", trace, re.MULTILINE), [])

    def trace(self, folder: Path, upstream: int, store: str) -> str:
        """What the gateway asks of the kernel from its start, over a login, to its end."""
        port, config, trace = free_port(), folder / "proxy.toml", folder / "trace"
        config.write_text(CONFIG.format(folder=folder, port=port, upstream=upstream, store=store))
        command = ["strace", "-f", "-q", "-o", trace, built_gateway(), "run", "--config", config]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.kill)
        self.log_in(process, port)
        (gateway,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        subprocess.run(["kill", "-TERM", gateway], check=True)
        process.wait(60)
        return trace.read_text()

    def log_in(self, process: subprocess.Popen, port: int) -> None:
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                time.sleep(0.05)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/graphql/auth/", LOGIN, {"Content-Type": "application/graphql"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            self.assertIn(b'"ok":true', answer.read().replace(b" ", b""))
