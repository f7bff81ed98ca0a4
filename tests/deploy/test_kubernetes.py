"""deploy/kubernetes: rendered by kustomize, and the same as what the chart makes."""

import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml
from charts import chart
from charts.chart import containers_of, gateway_of, one, pod_of, ports_asked_by_name, render
from charts.pod import Pod
from charts.tools import tool
from servers.gateway import built_gateway

from .image import ROOT

FOLDER = ROOT / "deploy/kubernetes"
TREES = ("base", "overlays/single", "overlays/sidecar")
# The first version that has all that is in them.
OLDEST = "1.30"


def built(tree: str) -> list[chart.Manifest]:
    done = subprocess.run([tool("kubectl"), "kustomize", FOLDER / tree], check=True, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def kind_of_state(pod: chart.Manifest) -> set[str]:
    """What the volume is that the gateway writes to."""
    (found,) = (volume for volume in pod["volumes"] if volume["name"] == "railgate-state")
    return found.keys()


class Kustomize(unittest.TestCase):
    def test_every_manifest_is_valid(self):
        for tree in TREES:
            for kube in (OLDEST, chart.NEWEST):
                for manifest in built(tree):
                    with self.subTest(tree=tree, kube=kube, kind=manifest["kind"]):
                        chart.validate(manifest, kube)

    def test_the_container_is_the_charts(self):
        for tree, case in (("base", "gateway"), ("overlays/single", "single"), ("overlays/sidecar", "sidecar")):
            with self.subTest(tree=tree):
                self.assertEqual(gateway_of(pod_of(built(tree))), gateway_of(pod_of(render(case))))

    def test_the_pod_is_the_charts(self):
        for tree, case in (("base", "gateway"), ("overlays/single", "single"), ("overlays/sidecar", "sidecar")):
            with self.subTest(tree=tree):
                own, charts = one(built(tree), "Deployment")["spec"], one(render(case), "Deployment")["spec"]
                self.assertEqual(own["replicas"], charts["replicas"])
                self.assertEqual(own.get("strategy", charts["strategy"]), charts["strategy"])
                own, charts = own["template"]["spec"], charts["template"]["spec"]
                self.assertEqual(kind_of_state(own), kind_of_state(charts))
                for key in ("terminationGracePeriodSeconds", "securityContext"):
                    self.assertEqual(own.get(key), charts.get(key), key)

    def test_the_backend_stops_as_the_charts_does(self):
        hooks = [
            container["lifecycle"]
            for manifests in (built("overlays/sidecar"), render("sidecar"))
            for container in containers_of(pod_of(manifests))
            if container["name"] == "backend"
        ]
        self.assertEqual(hooks[0], hooks[1])

    def test_ports_and_selectors_meet(self):
        for tree in TREES:
            with self.subTest(tree=tree):
                manifests = built(tree)
                template = one(manifests, "Deployment")["spec"]["template"]
                service, policy = one(manifests, "Service")["spec"], one(manifests, "NetworkPolicy")["spec"]
                labels = template["metadata"]["labels"].items()
                self.assertLessEqual(service["selector"].items(), labels)
                self.assertLessEqual(policy["podSelector"]["matchLabels"].items(), labels)
                for budget in (manifest for manifest in manifests if manifest["kind"] == "PodDisruptionBudget"):
                    self.assertEqual(budget["spec"]["selector"]["matchLabels"], service["selector"])
                port, admin = gateway_of(template["spec"])["ports"]
                self.assertIn(f':{admin["containerPort"]}"', one(manifests, "ConfigMap")["data"]["proxy.toml"])
                self.assertEqual(service["ports"][0]["targetPort"], port["containerPort"])
                self.assertEqual(policy["ingress"], [{"ports": [{"port": port["containerPort"], "protocol": "TCP"}]}])
                for container in containers_of(template["spec"]):
                    named = {port["name"] for port in container.get("ports", [])}
                    self.assertLessEqual(ports_asked_by_name(container), named)

    def test_the_gateway_takes_the_configuration(self):
        binary = built_gateway()
        key = subprocess.run([binary, "keygen"], check=True, capture_output=True, text=True).stdout
        secrets = {
            ("railgate", "tokens.keys"): key,
            ("railgate", "store.url"): "redis://redis:6379/0",
            ("railgate", "directory.url"): "postgres://railgate:password@postgres:5432/project",
            ("railgate", "upstream.identity.rail_jwt_secret"): "a secret of the backend's, for tests",
        }
        for tree in TREES:
            with self.subTest(tree=tree), tempfile.TemporaryDirectory() as folder:
                done = Pod(built(tree), Path(folder), secrets).check(binary)
                self.assertTrue(done.stdout.endswith("proxy.toml: ok\n"), done.stdout)
                self.assertEqual(len(done.stdout.splitlines()), 1, done.stdout)
