"""Renders the chart, and holds what comes of it against the schemas."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from .tools import tool

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/railgate"
# Every values file that the chart is tried with, by its name without "-values.yaml".
CASES = {path.name.removesuffix("-values.yaml"): path for path in sorted((CHART / "ci").glob("*-values.yaml"))}
NEWEST = "1.37"

Manifest = dict[str, Any]


class Refused(Exception):
    """Helm renders nothing; the text is what it says."""


def render(case: str = "gateway", *settings: str, kube: str = NEWEST, chart: Path = CHART) -> list[Manifest]:
    """What `helm template` prints for a case ("" for the chart's own values), settings over it, `key=JSON` each."""
    return [manifest for manifest in yaml.safe_load_all(text_of(case, settings, kube, chart)) if manifest]


@cache
def text_of(case: str, settings: tuple[str, ...], kube: str, chart: Path) -> str:
    values = ["--values", CASES[case]] if chart == CHART and case else []
    command = [tool("helm"), "template", "demo", chart, *values, "--kube-version", kube]
    for setting in settings:
        command += ["--set-json", setting]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def one(manifests: list[Manifest], kind: str) -> Manifest:
    (found,) = (manifest for manifest in manifests if manifest["kind"] == kind)
    return found


def service_of(manifests: list[Manifest]) -> Manifest:
    """The Service for clients."""
    named = {manifest["metadata"]["name"]: manifest for manifest in manifests if manifest["kind"] == "Service"}
    return named[min(named, key=len)]


def kinds(manifests: list[Manifest]) -> set[str]:
    return {manifest["kind"] for manifest in manifests}


def pod_of(manifests: list[Manifest]) -> Manifest:
    return one(manifests, "Deployment")["spec"]["template"]["spec"]


def containers_of(pod: Manifest) -> list[Manifest]:
    return (pod.get("initContainers") or []) + pod["containers"]


def gateway_of(pod: Manifest) -> Manifest:
    (found,) = (container for container in containers_of(pod) if container["name"] == "railgate")
    return found


def ports_asked_by_name(container: Manifest) -> set[str]:
    """Names that the container's probes use; the kubelet finds those of the same container only."""
    probes = [container.get(f"{kind}Probe", {}) for kind in ("startup", "liveness", "readiness")]
    asked = [probe.get(how, {}).get("port") for probe in probes for how in ("httpGet", "tcpSocket")]
    return {port for port in asked if isinstance(port, str)}


def validate(manifest: Manifest, kube: str) -> None:
    """Against that version's schema, unknown fields included. Kinds that others define have none there."""
    if manifest["apiVersion"].split("/")[0] not in ("gateway.networking.k8s.io", "monitoring.coreos.com"):
        kubernetes_validate.validate(manifest, kube, strict=True)
