"""One worker: a world of its own, the requests that are its share, and what came of them."""

import argparse
import itertools
import math
import multiprocessing
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

from client import Answer, Client
from envelopes import envelope
from framing import Sent, encode
from mutations import mutate
from world import KINDS, World

# A run that finds this much is a run against a gateway that is broken; more of the same tells nothing.
ENOUGH_FAILURES = 20
# Requests between two looks at what the gateway says of itself.
ROUND = 500


def make(seed: int, number: int) -> Sent:
    rng = Random(f"{seed}/{number}")
    request = envelope(rng)
    mutate(rng, request)
    return encode(rng, request)


class Fuzzer:
    """One worker's exchanges, and what came of them."""

    def __init__(self, world: World, keep: Path, seed: int):
        self.world, self.keep, self.seed = world, keep, seed
        self.direct, self.through = Client(world.direct_port), Client(world.gateway_port)
        self.counts, self.exchanges, self.failures = Counter(), 0, 0
        self.latest: list[tuple[int, Sent]] = []

    def exchange(self, number: int, sent: Sent) -> None:
        self.latest = [*self.latest[-3:], (number, sent)]
        self.direct.send(sent)
        self.through.send(sent)
        directly = []
        try:
            directly = self.direct.receive(sent)
        except TimeoutError:
            # Servers wait for what they take for the rest of a body.
            self.counts["oracle: no answer"] += 1
            self.direct.close()
        ran = bool(self.world.direct.news())
        try:
            answers = self.through.receive(sent)
        except TimeoutError:
            self.through.close()
            self.fail("hang", "The gateway does not answer.")
            answers = []
        self.judge(ran, sent, answers, breaks=any(answer.status >= 500 for answer in directly))

    def judge(self, ran: bool, sent: Sent, answers: list[Answer], breaks: bool) -> None:
        """`breaks`: the server fails at the request itself, without a gateway."""
        missed = self.world.behind.news()
        if missed:
            self.fail("miss", missed)
        outcome = self.outcome(answers)
        if outcome == "500" and not breaks:
            self.fail("error", repr(answers))
        if outcome == "no answer" and not sent.is_ragged:
            self.fail("closed", "The gateway closes the connection without an answer.")
        self.counts["requests"] += 1
        self.counts["ran directly"] += ran
        self.counts[outcome] += 1
        self.counts[f"{outcome}, ran directly"] += ran
        self.exchanges += 1
        if self.exchanges % ROUND == 0 and (trouble := self.world.trouble()):
            self.fail("trouble", trouble)

    def finish(self) -> None:
        """What still runs, runs now."""
        time.sleep(0.5)
        if late := self.world.behind.news():
            self.fail("miss", late)
        if trouble := self.world.trouble():
            self.fail("trouble", trouble)

    @staticmethod
    def outcome(answers: list[Answer]) -> str:
        if not answers:
            return "no answer"
        first = answers[0]
        if "x-ran" in first.headers:
            return "forwarded"
        if first.status >= 500:
            return str(first.status)
        return "answered" if first.status < 300 else "refused"

    def fail(self, what: str, why: str) -> None:
        """Keeps the latest requests: what runs late may be the doing of one before."""
        self.failures += 1
        self.counts[f"FAILED: {what}"] += 1
        *earlier, (number, sent) = self.latest
        name = f"{what}-{self.world.kind}-{self.seed}-{number}"
        for before, other in earlier:
            (self.keep / f"{name}.before-{before}.http").write_bytes(other.data)
        (self.keep / f"{name}.http").write_bytes(sent.data)
        (self.keep / f"{name}.txt").write_text(why)
        print(f"FAILED: {what}: {self.keep / name}.http\n  {why.strip()[:1000]}", flush=True)


def work(worker: int, options: argparse.Namespace, folder: Path, results: multiprocessing.Queue) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    until = time.monotonic() + (options.seconds or math.inf)
    with World(folder / f"world-{worker}", KINDS[worker % len(KINDS)], options.gateway) as world:
        fuzzer = Fuzzer(world, options.keep, options.seed)
        told = time.monotonic()
        for number in itertools.count(worker, options.workers):
            is_enough = time.monotonic() >= until or number >= (options.requests or math.inf)
            if is_enough or fuzzer.failures >= ENOUGH_FAILURES:
                break
            try:
                fuzzer.exchange(number, make(options.seed, number))
            except OSError as error:
                fuzzer.fail("trouble", f"{error}: {world.trouble()}")
                break
            if time.monotonic() - told > options.report:
                results.put((False, fuzzer.counts))
                fuzzer.counts, told = Counter(), time.monotonic()
        fuzzer.finish()
    results.put((True, fuzzer.counts))
