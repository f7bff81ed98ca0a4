"""The login limit: ten failures from one address within five minutes block it for an hour.

The address is the TCP peer's, so behind a proxy all clients count as one. Off unless
LOGIN_RATE_LIMIT is set.
"""

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

FAILURES = 10
WINDOW = 300
BLOCK = 3600


def blocked(request: HttpRequest) -> bool:
    """Whether this address has to wait."""
    return settings.LOGIN_RATE_LIMIT and cache.get(_block_key(request)) is not None


def count_failure(request: HttpRequest) -> None:
    """Remember a failed login, and block the address when it was one too many."""
    if not settings.LOGIN_RATE_LIMIT:
        return
    key = f"login-failures:{request.META['REMOTE_ADDR']}"
    cache.add(key, 0, WINDOW)
    if cache.incr(key) >= FAILURES:
        cache.set(_block_key(request), True, BLOCK)


def _block_key(request: HttpRequest) -> str:
    return f"login-blocked:{request.META['REMOTE_ADDR']}"
