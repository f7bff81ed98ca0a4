"""A gateway that Prometheus reads, with a Redis and a backend that does what it is told, and some of every kind of traffic."""

import base64
import hashlib
import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from servers.backend import free_port
from servers.gateway import Gateway, built_gateway
from servers.redis import Redis

from .image import ROOT

RULES = ROOT / "deploy/prometheus/alerts.yaml"
DASHBOARD = ROOT / "deploy/grafana/railgate.json"
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
    static_configs: [{{ targets: ["127.0.0.1:{admin}"], labels: {{ instance: gateway }} }}]
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


class Watched:
    """All of it, in this folder. What was started ends with `stop`."""

    def __init__(self, folder: Path):
        self.folder, self.started = folder, ExitStack()
        self.redis = Redis(folder)
        self.started.callback(self.redis.process.wait, 10)
        self.started.callback(self.redis.process.kill)
        backend = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        backend.daemon_threads = True
        threading.Thread(target=backend.serve_forever, daemon=True).start()
        self.started.callback(backend.shutdown)
        self.admin, self.port = free_port(), free_port()
        self.gateway = self.start_gateway(backend.server_port)
        self.started.callback(self.gateway.stop)
        self.start_prometheus()

    def stop(self) -> None:
        self.started.close()

    def start_gateway(self, upstream: int) -> Gateway:
        users = self.folder / "users.toml"
        users.write_text(f'[[users]]\nid = "1"\nusername = "eva"\npassword = "{hashed("correct horse")}"\n')
        users.chmod(0o600)
        config = self.folder / "proxy.toml"
        config.write_text(CONFIG.format(folder=self.folder, admin=self.admin, upstream=upstream, store=self.redis.url))
        return Gateway(built_gateway(), config, self.folder / "gateway.log")

    def start_prometheus(self) -> None:
        config = self.folder / "prometheus.yml"
        config.write_text(PROMETHEUS.format(rules=RULES, admin=self.admin))
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder / 'tsdb'}"]
        with (self.folder / "prometheus.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log
            )
        self.started.callback(process.wait, 30)
        self.started.callback(process.terminate)

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

    def log_in(self, password: str) -> int:
        return self.ask("/graphql/auth/", LOGIN.format(password))

    def traffic(self) -> None:
        """Some of everything."""
        answers = [self.ask("/"), self.ask("/broken"), self.ask("/reports/1")]
        assert answers == [200, 500, 401], answers
        self.ask("/graphql/gql/", "{ a }")
        for password in ("correct horse", "wrong"):
            self.log_in(password)
        self.leave()

    def prometheus(self, path: str, **asked: object) -> dict:
        """What Prometheus answers; one that can't be asked yet raises an `OSError`."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{asked}\n{error.read().decode()}") from None

    def query(self, expression: str) -> list[dict]:
        try:
            return self.prometheus("query", query=expression)["result"]
        except OSError:
            # It is still starting.
            return []


def panels() -> list[dict]:
    """Of the dashboard, in their order."""
    return json.loads(DASHBOARD.read_text())["panels"]


def filled(query: str) -> str:
    """With what Grafana fills in."""
    return query.replace("$__rate_interval", "1m").replace("$instance", ".*")
