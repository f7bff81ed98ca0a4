"""The gateway's own part: which binary, and a folder from which it runs.

The configuration is the product's own: GraphQL paths are looked into on the verifying listener, as they are in
production, and the directory is asked about users as often as there.
"""

import os
import sqlite3
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Of the environment of a gateway: the secret by which it verifies Rail Django's tokens.
SECRET_VARIABLE = "PEER_GATEWAY_SECRET"

RAIL_TOKENS = f"""\
accept_rail_jwt = {{ secret = {{ env = "{SECRET_VARIABLE}" }}, cut_over = 2100-01-01T00:00:00Z }}
"""

TABLES = """
CREATE TABLE django_content_type (id integer PRIMARY KEY, app_label text, model text);
CREATE TABLE auth_permission (id integer PRIMARY KEY, name text, codename text, content_type_id integer);
CREATE TABLE auth_group (id integer PRIMARY KEY, name text);
CREATE TABLE auth_group_permissions (id integer PRIMARY KEY, group_id integer, permission_id integer);
CREATE TABLE auth_user (id integer PRIMARY KEY, username text, password text, last_login text, is_superuser bool,
    first_name text, last_name text, email text, is_staff bool, is_active bool, date_joined text);
CREATE TABLE auth_user_groups (id integer PRIMARY KEY, user_id integer, group_id integer);
CREATE TABLE auth_user_user_permissions (id integer PRIMARY KEY, user_id integer, permission_id integer);
INSERT INTO django_content_type VALUES (1, 'auth', 'user');
"""


@dataclass(frozen=True)
class Settings:
    """What `proxy.toml` says. `verified` is the port of W1 and W3, `plain` that of W2, if there is to be one."""

    upstream: str
    verified: int
    plain: int | None = None
    directory: str = 'url = "sqlite://{folder}/users.sqlite3"\n'
    tokens: str = RAIL_TOKENS
    log: str = ""
    server: str = ""
    # Whole tables.
    further: str = ""

    def write(self, folder: Path) -> Path:
        listeners = f'[[listeners]]\naddress = "127.0.0.1:{self.verified}"\nauth = "required"\n'
        if self.plain:
            listeners += f'\n[[listeners]]\naddress = "127.0.0.1:{self.plain}"\nauth = "none"\n'
        tables = {
            "upstream": f'url = "{self.upstream}"\n',
            "graphql": 'paths = ["/graphql*"]\n',
            "directory": self.directory.replace("{folder}", str(folder)),
            "tokens": self.tokens,
            "server": self.server,
            "log": f'level = "warn"\n{self.log}',
        }
        named = "".join(f"\n[{name}]\n{text}" for name, text in tables.items())
        path = folder / "proxy.toml"
        path.write_text(f'state_dir = "."\n\n{listeners}{named}\n{self.further}')
        return path


def write_users(folder: Path, users: Iterable[tuple[int, str]]) -> None:
    """A Django project's tables with these users, who have no password."""
    path = folder / "users.sqlite3"
    path.unlink(missing_ok=True)
    row = "INSERT INTO auth_user VALUES (?, ?, '!', NULL, 0, '', '', '', 0, 1, '2026-01-01 00:00:00')"
    with sqlite3.connect(path) as database:
        database.executescript(TABLES)
        database.executemany(row, users)


def accepts(binary: Path, config: Path, environment: dict[str, str]) -> bool:
    """Whether `railgate check` does."""
    command = [binary, "check", "--config", config]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=False)
    return done.returncode == 0


def built() -> Path:
    """The release binary of the sources at hand, built when it is older than they are."""
    binary = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/railgate"
    sources = [ROOT / "Cargo.toml", ROOT / "Cargo.lock", *(ROOT / "src").rglob("*")]
    if not binary.is_file() or any(source.stat().st_mtime > binary.stat().st_mtime for source in sources):
        # What it says is no part of what is printed here.
        subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "railgate"], cwd=ROOT, stdout=2, check=True)
    return binary
