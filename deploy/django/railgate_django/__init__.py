"""Believe railgate's signed assertions, and nothing else that says who calls.

    MIDDLEWARE = [
        ...,
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "railgate_django.AssertionMiddleware",
        ...,
    ]
    RAILGATE = {
        "JWKS_URL": "http://127.0.0.1:8080/.well-known/jwks.json",
        "AUDIENCE": "api",
    }

README.md of railgate tells the rest.
"""

__all__ = ["AssertionMiddleware"]


def __getattr__(name):
    """The middleware when it is asked for: asgi.py imports from this package before Django's models may be imported."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .middleware import AssertionMiddleware

    return AssertionMiddleware
