"""ASGI: when a request arrived.

Django reads the whole body before any middleware runs, and an upload may take longer than an assertion lives. So what
counts is whether it had run out when the head of the request came, which is when this wrapper is called.
"""

import time

ARRIVED = "railgate.arrived"


class Arrival:
    """Around Django's application, in asgi.py: `application = Arrival(get_asgi_application())`."""

    def __init__(self, application):
        self._application = application

    async def __call__(self, scope, receive, send):
        await self._application({**scope, ARRIVED: time.time()}, receive, send)


def arrived(request):
    """Seconds since 1970. Without the wrapper, and on WSGI, where middleware runs before the body is read: now."""
    return getattr(request, "scope", {}).get(ARRIVED, time.time())
