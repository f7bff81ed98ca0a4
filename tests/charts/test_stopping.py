"""In which order things stop: nobody who is in flight is cut off, and nothing is killed before its time."""

import unittest

from .chart import containers_of, gateway_of, one, pod_of, render


def waits(container: dict) -> int:
    """How long its preStop takes."""
    hook = container.get("lifecycle", {}).get("preStop", {})
    if "exec" in hook:
        return int(hook["exec"]["command"][1])
    return hook.get("sleep", {}).get("seconds", 0)


def backend_of(pod: dict) -> dict:
    (found,) = (container for container in containers_of(pod) if container["name"] == "backend")
    return found


class Stopping(unittest.TestCase):
    GRACE, BACKEND = 40, 20
    SETTINGS = ("shutdown.graceSeconds=40", "shutdown.preStopSeconds=7", "sidecar.backend.graceSeconds=20")

    def rendered(self, case: str, kube: str, *settings: str) -> tuple[dict, str]:
        manifests = render(case, *self.SETTINGS, *settings, kube=kube)
        return pod_of(manifests), one(manifests, "ConfigMap")["data"]["proxy.toml"]

    def test_a_gateway_waits_until_nobody_is_sent_to_it(self):
        pod, text = self.rendered("gateway", "1.30")
        self.assertIn('shutdown_grace = "40s"', text)
        self.assertNotIn("drain_delay", text)
        self.assertEqual(waits(gateway_of(pod)), 7)
        self.assertGreater(pod["terminationGracePeriodSeconds"], 7 + self.GRACE)

    def test_before_sleep_was_known_it_waits_by_itself(self):
        for case, kube in (("gateway", "1.29"), ("sidecar", "1.28")):
            with self.subTest(case=case):
                pod, text = self.rendered(case, kube)
                self.assertNotIn("lifecycle", gateway_of(pod))
                self.assertIn('drain_delay = "7s"', text)
                self.assertGreater(pod["terminationGracePeriodSeconds"], 7 + self.GRACE)
        # Told to stop when the backend has waited for it.
        self.assertNotIn("drain_delay", self.rendered("sidecar", "1.29")[1])

    def test_no_hook_where_there_is_nothing_to_wait_for(self):
        pod, _ = self.rendered("gateway", "1.30", "shutdown.preStopSeconds=0")
        self.assertNotIn("lifecycle", gateway_of(pod))

    def test_a_native_sidecar_starts_before_the_backend_and_ends_after_it(self):
        for kube in ("1.29", "1.30"):
            with self.subTest(kube=kube):
                pod, _ = self.rendered("sidecar", kube)
                (native,) = pod["initContainers"]
                self.assertEqual((native["name"], native["restartPolicy"]), ("railgate", "Always"))
                self.assertIn("startupProbe", native)
                self.assertEqual([container["name"] for container in pod["containers"]], ["backend"])
                # The backend goes on until nobody is sent to the pod; what the gateway takes comes after it.
                self.assertGreater(waits(backend_of(pod)), 7)
                total = waits(backend_of(pod)) + self.BACKEND + self.GRACE
                self.assertGreater(pod["terminationGracePeriodSeconds"], total)

    def test_an_ordinary_one_has_finished_before_the_backend_begins_to_stop(self):
        for kube, settings in (("1.28", ()), ("1.37", ("sidecar.native=false",))):
            with self.subTest(kube=kube):
                pod, _ = self.rendered("sidecar", kube, *settings)
                self.assertNotIn("initContainers", pod)
                self.assertNotIn("restartPolicy", gateway_of(pod))
                self.assertGreater(waits(backend_of(pod)), 7 + self.GRACE)
                self.assertGreater(pod["terminationGracePeriodSeconds"], waits(backend_of(pod)) + self.BACKEND)

    def test_native_can_be_asked_for(self):
        pod, _ = self.rendered("sidecar", "1.28", "sidecar.native=true")
        self.assertEqual(gateway_of(pod)["restartPolicy"], "Always")

    def test_versions_of_distributions_count_as_their_own(self):
        pod, _ = self.rendered("sidecar", "v1.29.3-gke.1282000")
        self.assertIn("initContainers", pod)
