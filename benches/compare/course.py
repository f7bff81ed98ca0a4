"""The course of a run: each peer is checked, then started, then asked in rounds."""

import sys
from pathlib import Path

import client
from checks import Checks, Recorder
from exchange import ANSWER
from idle import Idle
from load import Load
from machine import Machine
from peers import Peer, fill
from process import Process
from report import Results
from scenarios import Scenario

WORKS = ("W1", "W2", "W3")


class Course:
    """`options` are those of the command line; `compared` are the peers that do all works, the gateway among them."""

    def __init__(self, options, folder: Path, upstream_port: int, compared: list[Peer], scenarios: list[Scenario]):
        self._options, self._folder, self._port = options, folder, upstream_port
        self._compared, self._scenarios = compared, scenarios
        self._load = Load(options.programs, folder)
        self._machine = Machine(options.patience, options.repeats)
        self._open: list[Idle] = []
        self.results = Results()
        self.results.scenarios = [(scenario.peer.name, scenario.baseline) for scenario in scenarios]

    @property
    def _peers(self) -> list[Peer]:
        return self._compared + [scenario.peer for scenario in self._scenarios]

    def check(self) -> dict[str, list[str]]:
        """What each peer was seen to do, before a backend that records."""
        recorder = Recorder(self._port)
        try:
            return {peer.name: self._checked(peer, recorder) for peer in self._peers}
        finally:
            recorder.stop()

    def _checked(self, peer: Peer, recorder: Recorder) -> list[str]:
        try:
            peer.start(self._options.proxy_cpu)
            return Checks(peer, recorder).run()
        finally:
            peer.stop()

    def measure(self) -> None:
        config = fill("nginx.conf", self._folder, upstream=self._port, answer=ANSWER.decode())
        command = [self._options.programs["nginx"], "-p", self._folder, "-e", "stderr", "-c", config]
        upstream = Process(command, self._options.load_cpu, self._folder / "nginx.log")
        try:
            client.ask_patiently(self._port, client.request())
            self._start()
            for number in range(1, self._options.rounds + 1):
                for work, peer in self._cells():
                    self._measure(number, work, peer, upstream)
            self._look_at_idle()
        finally:
            for idle in self._open:
                idle.close()
            for process in [*self._peers, upstream]:
                process.stop()

    def _start(self) -> None:
        """Leaves every peer running."""
        for peer in self._peers:
            starts = self.results.starts.setdefault(peer.name, [])
            for _ in range(self._options.starts if peer in self._compared else 1):
                peer.stop()
                starts.append(peer.start(self._options.proxy_cpu))
        for scenario in self._scenarios:
            if scenario.idle:
                self._warm(scenario.peer, "W1", 1)
                self._open.append(Idle.beside(scenario.peer, scenario.idle))
                self.results.idle[scenario.peer.name] = self._open[-1].bytes_each

    def _cells(self) -> list[tuple[str, Peer]]:
        scenarios = [("W1", scenario.peer) for scenario in self._scenarios]
        compared = [(work, peer) for work in WORKS for peer in self._compared]
        return compared[: len(self._compared)] + scenarios + compared[len(self._compared) :]

    def _measure(self, number: int, work: str, peer: Peer, upstream: Process) -> None:
        options, target = self._options, peer.target(work)
        self._warm(peer, work, options.warm_up)
        found, spent = self._machine.cleanest(peer.process, upstream, lambda: self._load.fast(target, options.seconds))
        cell = {"peer": peer.name, "work": work, "round": number, **found}
        cell["cpu_us"] = spent.proxy * 1e6 / found["requests"] if found["requests"] else None
        cell |= {"foreign": spent.foreign, "steal": spent.steal, "dirt": spent.dirt}
        cell |= {"paced_p50_ms": None, "paced_p99_ms": None}
        if peer in self._compared and options.rate:
            paced, _ = self._machine.cleanest(
                peer.process, upstream, lambda: self._load.paced(target, options.rate, options.paced_seconds)
            )
            cell |= {"paced_p50_ms": paced["p50_ms"], "paced_p99_ms": paced["p99_ms"]}
            cell["errors"] += paced["errors"]
        cell["rss_bytes"] = peer.process.resident_bytes()
        self.results.cells.append(cell)
        told = f"{found['requests']} requests, {spent.proxy:.2f} s, {spent.foreign:.2f} CPUs of other work"
        print(f"round {number} {work} {peer.name}: {told}", file=sys.stderr, flush=True)

    def _warm(self, peer: Peer, work: str, seconds: int) -> None:
        """At least so long, and until each of its tokens was seen: first sights are no part of the figure."""
        target, seen = peer.target(work), 0
        while seconds and (seen == 0 or seen < len(target.tokens)):
            seen += self._load.fast(target, seconds, offset=seen)["requests"]

    def _look_at_idle(self) -> None:
        if not all(idle.are_open() for idle in self._open):
            raise SystemExit("idle connections were closed meanwhile: what is measured beside them is worth nothing")
