"""Sends documents to the demo backend and through the gateway; fails when the answers differ.

    tests/differential/run                          as many as the test in CI sends
    tests/differential/run --seed 7 --count 20000   others; one seed makes the same documents every time
    tests/differential/run --seed 7 --replay 1234   one of them, both answers in full

Documents are of five kinds: `owned` (fields that the gateway answers), `foreign` (the backend's), `mixed` (both in one
operation), `stitched` (a login's `user` with fields that only the backend has), `invalid` (one of the others with a
mistake, see `mistakes/`). What is compared, and what isn't, is in `compare.py`; the differences that are meant, with
their reasons, are in `expected.py`. A document that is replayed meets a fresh database, without what others wrote
before it. `RAILGATE_BIN` names the binary; without it, one is built.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path

from cases import Case, case
from compare import differences, view
from expected import explained
from report import Report
from servers.gateway import built_gateway
from surface import INTROSPECTION, PATHS, Surface
from transports import Answer, Request, encode
from values import REFRESH
from world import Side, World

# A run that finds this much is a run against a gateway that is broken; more of the same tells nothing.
ENOUGH_FAILURES = 20


def main() -> int:
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="railgate-differential-") as folder:
        with World(Path(folder), options.gateway) as world:
            surfaces = {path: Surface(path, introspection(world.direct, path)) for path in PATHS}
            if options.replay is not None:
                return replay(world, case(options.seed, options.replay, surfaces))
            return run(world, surfaces, options)


def introspection(side: Side, path: str) -> dict:
    sent = encode("json", path, Request(INTROSPECTION))
    sent.headers["Authorization"] = f"Bearer {side.access('john', is_spent=False)}"
    return json.loads(side.send(sent).body)["data"]


def run(world: World, surfaces: dict[str, Surface], options: argparse.Namespace) -> int:
    report, begun, seen, number = Report(options), time.monotonic(), set(), -1
    while len(seen) < options.count and report.failures < ENOUGH_FAILURES:
        number += 1
        each = case(options.seed, number, surfaces)
        if each.request.text in seen:
            continue
        seen.add(each.request.text)
        report.note(each)
        if each.kinds() & options.without:
            continue
        direct, through = exchange(world, each)
        parts = {line.partition(":")[0]: line for line in differences(view(direct), view(through))}
        known = explained(each, view(direct), view(through)) if parts else None
        report.add(each, direct, through, parts, known)
        if trouble := world.trouble():
            report.trouble(each, trouble)
            break
    print(report.summary(time.monotonic() - begun))
    return report.verdict()


def exchange(world: World, each: Case) -> tuple[Answer, Answer]:
    def one(side: Side) -> Answer:
        request = dataclasses.replace(each.request, variables=dict(each.request.variables))
        for key, value in request.variables.items():
            if value == REFRESH:
                request.variables[key] = side.login("john")["refreshToken"]
        sent = encode(each.way, each.path, request)
        if each.user:
            sent.headers["Authorization"] = f"Bearer {side.access(each.user, each.is_spent)}"
        return side.send(sent)

    return world.both(one)


def replay(world: World, each: Case) -> int:
    direct, through = exchange(world, each)
    found = list(differences(view(direct), view(through)))
    print(Report.whole(each, direct, through))
    print("\n".join(found) or "no difference")
    return int(bool(found))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="default 1")
    parser.add_argument("--count", type=int, default=2100, help="distinct documents (default 2100)")
    parser.add_argument("--without", default="", help="kinds that are made but not sent: mixed,stitched")
    parser.add_argument("--replay", type=int, metavar="N", help="only this one")
    options = parser.parse_args()
    options.without = set(filter(None, options.without.split(",")))
    options.gateway = built_gateway()
    return options


if __name__ == "__main__":
    sys.exit(main())
