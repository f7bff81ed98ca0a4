"""Sends doubtful requests to a real graphene-django view and through the gateway; fails when the gateway lets one run.

    tests/fuzz/run --requests 3000             a short run
    tests/fuzz/run --seconds 3600 --seed 7     a long one; the same seed makes the same requests
    tests/fuzz/run --replay FILE               one request that failed, against both kinds of server

Each request goes to the oracle (see `oracle/`) twice: directly, to learn whether it runs an auth operation, and through
the gateway, behind which none may ever run, whatever happened directly. It also fails when the gateway panics, ends,
hangs, or answers 500. What failed is kept as a file to replay. `RAILGATE_BIN` names the binary; without it, one is
built.

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

from client import Client
from framing import Sent
from servers.gateway import built_gateway
from worker import work
from world import KINDS, World, prepare

# Of what is sent, the share that must run when sent directly; below it the run proves too little.
LEAST_SHARE = 1 / 3


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
            ways = [
                ("directly", world.direct_port, world.direct),
                ("behind", world.gateway_port, world.behind),
            ]
            for way, port, log in ways:
                client = Client(port)
                client.send(sent)
                for answer in client.receive(sent):
                    print(f"{kind} {way}: {answer.status} {answer.body.decode(errors='replace')}")
                time.sleep(0.3)
                ran = log.news()
                print(f"{kind} {way}: ran {ran or 'nothing'}")
                missed |= way == "behind" and bool(ran)
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
