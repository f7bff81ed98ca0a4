"""Django's DATABASES entry out of a DATABASE_URL."""

from pathlib import Path
from typing import Any

import dj_database_url

SQLITE_OPTIONS = {
    # Readers never wait for the writer, and a second writer waits instead of failing at once.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
}
# Under ASGI every request in flight has a thread of its own; a pool keeps them from
# using up the server's connections.
POSTGRESQL_OPTIONS = {"pool": {"min_size": 1, "max_size": 8}}
MYSQL_OPTIONS = {"charset": "utf8mb4"}
LOCAL_HOSTS = {"", "localhost", "127.0.0.1", "::1"}  # "": a Unix socket


def from_url(url: str) -> dict[str, Any]:
    """Parse the URL and add what each engine needs under an ASGI server.

    A SQLite path counts as absolute, with three slashes after the scheme or with four:
    database tools read the two spellings differently, and a server has no use for a relative one.
    """
    config = dict(dj_database_url.parse(url))
    options = config.setdefault("OPTIONS", {})
    match config["ENGINE"].rpartition(".")[2]:
        case "sqlite3":
            config["NAME"] = str(Path("/") / config["NAME"])
            options.update(SQLITE_OPTIONS)
        case "postgresql":
            options.update(POSTGRESQL_OPTIONS)
            config["CONN_HEALTH_CHECKS"] = True  # the pool outlives a restart of the server
        case "mysql":
            options.update(MYSQL_OPTIONS)
            if config["HOST"] in LOCAL_HOSTS:
                # PyMySQL would read all of the system's CA certificates for every connection,
                # which takes longer than the rest of the request.
                options.setdefault("ssl_disabled", True)
            _use_pymysql()
    return config


def _use_pymysql() -> None:
    """Let Django import PyMySQL under the name of the C driver, which needs a compiler."""
    import pymysql

    pymysql.install_as_MySQLdb()
