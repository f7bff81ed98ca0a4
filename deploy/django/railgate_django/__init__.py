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

from .middleware import AssertionMiddleware

__all__ = ["AssertionMiddleware"]
