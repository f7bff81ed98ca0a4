"""Sends doubtful requests to a real graphene-django view and through the gateway; fails when the gateway lets one run.

    tests/fuzz/run --requests 3000             a short run
    tests/fuzz/run --seconds 3600 --seed 7     a long one; the same seed makes the same requests
    tests/fuzz/run --replay FILE               one request that failed, against both kinds of server

Each request goes to the oracle (see `oracle/`) twice: directly, to learn whether it runs an auth operation, and through
the gateway, behind which none may ever run, whatever happened directly. It also fails when the gateway panics, ends,
hangs, or answers 500. What failed is kept as a file to replay. `RAILGATE_BIN` names the binary; without it, one is built.

Every worker is a process with an oracle and a gateway of its own: the even ones with an ASGI server, the odd ones with
WSGI. Request N of a seed is always the same, and always goes to the same kind.
"""

import argparse
import multiprocessing
import queue
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from envelopes import envelope
from mutations import mutate
from wire import Answer, Client, Sent, encode
from world import World, built_gateway, prepare

KINDS = ("asgi", "wsgi")
# A run that finds this much is a run against a gateway that is broken; more of the same tells nothing.
ENOUGH_FAILURES = 20
# Of what is sent, the share that must run when sent directly; below it the run proves too little.
LEAST_SHARE = 1 / 3


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
        self.counts, self.failures = Counter(), 0
        self.latest: list[tuple[int, Sent]] = []

    def exchange(self, number: int, sent: Sent) -> None:
        self.latest = [*self.latest[-3:], (number, sent)]
        self.direct.send(sent)
        self.through.send(sent)
        try:
            self.direct.receive(sent)
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
        self.judge(ran, sent, answers)

    def judge(self, ran: bool, sent: Sent, answers: list[Answer]) -> None:
        missed = self.world.behind.news()
        if missed:
            self.fail("miss", missed)
        outcome = self.outcome(answers)
        if outcome == "500":
            self.fail("error", repr(answers))
        if outcome == "no answer" and not sent.is_ragged:
            self.fail("closed", "The gateway closes the connection without an answer.")
        self.counts["requests"] += 1
        self.counts["ran directly"] += ran
        self.counts[outcome] += 1
        self.counts[f"{outcome}, ran directly"] += ran
        if self.counts["requests"] % 500 == 0 and (trouble := self.world.trouble()):
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
        """Keeps the latest requests: what runs late may be the doing of the one before."""
        self.failures += 1
        self.counts[f"FAILED: {what}"] += 1
        for number, sent in self.latest:
            name = f"{what}-{self.world.kind}-{self.seed}-{self.latest[-1][0]}"
            behind = self.latest[-1][0] - number
            (self.keep / (f"{name}.http" if not behind else f"{name}.before-{number}.http")).write_bytes(sent.data)
        (self.keep / f"{name}.txt").write_text(why)
        print(f"FAILED: {what}: {self.keep / name}.http\n  {why.strip()[:1000]}", flush=True)


def work(worker: int, options: argparse.Namespace, folder: Path, results: multiprocessing.Queue) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    until = time.monotonic() + options.seconds if options.seconds else None
    with World(folder / f"world-{worker}", KINDS[worker % len(KINDS)], options.gateway) as world:
        fuzzer = Fuzzer(world, options.keep, options.seed)
        number, told = worker, time.monotonic()
        while (until is None or time.monotonic() < until) and (options.requests is None or number < options.requests):
            if fuzzer.failures >= ENOUGH_FAILURES or world.gateway.poll() is not None:
                break
            fuzzer.exchange(number, make(options.seed, number))
            number += options.workers
            if time.monotonic() - told > options.report:
                results.put((False, fuzzer.counts))
                fuzzer.counts, told = Counter(), time.monotonic()
        # What still runs, runs now.
        time.sleep(0.5)
        if late := world.behind.news():
            fuzzer.fail("miss", late)
        if trouble := world.trouble():
            fuzzer.fail("trouble", trouble)
    results.put((True, fuzzer.counts))


def main() -> int:
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="railgate-fuzz-") as name:
        folder = Path(name)
        prepare(folder)
        if options.replay:
            return replay(options, folder)
        print(f"seed {options.seed}, {options.workers} workers, failures go to {options.keep}", flush=True)
        return run(options, folder)


def run(options: argparse.Namespace, folder: Path) -> int:
    results = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(n, options, folder, results)) for n in range(options.workers)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begun, total = time.monotonic(), Counter()
    told = begun
    for worker in workers:
        worker.start()
    try:
        left = len(workers)
        while left:
            try:
                is_last, counts = results.get(timeout=1)
            except queue.Empty:
                if any(worker.exitcode for worker in workers):
                    raise SystemExit("a worker ended") from None
                continue
            total.update(counts)
            left -= is_last
            if not left or time.monotonic() - told > options.report:
                told = time.monotonic()
                print(summary(total, told - begun), flush=True)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
    return verdict(options, total)


def summary(counts: Counter, seconds: float) -> str:
    requests = counts["requests"] or 1
    lines = [f"{counts['requests']:>9} requests in {seconds:.0f} s, {counts['requests'] / seconds:.0f} a second"]
    for name, count in sorted(counts.items()):
        if name != "requests":
            lines.append(f"{count:>9} {name} ({count / requests:.1%})")
    return "\n".join(lines) + "\n"


def verdict(options: argparse.Namespace, total: Counter) -> int:
    failed = sum(count for name, count in total.items() if name.startswith("FAILED"))
    if failed:
        print(f"{failed} failures, kept in {options.keep}; to replay one: tests/fuzz/run --replay FILE")
        return 1
    if not list(options.keep.iterdir()):
        shutil.rmtree(options.keep)
    if total["ran directly"] < LEAST_SHARE * total["requests"] or not total["requests"]:
        print("too few of the requests run an auth operation: this proves little")
        return 2
    print("no miss")
    return 0


def replay(options: argparse.Namespace, folder: Path) -> int:
    sent, missed = Sent(options.replay.read_bytes(), is_ragged=True), False
    for kind in KINDS:
        with World(folder / kind, kind, options.gateway) as world:
            for name, port in (("directly", world.direct_port), ("through the gateway", world.gateway_port)):
                client = Client(port)
                client.send(sent)
                answers = client.receive(sent)
                print(f"{kind}, {name}:", *(f"\n  {answer.status} {answer.body.decode(errors='replace')}" for answer in answers))
            time.sleep(0.3)
            print(f"{kind}, ran directly: {world.direct.news() or 'nothing'}")
            behind = world.behind.news()
            print(f"{kind}, ran behind the gateway: {behind or 'nothing'}")
            missed |= bool(behind)
    return int(missed)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--seconds", type=float, help="how long")
    length.add_argument("--requests", type=int, help="how many")
    length.add_argument("--replay", type=Path, help="a request that was kept")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="default: any")
    parser.add_argument("--workers", type=int, default=2, help="an even number (default 2)")
    parser.add_argument("--keep", type=Path, help="a folder for what fails (default: a new one)")
    parser.add_argument("--report", type=float, default=60, help="seconds between figures (default 60)")
    options = parser.parse_args()
    options.gateway = built_gateway()
    options.keep = options.keep or Path(tempfile.mkdtemp(prefix="railgate-fuzz-failures-"))
    options.keep.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    sys.exit(main())
