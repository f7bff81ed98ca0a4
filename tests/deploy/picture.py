"""Draws what the dashboard's own queries find, where it has its panels: deploy/grafana/queries.svg.

    tests/deploy/draw [SECONDS]     180 if it isn't said

The real Prometheus reads a gateway under a little load for so long, and is asked each query by query_range. Nothing of the
picture is made up: no query, no title and no place; only the drawing is not Grafana's.
"""

import math
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from html import escape
from pathlib import Path

from .image import ROOT
from .watched import Watched, filled, panels

PICTURE = ROOT / "deploy/grafana/queries.svg"
HEADING = "The results of the dashboard's own queries (railgate.json), drawn by tests/deploy/draw. Not Grafana's drawing."
# Pixels of one of the dashboard's 24 columns, and of one of its rows.
COLUMN, ROW, TOP = 50, 30, 36
POINTS = 60
COLOURS = ("#3274d9", "#e0752d", "#37872d", "#c4162a", "#8f3bb8", "#c49a00", "#1f9e96", "#7c7c7c")
UNITS = {"reqps": "/s", "ops": "/s", "cps": "/s", "s": " s", "percentunit": "", "short": "", None: ""}


@dataclass
class Series:
    name: str
    # Seconds from the beginning, and values that are numbers.
    points: list[tuple[float, float]]


def found(watched: Watched, panel: dict, begin: float, end: float) -> list[Series]:
    """What each of the panel's queries finds, named as the dashboard names it."""
    series = []
    for target in panel.get("targets", []):
        step = (end - begin) / POINTS
        answer = watched.prometheus("query_range", query=filled(target["expr"]), start=begin, end=end, step=step)
        for result in answer["result"]:
            name = target["legendFormat"]
            for label, value in result["metric"].items():
                name = name.replace("{{" + label + "}}", value)
            points = [(at - begin, float(value)) for at, value in result["values"]]
            series.append(Series(name, [point for point in points if math.isfinite(point[1])]))
    return [one for one in series if one.points]


def said(value: float, unit: str | None) -> str:
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB"
    if unit == "s" and 0 < value < 1:
        return f"{value * 1000:.3g} ms"
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    return f"{value:.4g}{UNITS[unit]}"


def text(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}"{more}>{escape(words)}</text>'


def legend(x: float, y: float, width: float, series: list[Series], unit: str | None) -> list[str]:
    """Names with their last values, in two columns where one is too long; what finds no place is counted."""
    lines, places = [], 6
    columns = 1 if len(series) <= places / 2 else 2
    for index, one in enumerate(series[:places]):
        left, below = x + index % columns * width / columns, y + index // columns * 14
        lines.append(f'<rect x="{left:g}" y="{below - 7:g}" width="8" height="3" fill="{COLOURS[index]}"/>')
        lines.append(text(left + 12, below, f"{one.name} {said(one.points[-1][1], unit)}"))
    if len(series) > places:
        lines.append(text(x + width - 40, y - 14, f"+ {len(series) - places}"))
    return lines


def curves(x: float, y: float, width: float, height: float, series: list[Series], seconds: float) -> list[str]:
    """Lines from 0, or from the lowest value below it, to the highest value."""
    values = [value for one in series for _, value in one.points]
    low, high = min(0.0, *values), max(values)
    scale = height / ((high - low) or 1)
    lines = [f'<path class="axis" d="M{x:g} {y + height:g}h{width:g}M{x:g} {y:g}h{width:g}"/>']
    for index, one in enumerate(series):
        places = (f"{x + at / seconds * width:.1f} {y + height - (value - low) * scale:.1f}" for at, value in one.points)
        lines.append(f'<path class="series" stroke="{COLOURS[index % len(COLOURS)]}" d="M{"L".join(places)}"/>')
    return lines


def drawn(panel: dict, series: list[Series], seconds: float) -> str:
    """A panel where the dashboard has it; its queries are what a browser shows over its title."""
    place, unit = panel["gridPos"], panel.get("fieldConfig", {}).get("defaults", {}).get("unit")
    x, y = place["x"] * COLUMN + 8, place["y"] * ROW + TOP
    if panel["type"] == "row":
        return text(x, y + 21, panel["title"], ' class="row"')
    width, height = place["w"] * COLUMN - 16, place["h"] * ROW
    queries = escape("\n".join(target["expr"] for target in panel["targets"]))
    lines = [f"<g><title>{queries}</title>", text(x, y + 14, panel["title"], ' class="title"')]
    if not series:
        lines.append(text(x, y + 60, "nothing yet"))
    elif panel["type"] == "timeseries":
        highest = max(value for one in series for _, value in one.points)
        lines.append(text(x + width, y + 28, said(highest, unit), ' text-anchor="end"'))
        lines += curves(x, y + 32, width, height - 92, series, seconds)
        lines += legend(x, y + height - 42, width, series, unit)
    else:
        lines += [text(x, y + 50 + 22 * at, f"{one.name}: {one.points[-1][1]:g}") for at, one in enumerate(series)]
    return "\n".join([*lines, "</g>"])


def picture(watched: Watched, begin: float, end: float) -> str:
    shown = [drawn(panel, found(watched, panel, begin, end), end - begin) for panel in panels()]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels()) * ROW + TOP
    style = (
        "text{font:11px sans-serif;fill:#333}.title{font-weight:bold}.row{font-size:14px;font-weight:bold;fill:#000}"
        ".series{fill:none;stroke-width:1.3}.axis{stroke:#ddd;fill:none}"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {24 * COLUMN} {height}"><style>{style}</style>'
    paper = '<rect width="100%" height="100%" fill="#fff"/>'
    return "\n".join([head, paper, text(8, 20, HEADING, ' class="title"'), *shown, "</svg>"]) + "\n"


def load(watched: Watched, seconds: float) -> None:
    """Visitors who come in waves, a login a second, and in the middle third somebody who guesses passwords."""
    begin = time.monotonic()

    def repeat(pause: float, act) -> None:
        while (passed := time.monotonic() - begin) < seconds:
            act(passed)
            time.sleep(pause * (1.5 + math.sin(passed / seconds * 12)))

    def visit(_: float) -> None:
        watched.ask("/")
        watched.ask("/graphql/gql/", "{ a }")

    def log_in(passed: float) -> None:
        watched.log_in("wrong" if 1 < passed * 3 / seconds < 2 else "correct horse")

    acts = [(0.02, visit), (0.05, visit), (1, log_in), (5, lambda _: watched.traffic())]
    threads = [threading.Thread(target=repeat, args=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 180.0
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched(Path(folder))
        try:
            begin = time.time()
            load(watched, seconds)
            PICTURE.write_text(picture(watched, begin, time.time()))
        finally:
            watched.stop()


if __name__ == "__main__":
    main()
