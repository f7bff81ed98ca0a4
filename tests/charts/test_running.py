"""The gateway itself takes what the chart renders: by `check`, and by logging somebody in."""

import json
import shutil
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

from servers.backend import SECRET, Backend, free_port, seed
from servers.certificates import self_signed
from servers.gateway import built_gateway
from servers.redis import Redis

from .chart import CASES, CHART, render
from .pod import Pod

LOGIN = 'mutation { login(username: "john", password: "secret123") { ok token } }'


class Running(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.binary = built_gateway()
        cls.redis = Redis(cls.folder)
        cls.addClassCleanup(cls.redis.stop)
        (cls.folder / "seeded").mkdir()
        seed(cls.folder / "seeded", "newsroom.settings")
        cls.backend = Backend(cls.folder / "seeded", cls.folder / "backend", "newsroom.settings")
        cls.addClassCleanup(cls.backend.stop)
        cls.backend.wait()
        cls.secrets = cls.all_secrets()

    @classmethod
    def all_secrets(cls) -> dict[tuple[str, str], str]:
        def keygen(*options: str) -> str:
            return subprocess.run([cls.binary, "keygen", *options], check=True, capture_output=True, text=True).stdout

        certificate, key = cls.pair = self_signed(cls.folder)
        return {
            ("railgate", "railgate.key"): keygen(),
            ("railgate", "assertion.key"): keygen("--assertion"),
            ("railgate", "redis-url"): cls.redis.url,
            ("backend", "DATABASE_URL"): cls.backend.database_url,
            ("backend", "SECRET_KEY"): SECRET,
            ("front-tls", "tls.crt"): certificate.read_text(),
            ("front-tls", "tls.key"): key.read_text(),
        }

    def pod(self, case: str, *settings: str, chart: Path = CHART) -> Pod:
        """Rendered for ports of this machine."""
        self.port, self.admin, place = free_port(), free_port(), tempfile.TemporaryDirectory(dir=self.folder)
        self.addCleanup(place.cleanup)
        below = "" if chart == CHART else "railgate."
        upstream = f'"http://127.0.0.1:{self.backend.port}"'
        more = [f"{below}listener.port={self.port}", f"{below}admin.port={self.admin}"]
        more += [f"{below}sidecar.backend.port={self.backend.port}"]
        # A machine under load may take its time over a hash.
        more += [f'{below}config.directory.timeout="30s"', f'{below}config.hashing.deadline="20s"']
        if case == "everything":
            more.append(f'extraEnv=[{{"name":"BACKEND_URL","value":{upstream}}}]')
        elif case in ("gateway", "single"):
            more.append(f"config.upstream.url={upstream}")
        return Pod(render(case, *more, *settings, chart=chart), Path(place.name), self.secrets)

    def start(self, pod: Pod) -> subprocess.Popen:
        """Until its probes are content."""
        log = pod.folder / "gateway.log"
        with log.open("wb") as file:
            process = subprocess.Popen(pod.command(self.binary), env=pod.environment(), stderr=file)
        self.addCleanup(process.wait, 10)
        self.addCleanup(process.kill)
        until = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < until:
            if all(self.is_content(pod.container[f"{kind}Probe"]) for kind in ("startup", "liveness", "readiness")):
                return process
            time.sleep(0.02)
        self.fail(f"the gateway does not start:\n{log.read_text()}")

    def is_content(self, probe: dict) -> bool:
        """As the kubelet asks."""
        self.assertEqual(probe["httpGet"]["port"], "admin")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{probe['httpGet']['path']}", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, path: str, document: str, token: str | None = None, scheme: str = "http") -> dict:
        context = ssl.create_default_context(cafile=self.folder / "tls.crt") if scheme == "https" else None
        headers = {"Content-Type": "application/graphql", **({"Authorization": f"Bearer {token}"} if token else {})}
        url = f"{scheme}://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, document.encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return json.load(answer)["data"]

    def logs_in_and_stops(self, pod: Pod, scheme: str = "http") -> None:
        gateway = self.start(pod)
        login = self.ask("/graphql/auth/", LOGIN, scheme=scheme)["login"]
        self.assertTrue(login["ok"], login)
        viewer = self.ask("/graphql/gql/", "{ viewer { username } }", login["token"], scheme)
        self.assertEqual(viewer, {"viewer": {"username": "john"}})
        gateway.terminate()
        self.assertEqual(gateway.wait(30), 0)

    def test_every_configuration_passes_check_without_a_warning(self):
        for case in CASES:
            with self.subTest(case=case):
                done = self.pod(case).check(self.binary)
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertTrue(done.stdout.endswith("proxy.toml: ok\n"), done.stdout)
                self.assertEqual(len(done.stdout.splitlines()), 1, done.stdout)

    def test_every_deployment_logs_in_and_stops_when_told(self):
        for case in CASES:
            with self.subTest(case=case):
                self.logs_in_and_stops(self.pod(case), "https" if case == "everything" else "http")

    def test_a_consumers_deployment_does_so_too(self):
        consumer = self.folder / "newsroom"
        shutil.copytree(Path(__file__).parent / "consumer", consumer)
        shutil.copytree(CHART, consumer / "charts/railgate")
        self.logs_in_and_stops(self.pod("gateway", chart=consumer))

    def test_a_redis_that_speaks_tls_is_trusted_by_what_is_in_a_secret(self):
        redis = Redis(self.folder, self.pair)
        self.addCleanup(redis.stop)
        self.secrets = {
            **self.secrets,
            ("railgate", "redis-url"): redis.url,
            ("redis-ca", "ca.crt"): self.pair[0].read_text(),
        }
        items = [{"key": "ca.crt", "path": "ca.crt"}]
        volumes = [{"name": "redis-ca", "secret": {"secretName": "redis-ca", "items": items}}]
        mounts = [{"name": "redis-ca", "mountPath": "/run/secrets/redis", "readOnly": True}]
        self.logs_in_and_stops(
            self.pod(
                "gateway",
                'config.store.tls.ca="/run/secrets/redis/ca.crt"',
                f"extraVolumes={json.dumps(volumes)}",
                f"extraVolumeMounts={json.dumps(mounts)}",
            )
        )

    def test_check_says_what_helm_cannot_know(self):
        done = self.pod("gateway", "config.graphql.batchin=true").check(self.binary)
        self.assertEqual(done.returncode, 1)
        self.assertIn("`graphql.batchin` is not a key", done.stdout)
