"""The chart's README: its lines, run by a shell as they stand, with a kubectl and a Helm that stop short of a cluster."""

import base64
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml
from servers.backend import SECRET
from servers.document import ROOT, block
from servers.gateway import built_gateway

from .chart import NEWEST, Manifest, validate
from .pod import Pod
from .tools import tool

# What the backend of the README has a Secret of.
BACKEND = {("backend", "DATABASE_URL"): "sqlite:///srv/db.sqlite3", ("backend", "SECRET_KEY"): SECRET}


def values() -> str:
    return block("charts/railgate/README.md", "tokens.keys: { name: railgate")


class Readme(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.folder, self.binary = Path(place.name), built_gateway()
        (self.folder / "charts").symlink_to(ROOT / "charts")
        self.program("railgate", f"exec '{self.binary}' \"$@\"")
        self.program("kubectl", f"exec '{tool('kubectl')}' \"$@\" --dry-run=client --output yaml")
        self.program("helm", f"exec '{tool('helm')}' \"$@\" --dry-run=client")

    def program(self, name: str, script: str) -> None:
        path = self.folder / "programs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)

    def run_lines(self, lines: str) -> str:
        path = f"{self.folder / 'programs'}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "HOME": str(self.folder)}
        done = subprocess.run(
            ["bash", "-euc", lines], cwd=self.folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def secrets(self) -> dict[tuple[str, str], str]:
        """What the README's lines put into a Secret, and the backend's own."""
        made = yaml.safe_load(self.run_lines(block("charts/railgate/README.md", "railgate keygen")))
        validate(made, NEWEST)
        name = made["metadata"]["name"]
        data = {(name, key): base64.b64decode(value).decode() for key, value in made["data"].items()}
        return {**data, **BACKEND}

    def installed(self, text: str) -> list[Manifest]:
        """What the README's `helm install` would make, by these values."""
        (self.folder / "values.yaml").write_text(text)
        said = self.run_lines(block("charts/railgate/README.md", "helm install"))
        manifests = said.split("\nMANIFEST:\n")[1].split("\nNOTES:\n")[0]
        return [manifest for manifest in yaml.safe_load_all(manifests) if manifest]

    def passes_check(self, manifests: list[Manifest]) -> None:
        for manifest in manifests:
            validate(manifest, NEWEST)
        (self.folder / "pod").mkdir()
        done = Pod(manifests, self.folder / "pod", self.secrets()).check(self.binary)
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 1), done.stdout)

    def test_its_lines_install_a_gateway_of_its_own(self):
        self.passes_check(self.installed(values()))

    def test_its_lines_put_one_into_the_backends_pods(self):
        url = "    url: http://backend.default.svc:8000\n"
        self.assertIn(url, values())
        sidecar = block("charts/railgate/README.md", "mode: sidecar")
        manifests = self.installed(values().replace(url, "") + sidecar)
        (deployment,) = (manifest for manifest in manifests if manifest["kind"] == "Deployment")
        spec, image = deployment["spec"]["template"]["spec"], yaml.safe_load(sidecar)["sidecar"]["backend"]["image"]
        self.assertIn(image, [container["image"] for container in spec["containers"]])
        self.passes_check(manifests)

    def test_its_lines_mount_the_authority_of_a_redis(self):
        more = yaml.safe_load(block("charts/railgate/README.md", "name: redis-ca"))
        together = yaml.safe_load(values())
        together = {**together, **more, "config": {**together["config"], **more["config"]}}
        manifests = self.installed(yaml.safe_dump(together))
        for manifest in manifests:
            validate(manifest, NEWEST)
        (deployment,) = (manifest for manifest in manifests if manifest["kind"] == "Deployment")
        spec = deployment["spec"]["template"]["spec"]
        (gateway,) = spec["containers"]
        self.assertEqual([volume for volume in spec["volumes"] if volume["name"] == "redis-ca"], more["extraVolumes"])
        mounts = [mount for mount in gateway["volumeMounts"] if mount["name"] == "redis-ca"]
        self.assertEqual(mounts, more["extraVolumeMounts"])
        (config,) = (manifest for manifest in manifests if manifest["kind"] == "ConfigMap")
        self.assertIn('ca = "/run/secrets/redis/ca.crt"', config["data"]["proxy.toml"])
