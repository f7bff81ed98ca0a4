"""Certificates for servers of this machine."""

import subprocess
from pathlib import Path


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and 127.0.0.1 that vouches for itself, and its key."""
    certificate, key = folder / "tls.crt", folder / "tls.key"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    command = [*command.split(), "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    # An authority's own certificate is refused as a server's.
    command += ["-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key
