"""What came of it: figures by kind, and whether they are enough."""

import argparse
import json
from collections import Counter

from cases import SHARES, Case
from expected import EXPECTED, Expected
from invalid import BREAKERS, OPERATORS
from transports import Answer

# Of all documents, the least share of each kind; a bit under what `cases.SHARES` asks for.
LEAST_SHARES = {kind: 0.8 * share / sum(SHARES.values()) for kind, share in SHARES.items()}
# Of the documents of a kind, the least share that the backend must execute, and of the invalid ones, refuse.
LEAST_EXECUTED, LEAST_REFUSED = 0.85, 0.85
# Of all documents, the least share with each mistake.
LEAST_MISTAKES = 0.001


class Report:
    def __init__(self, options: argparse.Namespace):
        self.seed, self.count = options.seed, options.count
        self.made, self.sent, self.executed, self.explained = Counter(), Counter(), Counter(), Counter()
        self.mistakes, self.ways = Counter(), Counter()
        self.failures = 0

    def note(self, case: Case) -> None:
        """It was made; it may be left out all the same."""
        self.made[case.kind] += 1
        self.mistakes.update(filter(None, case.mistake.split("+")))

    def add(self, case: Case, direct: Answer, through: Answer, parts: dict[str, str], known: Expected | None) -> None:
        self.sent[case.kind] += 1
        self.executed[case.kind] += direct.status == 200
        self.ways[case.way] += 1
        if known:
            self.explained[known.name] += 1
        elif parts:
            self.failures += 1
            print(f"\nDIFFERENT: {self.whole(case, direct, through)}")
            print("\n".join(parts.values()))
            print(f"to replay it: tests/differential/run --seed {self.seed} --replay {case.number}", flush=True)

    def trouble(self, case: Case, trouble: str) -> None:
        self.failures += 1
        print(f"\nTROUBLE: after document {case.number}: {trouble}")

    @staticmethod
    def whole(case: Case, direct: Answer, through: Answer) -> str:
        """A document and its two answers."""
        request = case.request
        what = f"{case.kind} {case.mistake and f'({case.mistake}, {case.base})'}".strip()
        lines = [
            f"{what}, {case.way} to {case.path} as {case.user or 'nobody'}",
            request.text,
            f"variables: {json.dumps(request.variables, ensure_ascii=False)}",
            f"operationName: {request.operation_name!r}",
            f"directly: {direct.status} {direct.body.decode(errors='replace')}",
            f"through the gateway: {through.status} {through.body.decode(errors='replace')}",
        ]
        return "\n".join(lines)

    def summary(self, seconds: float) -> str:
        lines = [f"{sum(self.sent.values())} documents sent both ways in {seconds:.0f} s"]
        for kind, made in self.made.items():
            sent, executed = self.sent[kind], self.executed[kind]
            lines.append(f"{kind:>9}: {made} made, {sent} sent, {executed} executed, {sent - executed} refused")
        lines.append("by way: " + ", ".join(f"{way} {count}" for way, count in self.ways.most_common()))
        lines.append("mistakes: " + ", ".join(f"{name} {count}" for name, count in sorted(self.mistakes.items())))
        lines += [f"different as expected: {name} {count}" for name, count in self.explained.items()]
        return "\n".join(lines)

    def verdict(self) -> int:
        if self.failures:
            print(f"{self.failures} differences that nobody expects")
            return 1
        if lacks := self.lacks():
            print("this proves too little: " + "; ".join(lacks))
            return 2
        print("no difference but the expected")
        return 0

    def lacks(self) -> list[str]:
        """Where the generator has gone stale, or the list of what is expected takes in too much."""
        found = []
        for kind, share in LEAST_SHARES.items():
            made, sent, executed = self.made[kind], self.sent[kind], self.executed[kind]
            if made < share * self.count:
                found.append(f"only {made} documents are {kind}")
            counted, least = (sent - executed, LEAST_REFUSED) if kind == "invalid" else (executed, LEAST_EXECUTED)
            if counted < least * sent:
                found.append(f"of {sent} {kind} documents the backend executed {executed}")
        for known in EXPECTED:
            if self.explained[known.name] > known.at_most * max(sum(self.sent.values()), 500):
                found.append(f"'{known.name}' explains {self.explained[known.name]} documents")
        rare = [name for name in (*OPERATORS, *BREAKERS) if self.mistakes[name] < LEAST_MISTAKES * self.count]
        return found + [f"hardly any {name}" for name in rare]
