"""Typed reading of environment variables."""

import os


def flag(name: str) -> bool:
    """True for 1, true, yes and on; false for anything else and when unset."""
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def seconds(name: str, default: int) -> int:
    """A whole number of seconds."""
    return int(os.environ.get(name) or default)


def items(name: str, default: str = "") -> list[str]:
    """A comma-separated list without empty entries."""
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]
