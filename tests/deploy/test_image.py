"""The image: what is in it, and that it serves as it is."""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from servers.backend import Backend, free_port, seed
from servers.certificates import self_signed

from .image import ROOT, Image, Running

RELAY = ROOT / "tests/clients/tls_relay.py"
CONFIG = """
[[listeners]]
address = "127.0.0.1:{port}"
[upstream]
url = "https://localhost:{upstream}"
[directory]
kind = "upstream"
timeout = "30s"
"""
LOGIN = 'mutation { login(username: "john", password: "secret123") { ok token } }'


class ImageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        # Who is neither root nor in the group has to reach the files that are mounted.
        cls.folder.chmod(0o755)
        cls.certificate, cls.key = self_signed(cls.folder)
        cls.image = Image(cls.folder / "image", cls.certificate.read_text())
        cls.addClassCleanup(cls.image.remove)

    def backend(self) -> int:
        """Django behind TLS, by a certificate that only the authorities of the image vouch for."""
        (self.folder / "seeded").mkdir()
        seed(self.folder / "seeded", "newsroom.settings")
        backend = Backend(self.folder / "seeded", self.folder / "backend", "newsroom.settings")
        self.addCleanup(backend.stop)
        backend.wait()
        command = [sys.executable, RELAY, str(backend.port), self.certificate, self.key]
        relay = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.addCleanup(relay.stdout.close)
        self.addCleanup(relay.wait, 10)
        self.addCleanup(relay.terminate)
        return int(relay.stdout.readline().split()[-1])

    def started(self) -> tuple[Running, int]:
        port, config = free_port(), self.folder / "proxy.toml"
        config.write_text(CONFIG.format(port=port, upstream=self.backend()))
        running = self.image.run(self.folder / "gateway.log", f"{config}:/etc/railgate/proxy.toml:ro")
        self.addCleanup(running.kill)
        until = time.monotonic() + 30
        while running.process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                return running, port
            except OSError:
                time.sleep(0.02)
        self.fail(f"the image does not start:\n{running.log.read_text()}")

    def test_it_serves_as_nobody_in_particular(self):
        running, port = self.started()
        status = Path(f"/proc/{running.gateway()}/status").read_text()
        self.assertIn("Uid:\t65532\t65532\t65532\t65532", status)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/graphql/auth/", LOGIN.encode(), {"Content-Type": "application/graphql"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                login = json.load(answer)["data"]["login"]
        except urllib.error.HTTPError:
            self.fail(running.log.read_text())
        self.assertTrue(login["ok"], running.log.read_text())
        self.assertEqual(running.stop(), 0)
        self.assertIn("stopped", running.log.read_text())

    def test_only_its_state_is_its_own_to_write(self):
        root = self.image.root()
        own = {f"/{path.relative_to(root)}" for path in root.rglob("*") if path.lstat().st_uid == 65532}
        self.assertLessEqual({"/var/lib/railgate"}, own)
        self.assertFalse([path for path in own if not path.startswith("/var")])
        writable = [path for path in root.rglob("*") if path.lstat().st_mode & 0o002]
        self.assertFalse(writable)
        self.assertEqual(self.image.config["Volumes"], {"/var/lib/railgate": {}})

    def test_nothing_but_the_gateway_can_be_run_in_it(self):
        root = self.image.root()
        runnable = [path.name for path in root.rglob("*") if path.is_file() and path.stat().st_mode & 0o111]
        self.assertEqual(runnable, ["railgate"])

    def test_its_user_is_the_one_of_the_chart(self):
        values = (ROOT / "charts/railgate/values.yaml").read_text()
        self.assertEqual(self.image.config["User"], "65532:65532")
        self.assertEqual(values.count("runAsUser: 65532"), 2)


class Context(unittest.TestCase):
    """What the first stage gets to see."""

    def test_cargo_finds_all_that_the_manifest_names(self):
        ignored = (ROOT / "deploy/Dockerfile.dockerignore").read_text().split()
        self.assertEqual(ignored[0], "*")
        with tempfile.TemporaryDirectory() as folder:
            for name in (line.removeprefix("!") for line in ignored[1:]):
                source, place = ROOT / name, Path(folder) / name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(source, place) if source.is_dir() else shutil.copy(source, place)
            command = ["cargo", "metadata", "--locked", "--format-version=1", "--no-deps"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            (package,) = json.loads(done.stdout)["packages"]
            for target in package["targets"]:
                self.assertTrue(Path(target["src_path"]).is_file(), target["src_path"])
