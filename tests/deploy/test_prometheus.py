"""Prometheus itself reads a gateway that has seen traffic: every query of the dashboard and of the rules finds something."""

import base64
import hashlib
import json
import re
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml
from servers.backend import free_port
from servers.gateway import Gateway, built_gateway
from servers.redis import Redis

from .image import ROOT

RULES = ROOT / "deploy/prometheus/alerts.yaml"
DASHBOARD = ROOT / "deploy/grafana/railgate.json"
UNIT_TESTS = Path(__file__).with_name("alerts_tests.yaml")
CONFIG = """
state_dir = "{folder}/state"
[[listeners]]
address = "127.0.0.1:0"
[admin]
address = "127.0.0.1:{admin}"
[upstream]
url = "http://127.0.0.1:{upstream}"
[directory]
kind = "file"
path = "users.toml"
[hashing]
iterations = 10000
[store]
url = "{store}"
timeout = "1s"
[[routes]]
path = "/reports*"
auth = "required"
"""
PROMETHEUS = """
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [{rules}]
scrape_configs:
  - job_name: railgate
    static_configs: [{{ targets: ["127.0.0.1:{admin}"] }}]
"""
LOGIN = 'mutation {{ login(username: "eva", password: "{}") {{ ok errorCode }} }}'


class Answers(BaseHTTPRequestHandler):
    """A backend: 500 below /broken, an answer without an end below /endless, 200 elsewhere."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith("/endless"):
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"a" * 1000)
            self.wfile.flush()
            time.sleep(60)
            return
        self.send_response(500 if self.path.startswith("/broken") else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *_):
        pass


def hashed(password: str) -> str:
    """As Django stores it."""
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), b"saltsaltsaltsaltsaltsa", 10000)
    return f"pbkdf2_sha256$10000$saltsaltsaltsaltsaltsa${base64.b64encode(digest).decode()}"


def dashboard_queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def rules() -> list[dict]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def measured(expression: str) -> str:
    """What an alert compares, without the comparison."""
    left, count = re.subn(r"\s*(==|>)\s*[\d.]+\s*$", "", expression)
    assert count == 1, expression
    return left


class Rules(unittest.TestCase):
    def test_they_are_valid_and_say_what_to_do(self):
        subprocess.run(["promtool", "check", "rules", RULES], check=True, capture_output=True)
        for rule in rules():
            with self.subTest(rule["alert"]):
                self.assertIn(rule["labels"]["severity"], ("page", "ticket"))
                self.assertGreater(len(rule["annotations"]["runbook"]), 100)

    def test_they_fire_when_they_should_and_not_before(self):
        done = subprocess.run(["promtool", "test", "rules", UNIT_TESTS], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        tried = set(re.findall(r'alertname="(\w+)", instance="bad"', UNIT_TESTS.read_text()))
        self.assertEqual(tried, {rule["alert"] for rule in rules()})

    def test_the_dashboard_asks_for_nothing_that_grafana_would_not_fill_in(self):
        variables = {name for query in dashboard_queries() for name in re.findall(r"\$(\w+)", query)}
        self.assertEqual(variables, {"instance", "__rate_interval"})


class Reading(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.folder = Path(place.name)
        cls.redis = Redis(cls.folder)
        cls.addClassCleanup(cls.redis.process.wait, 10)
        cls.addClassCleanup(cls.redis.process.kill)
        backend = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        backend.daemon_threads = True
        threading.Thread(target=backend.serve_forever, daemon=True).start()
        cls.addClassCleanup(backend.shutdown)
        cls.admin, cls.port = free_port(), free_port()
        cls.gateway = cls.start_gateway(backend.server_port)
        cls.addClassCleanup(cls.gateway.stop)
        cls.start_prometheus()

    @classmethod
    def start_gateway(cls, upstream: int) -> Gateway:
        users = cls.folder / "users.toml"
        users.write_text(f'[[users]]\nid = "1"\nusername = "eva"\npassword = "{hashed("correct horse")}"\n')
        users.chmod(0o600)
        config = cls.folder / "proxy.toml"
        config.write_text(CONFIG.format(folder=cls.folder, admin=cls.admin, upstream=upstream, store=cls.redis.url))
        return Gateway(built_gateway(), config, cls.folder / "gateway.log")

    @classmethod
    def start_prometheus(cls) -> None:
        config = cls.folder / "prometheus.yml"
        config.write_text(PROMETHEUS.format(rules=RULES, admin=cls.admin))
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={cls.folder / 'tsdb'}"]
        with (cls.folder / "prometheus.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, f"--web.listen-address=127.0.0.1:{cls.port}"], stdout=log, stderr=log
            )
        cls.addClassCleanup(process.wait, 30)
        cls.addClassCleanup(process.terminate)

    def ask(self, path: str, document: str | None = None) -> int:
        body = document.encode() if document else None
        headers = {"Content-Type": "application/graphql"} if document else {}
        request = urllib.request.Request(f"http://127.0.0.1:{self.gateway.port}{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def leave(self) -> None:
        """Asks, and does not wait for the end."""
        with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=30) as stream:
            stream.sendall(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
            stream.recv(100)

    def traffic(self) -> None:
        """Some of everything."""
        self.assertEqual([self.ask("/"), self.ask("/broken"), self.ask("/reports/1")], [200, 500, 401])
        self.ask("/graphql/gql/", "{ a }")
        for password in ("correct horse", "wrong"):
            self.ask("/graphql/auth/", LOGIN.format(password))
        self.leave()

    def query(self, expression: str) -> list[dict]:
        asked = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{asked}", timeout=30) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            self.fail(f"{expression}\n{error.read().decode()}")
        except OSError:
            # It is still starting.
            return []

    def finds(self, what: str, expression: str) -> None:
        """In a while: a rate needs two readings."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.query(expression):
                return
            time.sleep(0.5)
            self.traffic()
        self.fail(f"nothing for {what}: {expression}")

    def test_every_query_finds_something(self):
        self.traffic()
        self.assertGreater(len(dashboard_queries()), 40)
        for query in dashboard_queries():
            with self.subTest(query):
                filled = query.replace("$__rate_interval", "1m").replace("$instance", ".*")
                self.finds("the dashboard", filled)
        for rule in rules():
            with self.subTest(rule["alert"]):
                expression = measured(rule["expr"])
                if "SERVICE_UNAVAILABLE" in expression:
                    # What came of these is tried below.
                    expression = expression.replace('code=~"SERVICE_UNAVAILABLE|BUSY"', 'code="INVALID_CREDENTIALS"')
                self.finds(rule["alert"], expression)

    def test_without_its_store_it_says_so(self):
        self.finds("a store that is there", 'railgate_dependency_up{dependency="store"} == 1')
        self.redis.process.kill()
        self.redis.process.wait(10)
        self.ask("/graphql/auth/", LOGIN.format("correct horse"))
        (down,) = (rule["expr"] for rule in rules() if rule["alert"] == "RailgateDependencyDown")
        self.finds("a store that is away", down)
        (fails,) = (rule["expr"] for rule in rules() if rule["alert"] == "RailgateLogins5xx")
        self.finds("logins that fail", fails)
        until, pending = time.monotonic() + 60, []
        while "RailgateDependencyDown" not in pending and time.monotonic() < until:
            time.sleep(0.5)
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/alerts", timeout=30) as answer:
                pending = [alert["labels"]["alertname"] for alert in json.load(answer)["data"]["alerts"]]
        self.assertIn("RailgateDependencyDown", pending)
