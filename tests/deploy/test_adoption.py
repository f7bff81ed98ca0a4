"""The ways in and out that deploy/ADOPTION.md describes, with a real backend: nobody logs in again."""

import json
import subprocess
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

from servers.backend import SECRET, Backend, free_port, seed
from servers.document import block
from servers.gateway import Gateway, built_gateway

AUTH, USERS = "/graphql/auth/", "/graphql/gql/"
LOGIN = 'mutation { login(username: "john", password: "secret123") { ok token refreshToken } }'
VIEWER = "{ viewer { username } }"
JOHN = {"viewer": {"username": "john"}}
# What the guide has at each level; LEVEL_1 is level 0 without a line.
LEVEL_0 = block("deploy/ADOPTION.md", "everything is forwarded as anonymous")
LEVEL_1 = "".join(line for line in LEVEL_0.splitlines(True) if not line.startswith("auth = "))
LEVEL_2 = LEVEL_1.split("[directory]")[0] + block("deploy/ADOPTION.md", "accept_rail_jwt")
LOOKING_ON = block("deploy/ADOPTION.md", "[admin]")
LEVEL_2_LATER = LEVEL_2.split("[tokens]")[0]
LEAVING = LEVEL_2_LATER + block("deploy/ADOPTION.md", "access_lifetime")
# When the guide's gateway comes.
CUT_OVER = "2026-03-01T00:00:00Z"


def ask(port: int, path: str, document: str, token: str | None = None) -> dict:
    headers = {"Content-Type": "application/graphql", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", document.encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]


def refresh(port: int, token: str) -> dict:
    document = f'mutation {{ refreshToken(refreshToken: "{token}") {{ ok token refreshToken }} }}'
    return ask(port, AUTH, document)["refreshToken"]


class Adoption(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder, cls.binary = Path(folder.name), built_gateway()
        (cls.folder / "seeded").mkdir()
        seed(cls.folder / "seeded", "newsroom.settings")
        cls.backend = Backend(cls.folder / "seeded", cls.folder / "backend", "newsroom.settings")
        cls.addClassCleanup(cls.backend.stop)
        cls.backend.wait()

    def gateway(self, text: str) -> Gateway:
        """Each start goes on with the keys and sessions of the one before. What is this machine's wins over the file."""
        config = self.folder / "proxy.toml"
        config.write_text(text)
        environment = {
            "DJANGO_SECRET_KEY": SECRET,
            "DATABASE_URL": self.backend.database_url,
            "RAILGATE__STATE_DIR": str(self.folder / "state"),
            "RAILGATE__LISTENERS__0__ADDRESS": "127.0.0.1:0",
            "RAILGATE__UPSTREAM__URL": f"http://127.0.0.1:{self.backend.port}",
            # A machine under load may take its time over a hash.
            "RAILGATE__DIRECTORY__TIMEOUT": "30s",
            "RAILGATE__HASHING__DEADLINE": "20s",
        }
        started = Gateway(self.binary, config, self.folder / "gateway.log", environment)
        self.addCleanup(lambda: started.process.poll() is None and started.stop())
        return started

    def test_one_that_only_passes_on_changes_no_token(self):
        before = ask(self.backend.port, AUTH, LOGIN)["login"]
        port = self.gateway(LEVEL_0).port
        self.assertEqual(ask(port, USERS, VIEWER, before["token"]), JOHN)
        login = ask(port, AUTH, LOGIN)["login"]
        self.assertEqual(ask(self.backend.port, USERS, VIEWER, login["token"]), JOHN)

    def test_one_that_looks_on_changes_nothing_and_counts(self):
        admin = str(free_port())
        before = ask(self.backend.port, AUTH, LOGIN)["login"]
        looking_on = LOOKING_ON + LEVEL_2.replace(CUT_OVER, "2100-01-01T00:00:00Z")
        port = self.gateway(looking_on.replace("9090", admin)).port
        self.assertEqual(ask(port, USERS, VIEWER, before["token"]), JOHN)
        login = ask(port, AUTH, LOGIN)["login"]
        self.assertEqual(ask(self.backend.port, USERS, VIEWER, login["token"]), JOHN)
        counted = block("deploy/ADOPTION.md", "railgate_shadow").replace("9090", admin)
        same = 'railgate_shadow_requests_total{outcome="same"} 2\n'
        deadline = time.monotonic() + 60
        while same not in (told := subprocess.run(["sh", "-c", counted], text=True, capture_output=True).stdout):
            self.assertLess(time.monotonic(), deadline, told)
            time.sleep(0.1)

    def test_a_gateway_comes_and_nobody_logs_in_again(self):
        before = ask(self.backend.port, AUTH, LOGIN)["login"]
        self.assertEqual(LEVEL_2.count(CUT_OVER), 1)
        cut_over = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        port = self.gateway(LEVEL_2.replace(CUT_OVER, cut_over)).port
        self.assertEqual(ask(port, USERS, VIEWER, before["token"]), JOHN)
        exchanged = refresh(port, before["refreshToken"])
        self.assertTrue(exchanged["ok"], exchanged)
        self.assertEqual(ask(port, USERS, VIEWER, exchanged["token"]), JOHN)

    def test_the_step_to_the_database_is_the_one_that_ends_sessions(self):
        first = self.gateway(LEVEL_1)
        login = ask(first.port, AUTH, LOGIN)["login"]
        first.stop()
        port = self.gateway(LEVEL_2_LATER).port
        self.assertFalse(refresh(port, login["refreshToken"])["ok"])
        self.assertTrue(ask(port, AUTH, LOGIN)["login"]["ok"])

    def test_a_gateway_goes_and_nobody_logs_in_again(self):
        first = self.gateway(LEVEL_2_LATER)
        login = ask(first.port, AUTH, LOGIN)["login"]
        self.assertFalse(ask(self.backend.port, USERS, VIEWER, login["token"])["viewer"])
        first.stop()
        last = self.gateway(LEAVING)
        leaving = refresh(last.port, login["refreshToken"])
        self.assertTrue(leaving["ok"], leaving)
        self.assertEqual(ask(last.port, USERS, VIEWER, leaving["token"]), JOHN)
        last.stop()
        self.assertEqual(ask(self.backend.port, USERS, VIEWER, leaving["token"]), JOHN)
