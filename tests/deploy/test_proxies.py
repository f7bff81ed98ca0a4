"""nginx and HAProxy before the gateway, by the files in deploy/: it learns the client's address, whatever that claims."""

import http.client
import re
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from servers.backend import Backend, free_port, seed
from servers.gateway import Gateway, built_gateway

from .image import ROOT

CONFIG = """
state_dir = "{folder}/state"
[server]
trusted_proxies = ["127.0.0.1"]
[[listeners]]
address = "127.0.0.1:{requests}"
[[listeners]]
address = "127.0.0.1:{bytes}"
proxy_protocol = true
[upstream]
url = "http://127.0.0.1:{upstream}"
[directory]
kind = "upstream"
timeout = "30s"
"""
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {file}
}}
"""
CLIENT = "127.0.0.2"
LOGIN = 'mutation { login(username: "john", password: "secret123") { ok } }'


class Proxies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.folder = Path(place.name)
        # nginx's workers are somebody else where it is started by root.
        cls.folder.chmod(0o755)
        (cls.folder / "seeded").mkdir()
        seed(cls.folder / "seeded", "newsroom.settings")
        backend = Backend(cls.folder / "seeded", cls.folder / "backend", "newsroom.settings")
        cls.addClassCleanup(backend.stop)
        backend.wait()
        cls.requests, cls.bytes = free_port(), free_port()
        config = cls.folder / "proxy.toml"
        values = {"folder": cls.folder, "requests": cls.requests, "bytes": cls.bytes, "upstream": backend.port}
        config.write_text(CONFIG.format(**values))
        cls.gateway = Gateway(built_gateway(), config, cls.folder / "gateway.log")
        cls.addClassCleanup(cls.gateway.stop)

    def moved(self, file: str, **ports: int) -> str:
        """A file of deploy/ whose ports are those of this test, each found in it once at least."""
        text = (ROOT / "deploy" / file).read_text()
        for old, new in ports.items():
            address = f"127.0.0.1:{old.removeprefix('port')}"
            text, count = re.subn(rf"{re.escape(address)}\b", f"127.0.0.1:{new}", text)
            self.assertGreater(count, 0, address)
        return text

    def start(self, *command: str | Path) -> None:
        with (self.folder / "front.log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.terminate)

    def nginx(self) -> int:
        port, config = free_port(), self.folder / "nginx.conf"
        text = self.moved("nginx/proxy.conf", port80=port, port8080=self.requests)
        config.write_text(NGINX.format(folder=self.folder, file=text))
        self.start("nginx", "-p", self.folder, "-c", config)
        return port

    def haproxy(self) -> tuple[int, int]:
        ports, config = (free_port(), free_port()), self.folder / "haproxy.cfg"
        moves = {"port80": ports[0], "port443": ports[1], "port8080": self.requests, "port8081": self.bytes}
        config.write_text(self.moved("haproxy/proxy.cfg", **moves))
        self.start("haproxy", "-db", "-f", config)
        return ports

    def log_in(self, port: int) -> str:
        """Whose address the audit log has of a login by a client that lies about its own."""
        self.gateway.log.news()
        lies = {"X-Forwarded-For": "192.0.2.66", "Forwarded": "for=192.0.2.66"}
        headers = {"Content-Type": "application/graphql", **lies}
        until = time.monotonic() + 20
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(CLIENT, 0))
            try:
                connection.request("POST", "/graphql/auth/", LOGIN, headers)
                self.assertIn('"ok":true', connection.getresponse().read().decode().replace(" ", ""))
                break
            except OSError:
                if time.monotonic() > until:
                    self.fail((self.folder / "front.log").read_text())
                time.sleep(0.05)
            finally:
                connection.close()
        (address,) = re.findall(r'audit: login outcome="ok".* address=(\S+)', self.gateway.log.news())
        return address

    def test_nginx_tells_who_asks(self):
        self.assertEqual(self.log_in(self.nginx()), CLIENT)

    def test_haproxy_tells_who_asks_by_a_header_and_who_connects_by_the_proxy_protocol(self):
        requests, connections = self.haproxy()
        self.assertEqual(self.log_in(requests), CLIENT)
        self.assertEqual(self.log_in(connections), CLIENT)
