"""What the chart makes of values."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from . import chart
from .chart import CASES, CHART, containers_of, gateway_of, kinds, one, pod_of, render, service_of
from .tools import tool

# Before and after each version at which the chart renders something else, and the ends of what it supports.
VERSIONS = ("1.25", "1.28", "1.29", "1.30", chart.NEWEST)


class Rendering(unittest.TestCase):
    def test_every_manifest_is_valid_on_every_version(self):
        for case in CASES:
            for kube in VERSIONS:
                with self.subTest(case=case, kube=kube):
                    manifests = render(case, kube=kube)
                    self.assertIn("ConfigMap", kinds(manifests))
                    for manifest in manifests:
                        chart.validate(manifest, kube)

    def test_lint_finds_nothing(self):
        for case, values in CASES.items():
            with self.subTest(case=case):
                command = [tool("helm"), "lint", "--strict", "--quiet", CHART, "--values", values]
                done = subprocess.run(command, capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def test_objects_that_are_off_are_not_made(self):
        base = {"ConfigMap", "Deployment", "NetworkPolicy", "Pod", "Service", "ServiceAccount"}
        self.assertEqual(kinds(render("gateway")), base | {"PodDisruptionBudget"})
        self.assertEqual(kinds(render("sidecar")), base | {"PodDisruptionBudget"})
        self.assertEqual(kinds(render("single")), base | {"PersistentVolumeClaim"})
        all_of_them = {"HTTPRoute", "HorizontalPodAutoscaler", "Ingress", "PodDisruptionBudget", "ServiceMonitor"}
        self.assertEqual(kinds(render("everything")), base | all_of_them)
        self.assertNotIn("demo-railgate-admin", [manifest["metadata"]["name"] for manifest in render("gateway")])

    def test_another_configuration_makes_new_pods(self):
        def checksum(*settings: str) -> str:
            template = one(render("gateway", *settings), "Deployment")["spec"]["template"]
            return template["metadata"]["annotations"]["checksum/railgate-config"]

        self.assertEqual(checksum(), checksum())
        self.assertNotEqual(checksum(), checksum('config.log.level="debug"'))

    def test_nothing_runs_as_root_or_may_become_it(self):
        for case in CASES:
            with self.subTest(case=case):
                pod = pod_of(render(case))
                self.assertIs(pod["automountServiceAccountToken"], False)
                context = gateway_of(pod)["securityContext"]
                self.assertGreater(context.pop("runAsUser"), 0)
                self.assertGreater(context.pop("runAsGroup"), 0)
                expected = {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                    "runAsNonRoot": True,
                    "seccompProfile": {"type": "RuntimeDefault"},
                }
                self.assertEqual(context, expected)

    def test_the_file_of_a_store_belongs_to_one_pod_at_a_time(self):
        self.assertEqual(one(render("single"), "Deployment")["spec"]["strategy"], {"type": "Recreate"})
        rolling = one(render("gateway"), "Deployment")["spec"]["strategy"]["rollingUpdate"]
        self.assertEqual(rolling, {"maxUnavailable": 0, "maxSurge": 1})

    def test_state_is_kept_on_the_claim_only_for_a_file(self):
        def state(case: str, *settings: str) -> dict:
            volumes = pod_of(render(case, *settings))["volumes"]
            (found,) = (volume for volume in volumes if volume["name"] == "railgate-state")
            return {key: value for key, value in found.items() if key != "name"}

        self.assertEqual(state("single"), {"persistentVolumeClaim": {"claimName": "demo-railgate"}})
        own = state("single", 'persistence.existingClaim="mine"')
        self.assertEqual(own, {"persistentVolumeClaim": {"claimName": "mine"}})
        self.assertEqual(state("gateway", "persistence.enabled=true"), {"emptyDir": {}})

    def test_probes_are_given_by_one_value_each(self):
        asked = ("startupProbe", "livenessProbe", "readinessProbe")

        def handlers(*settings: str) -> list[dict]:
            container = gateway_of(pod_of(render("gateway", *settings)))
            return [{k: v for k, v in container[name].items() if isinstance(v, dict)} for name in asked]

        live, ready = {"httpGet": {"path": "/livez", "port": "admin"}}, {"httpGet": {"path": "/readyz", "port": "admin"}}
        self.assertEqual(handlers(), [live, live, ready])
        live, ready = {"httpGet": {"path": "/livez", "port": 9000}}, {"httpGet": {"path": "/readyz", "port": 9000}}
        set_to = ('probes.liveness={"httpGet":{"path":"/livez","port":9000}}',
                  'probes.readiness={"httpGet":{"path":"/readyz","port":9000}}')
        self.assertEqual(handlers(*set_to), [live, live, ready])

    def test_an_address_of_ipv6_is_written_in_brackets(self):
        text = one(render("gateway", 'listener.host="::"'), "ConfigMap")["data"]["proxy.toml"]
        self.assertIn('address = "[::]:8080"', text)
        self.assertIn('address = "[::]:9902"', text)

    def test_the_network_reaches_the_gateways_port_alone(self):
        spec = one(render("sidecar"), "NetworkPolicy")["spec"]
        self.assertEqual(spec["policyTypes"], ["Ingress"])
        self.assertEqual(spec["ingress"], [{"ports": [{"port": 8080, "protocol": "TCP"}]}])
        spec = one(render("everything"), "NetworkPolicy")["spec"]
        self.assertEqual(spec["policyTypes"], ["Ingress", "Egress"])
        self.assertEqual(len(spec["ingress"][0]["from"]), 1)

    def test_the_admin_port_is_for_those_who_watch(self):
        def rule(case: str, *settings: str) -> list[dict]:
            rules = one(render(case, *settings), "NetworkPolicy")["spec"]["ingress"]
            return [rule["from"] for rule in rules if rule["ports"] == [{"port": 9902, "protocol": "TCP"}]]

        self.assertEqual(rule("gateway"), [], "the kubelet asks from the node itself")
        self.assertEqual(rule("gateway", "serviceMonitor.enabled=true"), [[{"namespaceSelector": {}}]])
        self.assertEqual(rule("everything"), [[{"podSelector": {"matchLabels": {"app": "prometheus"}}}]])
        service = service_of(render("everything"))
        self.assertNotIn(9902, [port["port"] for port in service["spec"]["ports"]])

    def test_ports_are_found_wherever_the_container_stands(self):
        for case in CASES:
            with self.subTest(case=case):
                manifests = render(case, "listener.port=9090", "admin.port=9091")
                pod = pod_of(manifests)
                self.assertEqual([port["containerPort"] for port in gateway_of(pod)["ports"]], [9090, 9091])
                self.assertIn('address = "0.0.0.0:9091"', one(manifests, "ConfigMap")["data"]["proxy.toml"])
                self.assertEqual(service_of(manifests)["spec"]["ports"][0]["targetPort"], 9090)
                self.assertEqual(one(manifests, "NetworkPolicy")["spec"]["ingress"][0]["ports"][0]["port"], 9090)
                for container in containers_of(pod):
                    named = {port["name"] for port in container.get("ports", [])}
                    self.assertLessEqual(chart.ports_asked_by_name(container), named)

    def test_routes_and_monitors_point_at_the_service(self):
        manifests = render("everything")
        service = service_of(manifests)
        (port,) = service["spec"]["ports"]
        route = one(manifests, "HTTPRoute")["spec"]
        self.assertEqual(route["parentRefs"], [{"name": "front"}])
        self.assertEqual(route["rules"], [{"backendRefs": [{"name": "front", "port": port["port"]}]}])
        rule = one(manifests, "Ingress")["spec"]["rules"][0]["http"]["paths"][0]
        self.assertEqual(rule["backend"]["service"], {"name": "front", "port": {"name": port["name"]}})
        monitor = one(manifests, "ServiceMonitor")["spec"]
        (admin,) = (manifest for manifest in manifests if manifest["metadata"]["name"] == "front-admin")
        self.assertLessEqual(monitor["selector"]["matchLabels"].items(), admin["metadata"]["labels"].items())
        self.assertEqual(admin["spec"]["selector"], service["spec"]["selector"])
        (watched,) = admin["spec"]["ports"]
        self.assertEqual(monitor["endpoints"][0]["port"], watched["name"])
        self.assertNotEqual(watched["name"], port["name"], "the Service for clients carries the same labels")
        self.assertEqual(watched["targetPort"], gateway_of(pod_of(manifests))["ports"][1]["containerPort"])


class Consumer(unittest.TestCase):
    """The chart of a backend that takes the gateway in."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.chart = Path(folder.name) / "newsroom"
        shutil.copytree(Path(__file__).parent / "consumer", self.chart)
        shutil.copytree(CHART, self.chart / "charts/railgate")

    def test_its_pods_hold_the_gateway_on_every_version(self):
        for kube in VERSIONS:
            with self.subTest(kube=kube):
                manifests = render(kube=kube, chart=self.chart)
                for manifest in manifests:
                    chart.validate(manifest, kube)
                pod = pod_of(manifests)
                where = "initContainers" if kube not in ("1.25", "1.28") else "containers"
                self.assertIn(gateway_of(pod), pod[where])
                mounted = {mount["name"] for mount in gateway_of(pod)["volumeMounts"]}
                self.assertEqual(mounted, {volume["name"] for volume in pod["volumes"]})
                self.assertEqual(kinds(manifests), {"ConfigMap", "Deployment", "Pod", "Service"})

    def test_a_file_as_the_store_is_refused_for_more_replicas(self):
        with self.assertRaisesRegex(chart.Refused, "a file as the store is for one pod, and there may be 2"):
            render("gateway", "railgate.replicaCount=2", chart=self.chart)
