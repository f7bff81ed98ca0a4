"""The tokens as cookies, for browsers that keep none in script's reach.

Resolvers can't touch the response, which does not exist yet: they leave their wish on the request
and the view carries it out.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from rail_django.sessions import TokenPair

ACCESS = "jwt"
REFRESH = "refresh_token"


def keep(request: HttpRequest, pair: TokenPair) -> None:
    """The response shall set both cookies."""
    request.token_cookies = {
        ACCESS: (pair.access, settings.JWT_ACCESS_TOKEN_LIFETIME),
        REFRESH: (pair.refresh, settings.JWT_REFRESH_TOKEN_LIFETIME),
    }


def drop(request: HttpRequest) -> None:
    """The response shall delete both cookies."""
    request.token_cookies = {}


def apply(request: HttpRequest, response: HttpResponse) -> None:
    """Carry out the last wish, if there was any."""
    wish = getattr(request, "token_cookies", None)
    if wish is None:
        return
    if not wish:
        response.delete_cookie(ACCESS)
        response.delete_cookie(REFRESH)
    for name, (value, lifetime) in wish.items():
        response.set_cookie(
            name,
            value,
            max_age=lifetime,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure(),
        )
