"""compose.yaml: as the specification has it, and the gateway takes what it is given there."""

import re
import subprocess
import unittest

import yaml
from compose_spec import PyCompose
from servers.gateway import built_gateway

from .image import ROOT

FILE = ROOT / "deploy/compose.yaml"
SETTINGS = {"SECRET_KEY": "a secret of forty characters, for tests.", "POSTGRES_PASSWORD": "password"}


def interpolated() -> str:
    """With the settings in place of `${NAME:?…}`."""
    return re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: SETTINGS[found[1]], FILE.read_text())


class Compose(unittest.TestCase):
    def setUp(self):
        self.file = yaml.safe_load(interpolated())
        self.services = self.file["services"]

    def test_it_is_as_specified(self):
        text = interpolated()
        self.assertNotIn("${", text)
        composed = PyCompose.from_yaml(text)
        composed.validate()

    def test_the_files_that_it_names_are_there(self):
        folder = FILE.parent
        gateway, backend = self.services["gateway"]["build"], self.services["backend"]["build"]
        self.assertTrue((folder / gateway["context"] / gateway["dockerfile"]).is_file())
        self.assertTrue((folder / backend / "Dockerfile").is_file())
        self.assertTrue((folder / self.file["configs"]["proxy.toml"]["file"]).is_file())

    def test_the_gateway_takes_its_environment(self):
        config = ROOT / "proxy.toml"
        environment = self.services["gateway"]["environment"]
        command = [built_gateway(), "check", "--config", config]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 1), done.stdout)
        for name in environment:
            self.assertIn(f'"{name}"', config.read_text())

    def test_nobody_reaches_the_backend_but_through_the_gateway(self):
        backend = self.services["backend"]
        self.assertEqual(backend["network_mode"], "service:gateway")
        self.assertNotIn("ports", backend)
        for published in self.services["gateway"]["ports"]:
            self.assertTrue(published.startswith("127.0.0.1:"), published)
        self.assertNotIn("ports", self.services["postgres"] | self.services["redis"])

    def test_both_ends_agree(self):
        gateway, backend = self.services["gateway"]["environment"], self.services["backend"]["environment"]
        self.assertEqual(gateway["RAILGATE_RAIL_JWT_SECRET"], backend["SECRET_KEY"])
        self.assertEqual(gateway["RAILGATE_DIRECTORY_URL"], backend["DATABASE_URL"])
        self.assertTrue(gateway["RAILGATE_UPSTREAM"].endswith(f":{backend['BACKEND_PORT']}"))
