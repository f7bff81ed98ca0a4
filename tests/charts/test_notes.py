"""What Helm prints after an installation."""

import os
import subprocess
import unittest
from pathlib import Path

from .chart import CASES, CHART
from .tools import tool


def notes(case: str, *settings: str) -> str:
    """Without a cluster: nothing is installed."""
    command = [tool("helm"), "install", "demo", CHART, "--values", CASES[case], "--dry-run=client"]
    for setting in settings:
        command += ["--set-json", setting]
    nowhere = {**os.environ, "KUBECONFIG": os.devnull}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=nowhere)
    return done.stdout.split("\nNOTES:\n")[1]


class Notes(unittest.TestCase):
    LOST, SHARED = "SESSIONS ARE IN A FILE OF THE POD", "ALL CLIENTS SHARE ONE ADDRESS"

    def test_what_would_surprise_is_said_and_nothing_else(self):
        self.assertIn(self.LOST, notes("single", "persistence.enabled=false"))
        self.assertNotIn(self.LOST, notes("single"))
        self.assertIn(self.SHARED, notes("gateway", "ingress.enabled=true"))
        self.assertNotIn(self.SHARED, notes("gateway"))
        self.assertNotIn(self.SHARED, notes("everything"))

    def test_the_lines_for_another_chart_are_those_that_are_tried(self):
        text = notes("sidecar", 'sidecar.backend.image=""')
        lines = [line.strip() for line in text.splitlines() if "include" in line]
        tried = (Path(__file__).parent / "consumer/templates/deployment.yaml").read_text()
        self.assertEqual(len(lines), 6)
        for line in lines:
            self.assertIn(line, tried)
