"""What the cells come to: medians, ratios within the run, and whether the bars hold.

A cell is one load on one peer in one round. Of several rounds the median counts. Peers are compared by ratio, and only
within a run: its rounds are interleaved, so that a slow minute hits all alike.
"""

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass

from scenarios import PLAIN

KIB, MIB = 1024, 1024 * 1024
COLUMNS = (
    ("CPU µs", "cpu_us", ".1f"),
    ("req/s", "per_second", ".0f"),
    ("p50 ms", "p50_ms", ".2f"),
    ("p99 ms", "p99_ms", ".2f"),
    ("paced p50", "paced_p50_ms", ".2f"),
    ("paced p99", "paced_p99_ms", ".2f"),
)


@dataclass(frozen=True)
class Figure:
    """`None` where it was not measured; `bar` is the most that it may be, if there is one."""

    name: str
    value: float | None
    unit: str
    bar: float | None = None

    @property
    def holds(self) -> bool | None:
        return None if self.value is None or self.bar is None else self.value <= self.bar

    def row(self) -> list[str]:
        value = "not measured" if self.value is None else f"{self.value:.2f}{self.unit}"
        bar = "" if self.bar is None else f"{self.bar:.2f}{self.unit}"
        return [self.name, value, bar, {True: "holds", False: "DOES NOT HOLD", None: ""}[self.holds]]


class Results:
    def __init__(self) -> None:
        self.cells: list[dict] = []
        # Seconds from start to first answer, by peer.
        self.starts: dict[str, list[float]] = {}
        # Bytes for each idle connection, by peer.
        self.idle: dict[str, float] = {}
        # Pairs of a scenario and what it is compared with.
        self.scenarios: list[tuple[str, str]] = []

    def median(self, peer: str, work: str, key: str) -> float | None:
        found = [cell[key] for cell in self.cells if (cell["peer"], cell["work"]) == (peer, work)]
        known = [value for value in found if value is not None]
        return statistics.median(known) if known else None

    def ratio(self, key: str, work: str, peer: str, other: str) -> float | None:
        value, base = self.median(peer, work, key), self.median(other, work, key)
        return None if value is None or not base else value / base

    def errors(self) -> int:
        return sum(cell["errors"] for cell in self.cells)

    def figures(self) -> list[Figure]:
        return [*self._beside_peers(), *self._alone(), *self._of_scenarios()]

    def _beside_peers(self) -> list[Figure]:
        bars = [
            ("CPU", "cpu_us", "W1", "haproxy", 0.8),
            ("CPU", "cpu_us", "W1", "envoy", 1 / 3),
            ("CPU", "cpu_us", "W2", "haproxy", 1.1),
            ("CPU", "cpu_us", "W3", "haproxy", 1.0),
            ("p99 at the fixed rate", "paced_p99_ms", "W1", "haproxy", 1.0),
            ("p99 at the fixed rate", "paced_p99_ms", "W1", "envoy", 1.0),
        ]
        return [
            Figure(f"{work}: {what}, to {peer}", self.ratio(key, work, PLAIN, peer), "", bar)
            for what, key, work, peer, bar in bars
        ]

    def _alone(self) -> list[Figure]:
        resident = max((cell["rss_bytes"] for cell in self.cells if cell["peer"] == PLAIN), default=None)
        starts = self.starts.get(PLAIN)
        return [
            Figure("resident set under load", resident and resident / MIB, " MiB", 30.0),
            Figure("start to first answer", starts and statistics.median(starts) * 1e3, " ms", 100.0),
        ]

    def _of_scenarios(self) -> list[Figure]:
        figures = []
        for name, baseline in self.scenarios:
            bar = 1.1 if name == "paseto" else None
            ratio = self.ratio("cpu_us", "W1", name, baseline)
            figures.append(Figure(f"W1: CPU, {name} to {baseline}", ratio, "", bar))
            if name in self.idle:
                figures.append(Figure(f"memory of an idle connection, {name}", self.idle[name] / KIB, " KiB", 20.0))
        return figures

    def text(self) -> str:
        peers = list(dict.fromkeys((cell["work"], cell["peer"]) for cell in self.cells))
        rows = [self._row(work, peer) for work, peer in sorted(peers, key=lambda pair: pair[0])]
        head = ["work", "peer", *(title for title, _, _ in COLUMNS), "RSS MiB", "errors", "spoilt"]
        figures = [figure.row() for figure in self.figures()]
        return f"{table(head, rows)}\n\n{table(['figure', '', 'bar', ''], figures)}\n"

    def _row(self, work: str, peer: str) -> list[str]:
        cells = [cell for cell in self.cells if (cell["work"], cell["peer"]) == (work, peer)]
        medians = [(self.median(peer, work, key), form) for _, key, form in COLUMNS]
        told = ["-" if value is None else format(value, form) for value, form in medians]
        resident = max(cell["rss_bytes"] for cell in cells) / MIB
        spoilt = sum(cell["dirt"] > 1 for cell in cells)
        errors = sum(cell["errors"] for cell in cells)
        return [work, peer, *told, f"{resident:.1f}", str(errors), f"{spoilt} of {len(cells)}"]

    def as_json(self) -> dict:
        figures = [{**asdict(figure), "holds": figure.holds} for figure in self.figures()]
        return {"cells": self.cells, "starts": self.starts, "idle": self.idle, "figures": figures}


def table(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    align: list[Callable[[str, int], str]] = [str.ljust, str.ljust, *[str.rjust] * (len(head) - 2)]
    lines = [[to(text, width) for to, text, width in zip(align, row, widths, strict=True)] for row in [head, *rows]]
    return "\n".join("  ".join(line).rstrip() for line in lines)
