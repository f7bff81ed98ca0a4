"""Tests of what is made of the figures: `python3 -B -m unittest arithmetic` in this folder."""

import unittest
from unittest.mock import patch

from exchange import ANSWER, BODY, forged, token
from load import paced_figures
from machine import MOST_UNANSWERED, Machine, Spent
from report import Figure, Results

CLEAN, SPOILT, STOLEN = Spent(1, 1, 0.01, 0.0), Spent(1, 1, 0.5, 0.0), Spent(1, 1, 0.0, 0.5)


def measured(outcomes: list[tuple[int, Spent]], repeats: int) -> tuple[int, Spent, int]:
    """Requests and cost of the load that counts, and how many of these there were."""
    left = iter(outcomes)
    times = 0

    def measure(*_: object) -> tuple[dict, Spent]:
        nonlocal times
        times += 1
        requests, spent = next(left)
        return {"requests": requests}, spent

    with patch.object(Machine, "measure", staticmethod(measure)):
        found, spent = Machine(0, repeats).cleanest(None, None, None)
    return found["requests"], spent, times


class Repeated(unittest.TestCase):
    def test_a_clean_load_counts_at_once(self) -> None:
        self.assertEqual(measured([(1, CLEAN)], 2), (1, CLEAN, 1))

    def test_a_spoilt_one_is_repeated_and_the_cleanest_counts(self) -> None:
        self.assertEqual(measured([(1, SPOILT), (2, CLEAN), (3, CLEAN)], 2), (2, CLEAN, 2))
        self.assertEqual(measured([(1, STOLEN), (2, SPOILT), (3, STOLEN)], 2), (2, SPOILT, 3))

    def test_an_unanswered_one_is_repeated_whatever_it_met(self) -> None:
        self.assertEqual(measured([(0, CLEAN), (5, SPOILT)], 0), (5, SPOILT, 2))
        self.assertEqual(measured([(0, CLEAN)] * MOST_UNANSWERED, 0), (0, CLEAN, MOST_UNANSWERED))


class Reported(unittest.TestCase):
    def test_the_median_of_the_rounds_counts(self) -> None:
        results = Results()
        for peer, costs in (("railgate", [10, 90, 20]), ("haproxy", [40, 41, None])):
            results.cells += [{"peer": peer, "work": "W1", "cpu_us": cost} for cost in costs]
        self.assertEqual(results.median("railgate", "W1", "cpu_us"), 20)
        self.assertEqual(results.ratio("cpu_us", "W1", "railgate", "haproxy"), 20 / 40.5)
        self.assertIsNone(results.ratio("cpu_us", "W2", "railgate", "haproxy"))

    def test_a_bar_is_the_most_that_may_be(self) -> None:
        holds = [Figure("", value, "", 1.1).holds for value in (1.1, 1.11, None)]
        self.assertEqual(holds, [True, False, None])
        self.assertIsNone(Figure("", 5, "").holds)


class Paced(unittest.TestCase):
    """Lines of h2load's log: start, status, time."""

    def lines(self, gap: int) -> str:
        return "".join(f"{number * gap}\t{200 if number else 500}\t{100 + number}\n" for number in range(100))

    def test_latencies_are_those_of_the_rate(self) -> None:
        found = paced_figures(self.lines(1000), 200, 101, 1000)
        self.assertEqual(found, {"requests": 100, "errors": 2, "p50_ms": 0.15, "p99_ms": 0.199})

    def test_there_are_none_where_it_was_not_held(self) -> None:
        found = paced_figures(self.lines(1100), 200, 100, 1000)
        self.assertEqual((found["p50_ms"], found["p99_ms"], found["errors"]), (None, None, 1))


class Exchanged(unittest.TestCase):
    def test_sizes_are_as_told(self) -> None:
        self.assertEqual((len(BODY), len(ANSWER)), (285, 1029))

    def test_a_forged_token_differs_in_its_seal_alone(self) -> None:
        good = token()
        self.assertEqual(forged(good).rsplit(".", 1)[0], good.rsplit(".", 1)[0])
        self.assertNotEqual(forged(good), good)
        self.assertEqual(forged("v4.local.AAAA.foot"), "v4.local.AABA.foot")
        self.assertEqual(forged("v4.local.BBBB.foot"), "v4.local.BBAB.foot")


if __name__ == "__main__":
    unittest.main()
