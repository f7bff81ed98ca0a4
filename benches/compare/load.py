"""The load: wrk as fast as answers come (closed loop), h2load at a fixed rate."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from exchange import BODY, PATH

HERE = Path(__file__).resolve().parent
CONNECTIONS = 64
# At a fixed rate, on fewer: their starts are spread evenly, so that requests don't arrive in bursts.
PACED_CONNECTIONS = 16
# Of the rate that was asked for, how much may be missing: below it, latencies are those of an overload.
LEAST_RATE = 0.95


@dataclass(frozen=True)
class Target:
    """Where requests go, and what they carry: one of the tokens each, in turn; none at all for a pass-through."""

    port: int
    tokens: tuple[str, ...]
    expected_status: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"


class Load:
    def __init__(self, programs: dict[str, str], folder: Path):
        self._programs, self._folder = programs, folder
        self._body = folder / "body.json"
        self._body.write_bytes(BODY)

    def fast(self, target: Target, seconds: int, offset: int = 0) -> dict:
        """Requests, errors among them, requests a second, latencies in ms; `offset` is the first token's place."""
        tokens = self._folder / "tokens"
        tokens.write_text("".join(f"{token}\n" for token in target.tokens))
        command = [self._programs["wrk"], "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "5s"]
        command += ["-s", HERE / "wrk.lua", target.url, "--", self._body, tokens, str(offset)]
        told = json.loads(re.search(r"^figures (.*)$", _output(command, seconds + 60), re.MULTILINE)[1])
        refused = told["refused"]
        wrong = refused if target.expected_status < 400 else told["requests"] - refused
        return {
            "requests": told["requests"],
            "errors": wrong + told["broken"],
            "per_second": told["requests"] / (told["microseconds"] / 1e6),
            "p50_ms": told["p50"] / 1e3,
            "p99_ms": told["p99"] / 1e3,
        }

    def paced(self, target: Target, rate: int, seconds: float) -> dict:
        """Requests, errors among them, latencies in ms; `None` in place of these where the rate was not held."""
        log, count = self._folder / "h2load.log", int(rate * seconds)
        log.unlink(missing_ok=True)
        command = [self._programs["h2load"], "--h1", "-t1", f"-c{PACED_CONNECTIONS}", f"-n{count}", "-d", self._body]
        command += ["-r1", f"--rate-period={max(1, round(1000 / rate))}ms", f"--rps={rate / PACED_CONNECTIONS}"]
        command += ["-H", "content-type: application/json", f"--log-file={log}"]
        for token in target.tokens[:1]:
            command += ["-H", f"authorization: Bearer {token}"]
        _output([*command, target.url], seconds * 10 + 60)
        return paced_figures(log.read_text(), target.expected_status, count, rate)


def paced_figures(log: str, expected_status: int, count: int, rate: float) -> dict:
    """Of h2load's log: a line for each request, its start, status and time, in µs."""
    lines = [[int(field) for field in line.split("\t")[:3]] for line in log.splitlines()]
    right = sum(status == expected_status for _, status, _ in lines)
    times = sorted(taken for _, _, taken in lines)
    span = (max(start for start, _, _ in lines) - min(start for start, _, _ in lines)) / 1e6 if len(lines) > 1 else 0
    held = span > 0 and (len(lines) - 1) / span >= LEAST_RATE * rate
    return {
        "requests": len(lines),
        "errors": count - right,
        "p50_ms": times[len(times) // 2] / 1e3 if held else None,
        "p99_ms": times[int(len(times) * 0.99)] / 1e3 if held else None,
    }


def _output(command: list, timeout: float) -> str:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout}")
    return done.stdout
