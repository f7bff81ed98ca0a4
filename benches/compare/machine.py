"""What a load cost, and whether other work on the machine spoilt the figure.

The proxy has one CPU, load and upstream have the other. What else ran meanwhile is *foreign*: all CPU time of the
machine less that of the proxy, of the upstream and of the load. What a hypervisor took is *steal*. Either spoils the
proxy's caches, so a load that met too much of it is repeated, and the cleanest one counts.
"""

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from process import Process

# CPUs that other work may take during a load, and the share of all CPU time that the hypervisor may.
MOST_FOREIGN, MOST_STEAL = 0.06, 0.02
# How often a load is tried in which nothing was answered at all, as on a machine that is busy with something else.
MOST_UNANSWERED = 10
# How long the machine must have been quiet before a load.
CALM = 0.4


@dataclass(frozen=True)
class Spent:
    """`proxy` in CPU seconds, `wall` in seconds, `foreign` in CPUs, `steal` as a share."""

    proxy: float
    wall: float
    foreign: float
    steal: float

    @property
    def dirt(self) -> float:
        """Above 1 the figure is spoilt."""
        return max(self.foreign / MOST_FOREIGN, self.steal / MOST_STEAL)


@dataclass(frozen=True)
class Ticks:
    """CPU seconds of the machine since it was started."""

    busy: float
    stolen: float
    all: float

    @classmethod
    def now(cls) -> "Ticks":
        # user, nice, system, idle, iowait, irq, softirq, steal: proc_stat(5)
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        seconds = (int(field) / os.sysconf("SC_CLK_TCK") for field in fields)
        user, nice, system, idle, waiting, irq, softirq, stolen = seconds
        busy = user + nice + system + irq + softirq
        return cls(busy, stolen, busy + idle + waiting + stolen)


class Machine:
    """Waits for quiet up to `patience` seconds in all; a spoilt load is repeated up to `repeats` times."""

    def __init__(self, patience: float, repeats: int):
        self._patience, self._repeats = patience, repeats

    def cleanest(self, proxy: Process, upstream: Process, load: Callable[[], dict]) -> tuple[dict, Spent]:
        """What the load found and what it took, at its cleanest."""
        tried = []
        while not tried or self._is_too_poor(max(tried, key=_worth), len(tried)):
            self._wait()
            tried.append(self.measure(proxy, upstream, load))
        return max(tried, key=_worth)

    def _is_too_poor(self, best: tuple[dict, Spent], times: int) -> bool:
        found, spent = best
        return times <= self._repeats and spent.dirt > 1 or times < MOST_UNANSWERED and not found["requests"]

    @staticmethod
    def measure(proxy: Process, upstream: Process, load: Callable[[], dict]) -> tuple[dict, Spent]:
        def now() -> tuple[float, float, Ticks, float]:
            return proxy.cpu_seconds(), upstream.cpu_seconds() + _own_seconds(), Ticks.now(), time.monotonic()

        proxy_before, rest_before, ticks_before, begun = now()
        found = load()
        proxy_after, rest_after, ticks_after, ended = now()
        spent, wall = proxy_after - proxy_before, ended - begun
        foreign = ticks_after.busy - ticks_before.busy - spent - (rest_after - rest_before)
        steal = (ticks_after.stolen - ticks_before.stolen) / max(ticks_after.all - ticks_before.all, 1e-9)
        return found, Spent(spent, wall, max(foreign, 0) / wall, steal)

    def _wait(self) -> None:
        while self._patience > 0:
            before, begun = Ticks.now(), time.monotonic()
            time.sleep(CALM)
            if (Ticks.now().busy - before.busy) / (time.monotonic() - begun) <= 2 * MOST_FOREIGN:
                return
            time.sleep(1)
            self._patience -= time.monotonic() - begun


def _worth(measured: tuple[dict, Spent]) -> tuple[bool, float]:
    found, spent = measured
    return found["requests"] > 0, -spent.dirt


def _own_seconds() -> float:
    """Of this process and of the load, which it has waited for."""
    usages = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
