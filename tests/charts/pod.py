"""Does for one container what the kubelet does: lays its volumes out as files, and runs its command line."""

import subprocess
from pathlib import Path

from .chart import Manifest, gateway_of, one, pod_of

Secrets = dict[tuple[str, str], str]


class Pod:
    """The gateway's container of a rendered Deployment, its volumes in a folder. `secrets` has texts by name and key."""

    def __init__(self, manifests: list[Manifest], folder: Path, secrets: Secrets):
        self.manifests, self.folder, self.secrets = manifests, folder, secrets
        pod = pod_of(manifests)
        self.container = gateway_of(pod)
        self.volumes = {volume["name"]: volume for volume in pod["volumes"]}
        self.moved = {}
        for mount in self.container["volumeMounts"]:
            place = folder / mount["name"]
            self.moved[mount["mountPath"]] = str(place)
            place.mkdir()
            for name, text in self.files_of(self.volumes[mount["name"]]).items():
                (place / name).write_text(text)
        # A container sees its volumes at their mount points, a process of this machine in the folder.
        for file in folder.glob("*/*"):
            file.write_text(self.here(file.read_text()))

    def files_of(self, volume: Manifest) -> dict[str, str]:
        if "configMap" in volume:
            manifest = one(self.manifests, "ConfigMap")
            assert manifest["metadata"]["name"] == volume["configMap"]["name"]
            return manifest["data"]
        if "projected" in volume:
            sources = [source["secret"] for source in volume["projected"]["sources"]]
            items = [(source["name"], item) for source in sources for item in source["items"]]
            return {item["path"]: self.secrets[name, item["key"]] for name, item in items}
        if "secret" in volume:
            name, items = volume["secret"]["secretName"], volume["secret"].get("items")
            if items:
                return {item["path"]: self.secrets[name, item["key"]] for item in items}
            return {key: text for (secret, key), text in self.secrets.items() if secret == name}
        assert "emptyDir" in volume or "persistentVolumeClaim" in volume, volume
        return {}

    def here(self, text: str) -> str:
        for mounted, place in self.moved.items():
            text = text.replace(mounted, place)
        return text

    def command(self, binary: Path, subcommand: str | None = None) -> list[str]:
        """As the image's entry point and the container's arguments make it; `subcommand` in place of `run`."""
        arguments = [self.here(argument) for argument in self.container["args"]]
        return [str(binary), subcommand or arguments[0], *arguments[1:]]

    def environment(self) -> dict[str, str]:
        return {variable["name"]: variable["value"] for variable in self.container.get("env", [])}

    def check(self, binary: Path) -> subprocess.CompletedProcess[str]:
        command = self.command(binary, "check")
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=30)
