"""Prometheus itself reads a gateway that has seen traffic: every query of the dashboard and of the rules finds something."""

import re
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from xml.etree import ElementTree

import yaml

from .picture import HEADING, PICTURE, found, load, picture
from .watched import RULES, Watched, filled, panels

SVG = "{http://www.w3.org/2000/svg}"
UNIT_TESTS = Path(__file__).with_name("alerts_tests.yaml")


def dashboard_queries() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel.get("targets", [])]


def asked(panel: dict) -> str:
    """A panel's queries, as the picture has them."""
    return "\n".join(target["expr"] for target in panel["targets"])


def queries_of(picture: ElementTree.Element) -> list[str]:
    return [title.text for title in picture.iter(f"{SVG}title")]


def rules() -> list[dict]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def measured(expression: str) -> str:
    """What an alert compares, without the comparison."""
    left, count = re.subn(r"\s*(==|>)\s*[\d.]+\s*$", "", expression)
    assert count == 1, expression
    return left


class Rules(unittest.TestCase):
    def test_they_are_valid_and_say_what_to_do(self):
        subprocess.run(["promtool", "check", "rules", RULES], check=True, capture_output=True)
        for rule in rules():
            with self.subTest(rule["alert"]):
                self.assertIn(rule["labels"]["severity"], ("page", "ticket"))
                self.assertGreater(len(rule["annotations"]["runbook"]), 100)

    def test_they_fire_when_they_should_and_not_before(self):
        done = subprocess.run(["promtool", "test", "rules", UNIT_TESTS], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        tried = set(re.findall(r'alertname="(\w+)", instance="bad"', UNIT_TESTS.read_text()))
        self.assertEqual(tried, {rule["alert"] for rule in rules()})

    def test_the_dashboard_asks_for_nothing_that_grafana_would_not_fill_in(self):
        variables = {name for query in dashboard_queries() for name in re.findall(r"\$(\w+)", query)}
        self.assertEqual(variables, {"instance", "__rate_interval"})


class Picture(unittest.TestCase):
    def test_it_is_of_the_dashboard_as_it_is(self):
        shown = ElementTree.parse(PICTURE).getroot()
        texts = [text.text for text in shown.iter(f"{SVG}text")]
        self.assertEqual(texts[0], HEADING)
        self.assertEqual(queries_of(shown), [asked(panel) for panel in panels() if panel["type"] != "row"])
        self.assertLessEqual({panel["title"] for panel in panels()}, set(texts))
        self.assertNotIn("nothing yet", texts)
        self.assertLess(PICTURE.stat().st_size, 150_000)


class Reading(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.watched = Watched(Path(place.name))
        cls.addClassCleanup(cls.watched.stop)

    def finds(self, what: str, expression: str) -> None:
        """In a while: a rate needs two readings."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.watched.query(expression):
                return
            time.sleep(0.5)
            self.watched.traffic()
        self.fail(f"nothing for {what}: {expression}")

    def test_every_query_finds_something(self):
        self.watched.traffic()
        self.assertGreater(len(dashboard_queries()), 40)
        for query in dashboard_queries():
            with self.subTest(query):
                self.finds("the dashboard", filled(query))
        for rule in rules():
            with self.subTest(rule["alert"]):
                expression = measured(rule["expr"])
                if "SERVICE_UNAVAILABLE" in expression:
                    # What came of these is tried below.
                    expression = expression.replace('code=~"SERVICE_UNAVAILABLE|BUSY"', 'code="INVALID_CREDENTIALS"')
                self.finds(rule["alert"], expression)

    def test_the_picture_has_a_line_for_all_that_is_found(self):
        begin = time.time()
        load(self.watched, 5)
        end = time.time()
        shown = ElementTree.fromstring(picture(self.watched, begin, end))
        drawn = dict(zip(queries_of(shown), shown.iter(f"{SVG}g"), strict=True))
        for panel in panels():
            if panel["type"] == "timeseries":
                with self.subTest(panel["title"]):
                    group = drawn[asked(panel)]
                    lines = [path for path in group.iter(f"{SVG}path") if path.get("class") == "series"]
                    self.assertEqual(len(lines), len(found(self.watched, panel, begin, end)))
                    self.assertIn(panel["title"], [text.text for text in group.iter(f"{SVG}text")])

    def test_without_its_store_it_says_so(self):
        self.finds("a store that is there", 'railgate_dependency_up{dependency="store"} == 1')
        self.watched.redis.process.kill()
        self.watched.redis.process.wait(10)
        self.watched.log_in("correct horse")
        (down,) = (rule["expr"] for rule in rules() if rule["alert"] == "RailgateDependencyDown")
        self.finds("a store that is away", down)
        (fails,) = (rule["expr"] for rule in rules() if rule["alert"] == "RailgateLogins5xx")
        self.finds("logins that fail", fails)
        until, pending = time.monotonic() + 60, []
        while "RailgateDependencyDown" not in pending and time.monotonic() < until:
            time.sleep(0.5)
            alerts = self.watched.prometheus("alerts")["alerts"]
            pending = [alert["labels"]["alertname"] for alert in alerts]
        self.assertIn("RailgateDependencyDown", pending)
