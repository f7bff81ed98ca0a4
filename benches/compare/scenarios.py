"""The gateway otherwise configured: each scenario is measured beside the gateway as it is compared with the peers.

| scenario | what is different | compared with |
|---|---|---|
| `routes` | so many `[[routes]]`, none of which is for the path that is asked | `railgate` |
| `tokens` | requests rotate through so many tokens of a thousand users | `railgate` |
| `idle` | so many other connections are open, each of which was used once | `railgate` |
| `access-log` | a line for each request is written to a file, where the binary can | `railgate` |
| `paseto` | the gateway's own tokens, from a login: as JWT (`jwt`) and as PASETO | `railgate`, `jwt` |
| `keys` | so many keys are accepted, and the token is of the last one: `jwt-keys`, `paseto-keys` | `jwt`, `paseto` |
"""

import base64
import dataclasses
import json
import os
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import client
from exchange import DAY, SECRET, USER_ID, USERNAME, token
from gateway import SECRET_VARIABLE, Settings, accepts, write_users
from peers import Peer, free_port, gateway
from process import Process

NAMES = ("routes", "tokens", "idle", "access-log", "paseto", "keys")
PLAIN = "railgate"
# The users of many tokens.
USERS = 1000
PASSWORD = "of-the-comparison-alone"
FILE_DIRECTORY = 'kind = "file"\npath = "users.toml"\n\n[hashing]\npreferred = "pbkdf2_sha256"\niterations = 1000\n'
# As long as a run may take.
LIFETIME = 'access_lifetime = "1d"\n'


@dataclass(frozen=True)
class Sizes:
    """How much of it."""

    routes: int
    tokens: tuple[int, ...]
    keys: int
    idle: int


@dataclass(frozen=True)
class Scenario:
    """A peer, and the one that it is compared with. So many connections are open beside the load's."""

    peer: Peer
    baseline: str
    idle: int = 0


class Scenarios:
    """Makes them, each with a folder of its own below `folder`."""

    def __init__(self, binary: Path, folder: Path, upstream: int, cpu: int, sizes: Sizes):
        self._binary, self._folder, self._cpu, self._sizes = binary, folder, cpu, sizes
        self._upstream = f"http://127.0.0.1:{upstream}"
        self.logs_access = self._accepts_access_log()

    def plain(self) -> Peer:
        """The gateway as it is compared: like the peers, it writes no access log."""
        return self._before_django(PLAIN, self._settings(plain=free_port()), [(USER_ID, USERNAME)])

    def chosen(self, names: list[str]) -> Iterator[Scenario]:
        made = {
            "routes": self._routes,
            "tokens": self._tokens,
            "idle": self._idle,
            "access-log": self._access_log,
            "paseto": self._paseto,
            "keys": self._keys,
        }
        for name in (name for name in NAMES if name in names):
            yield from made[name]()

    def _routes(self) -> Iterator[Scenario]:
        numbers = range(self._sizes.routes)
        routes = (f'[[routes]]\npath = "/reports/{number}/*"\nroles = ["staff"]\n' for number in numbers)
        settings = self._settings(further="".join(routes))
        yield Scenario(self._before_django(f"routes-{self._sizes.routes}", settings, [(USER_ID, USERNAME)]), PLAIN)

    def _tokens(self) -> Iterator[Scenario]:
        users = [(USER_ID, USERNAME)] + [(1000 + number, f"user{number}") for number in range(1, USERS)]
        for count in self._sizes.tokens:
            peer = self._before_django(f"tokens-{count}", self._settings(), users)
            numbers = range(count)
            peer.tokens = tuple(token(*users[number % USERS], lifetime=DAY + number // USERS) for number in numbers)
            yield Scenario(peer, PLAIN)

    def _idle(self) -> Iterator[Scenario]:
        settings = self._settings(server='header_timeout = "1h"\n')
        peer = self._before_django(f"idle-{self._sizes.idle}", settings, [(USER_ID, USERNAME)])
        yield Scenario(peer, PLAIN, self._sizes.idle)

    def _access_log(self) -> Iterator[Scenario]:
        if self.logs_access:
            folder = self._made("access-log")
            settings = dataclasses.replace(self._settings(), log=f'access = "{folder}/access.log"\n')
            yield Scenario(self._before_django("access-log", settings, [(USER_ID, USERNAME)]), PLAIN)

    def _paseto(self) -> Iterator[Scenario]:
        yield Scenario(self._logged_in("jwt", _jwt, [SECRET]), PLAIN)
        yield Scenario(self._logged_in("paseto", _paseto, self._new_keys(1)), "jwt")

    def _keys(self) -> Iterator[Scenario]:
        """The token is of the last one: keys may be tried in order."""
        count = self._sizes.keys
        secrets = [f"{number:05}-{SECRET}" for number in range(count - 1)] + [SECRET]
        yield Scenario(self._logged_in(f"jwt-keys-{count}", _jwt, secrets), "jwt")
        yield Scenario(self._logged_in(f"paseto-keys-{count}", _paseto, self._new_keys(count)), "paseto")

    def _logged_in(self, name: str, accepting: Callable[[Path, list[str]], str], keys: list[str]) -> Peer:
        """Before a users file, with the token that a login gave when the last of the keys was the only one."""
        folder = self._made(name)
        at_login = LIFETIME + accepting(folder, keys[-1:])
        settings = dataclasses.replace(self._settings(), directory=FILE_DIRECTORY, tokens=at_login)
        self._add_user(settings.write(folder))
        given = self._login(folder, settings)
        settings = dataclasses.replace(settings, tokens=LIFETIME + accepting(folder, keys))
        peer = gateway(name, self._binary, folder, settings)
        user = tomllib.loads((folder / "users.toml").read_text())["users"][0]
        peer.tokens, peer.caller = (given,), (user["id"], user["username"])
        return peer

    def _add_user(self, config: Path) -> None:
        command = [self._binary, "user", "add", USERNAME, "--password-stdin", "--config", config]
        done = subprocess.run(command, input=PASSWORD, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"no user can be added:\n{done.stderr}")

    def _login(self, folder: Path, settings: Settings) -> str:
        process = Process([self._binary, "run", "--config", folder / "proxy.toml"], self._cpu, folder / "login.log")
        document = f'mutation {{ login(username: "{USERNAME}", password: "{PASSWORD}") {{ token errors }} }}'
        asked = client.request(body=json.dumps({"query": document}).encode())
        try:
            status, answer = client.ask_patiently(settings.verified, asked)
        finally:
            process.stop()
        if status != 200 or not (given := json.loads(answer)["data"]["login"]["token"]):
            raise SystemExit(f"no login: {status} {answer.decode()}\n{(folder / 'login.log').read_text()}")
        return given

    @staticmethod
    def _new_keys(count: int) -> list[str]:
        """As `railgate keygen` prints them (PASERK k4.local)."""
        return ["k4.local." + base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode() for _ in range(count)]

    def _before_django(self, name: str, settings: Settings, users: list[tuple[int, str]]) -> Peer:
        folder = self._made(name)
        write_users(folder, users)
        return gateway(name, self._binary, folder, settings)

    def _settings(self, **further: object) -> Settings:
        log = 'access = "off"\n' if self.logs_access else ""
        return Settings(self._upstream, free_port(), log=log, **further)

    def _accepts_access_log(self) -> bool:
        """An unknown key would be an error."""
        config = Settings(self._upstream, 1, log='access = "off"\n').write(self._made("check"))
        return accepts(self._binary, config, {SECRET_VARIABLE: SECRET})

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return folder


def _jwt(folder: Path, secrets: list[str]) -> str:
    """What `[tokens]` says; a file for each secret."""
    for number, secret in enumerate(secrets):
        (folder / f"secret-{number}").write_text(secret)
    files = ", ".join(f'{{ file = "secret-{number}" }}' for number in range(len(secrets)))
    return f'format = "jwt"\njwt_secret = [{files}]\n'


def _paseto(folder: Path, keys: list[str]) -> str:
    """What `[tokens]` says; a file with a key on each line."""
    (folder / "keys").write_text("\n".join(keys))
    return 'keys = { file = "keys" }\n'
