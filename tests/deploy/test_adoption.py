"""The ways in and out that deploy/ADOPTION.md describes, with a real backend: nobody logs in again."""

import json
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

from servers.backend import SECRET, Backend, free_port, seed
from servers.gateway import Gateway, built_gateway

AUTH, USERS = "/graphql/auth/", "/graphql/gql/"
LOGIN = 'mutation { login(username: "john", password: "secret123") { ok token refreshToken } }'
VIEWER = "{ viewer { username } }"
JOHN = {"viewer": {"username": "john"}}
IN_FRONT = """
state_dir = "{folder}/state"
[[listeners]]
address = "127.0.0.1:0"
auth = "{auth}"
[upstream]
url = "http://127.0.0.1:{upstream}"
"""
# A machine under load may take its time over a hash.
UPSTREAM_ONLY = """
[directory]
kind = "upstream"
timeout = "30s"
"""
WITH_DATABASE = """
[upstream.identity]
bearer = "rail-jwt"
rail_jwt_secret = {{ env = "SECRET_KEY" }}
[directory]
url = {{ env = "DATABASE_URL" }}
timeout = "30s"
[hashing]
deadline = "20s"
"""
WAY_IN = """
[tokens]
accept_rail_jwt = {{ secret = {{ env = "SECRET_KEY" }}, cut_over = {cut_over} }}
"""
WAY_OUT = """
[tokens]
format = "jwt"
jwt_secret = {{ env = "SECRET_KEY" }}
access_lifetime = "1d"
"""


def ask(port: int, path: str, document: str, token: str | None = None) -> dict:
    headers = {"Content-Type": "application/graphql", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", document.encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]


def refresh(port: int, token: str) -> dict:
    document = f'mutation {{ refreshToken(refreshToken: "{token}") {{ ok token refreshToken }} }}'
    return ask(port, AUTH, document)["refreshToken"]


def metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return answer.read().decode()


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

    def gateway(self, *sections: str, variables: dict[str, str] | None = None, **values: str) -> Gateway:
        """Each start goes on with the keys and sessions of the one before."""
        config = self.folder / "proxy.toml"
        text = "".join((IN_FRONT, *sections))
        values = {"auth": "optional", **values}
        config.write_text(text.format(folder=self.folder, upstream=self.backend.port, **values))
        environment = {"SECRET_KEY": SECRET, "DATABASE_URL": self.backend.database_url, **(variables or {})}
        started = Gateway(self.binary, config, self.folder / "gateway.log", environment)
        self.addCleanup(lambda: started.process.poll() is None and started.stop())
        return started

    def test_one_that_only_passes_on_changes_no_token(self):
        before = ask(self.backend.port, AUTH, LOGIN)["login"]
        port = self.gateway(UPSTREAM_ONLY, auth="none").port
        self.assertEqual(ask(port, USERS, VIEWER, before["token"]), JOHN)
        login = ask(port, AUTH, LOGIN)["login"]
        self.assertEqual(ask(self.backend.port, USERS, VIEWER, login["token"]), JOHN)

    def test_one_that_looks_on_changes_nothing_and_counts(self):
        admin = free_port()
        shadow = {"RAILGATE__MODE": "shadow", "RAILGATE__ADMIN__ADDRESS": f"127.0.0.1:{admin}"}
        before = ask(self.backend.port, AUTH, LOGIN)["login"]
        port = self.gateway(WITH_DATABASE, WAY_IN, variables=shadow, cut_over="2100-01-01T00:00:00Z").port
        self.assertEqual(ask(port, USERS, VIEWER, before["token"]), JOHN)
        login = ask(port, AUTH, LOGIN)["login"]
        self.assertEqual(ask(self.backend.port, USERS, VIEWER, login["token"]), JOHN)
        same = 'railgate_shadow_requests_total{outcome="same"}'
        deadline = time.monotonic() + 60
        while f"{same} 2\n" not in (page := metrics(admin)):
            self.assertLess(time.monotonic(), deadline, page)
            time.sleep(0.1)

    def test_a_gateway_comes_and_nobody_logs_in_again(self):
        before = ask(self.backend.port, AUTH, LOGIN)["login"]
        cut_over = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        port = self.gateway(WITH_DATABASE, WAY_IN, cut_over=cut_over).port
        self.assertEqual(ask(port, USERS, VIEWER, before["token"]), JOHN)
        exchanged = refresh(port, before["refreshToken"])
        self.assertTrue(exchanged["ok"], exchanged)
        self.assertEqual(ask(port, USERS, VIEWER, exchanged["token"]), JOHN)

    def test_the_step_to_the_database_is_the_one_that_ends_sessions(self):
        first = self.gateway(UPSTREAM_ONLY)
        login = ask(first.port, AUTH, LOGIN)["login"]
        first.stop()
        port = self.gateway(WITH_DATABASE).port
        self.assertFalse(refresh(port, login["refreshToken"])["ok"])
        self.assertTrue(ask(port, AUTH, LOGIN)["login"]["ok"])

    def test_a_gateway_goes_and_nobody_logs_in_again(self):
        first = self.gateway(WITH_DATABASE)
        login = ask(first.port, AUTH, LOGIN)["login"]
        self.assertFalse(ask(self.backend.port, USERS, VIEWER, login["token"])["viewer"])
        first.stop()
        last = self.gateway(WITH_DATABASE, WAY_OUT)
        leaving = refresh(last.port, login["refreshToken"])
        self.assertTrue(leaving["ok"], leaving)
        self.assertEqual(ask(last.port, USERS, VIEWER, leaving["token"]), JOHN)
        last.stop()
        self.assertEqual(ask(self.backend.port, USERS, VIEWER, leaving["token"]), JOHN)
