"""Who is calling: a bearer token, else the cookie, else Django's own session."""

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware

from rail_django import cookies, tokens
from users.models import User

COOKIES_THAT_SIGN_IN = (cookies.ACCESS, cookies.REFRESH, "sessionid")


def caller(request: HttpRequest) -> User | AnonymousUser:
    """The user of this request. A token that is no good makes the caller anonymous."""
    token = bearer(request.headers.get("Authorization", "")) or request.COOKIES.get(cookies.ACCESS)
    return user_of(token) if token else request.user


def bearer(header: str) -> str | None:
    """The token of an Authorization header; the scheme's case does not matter."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def user_of(token: str) -> User | AnonymousUser:
    """The active user that an access token names."""
    claims = tokens.read(tokens.Kind.ACCESS, token)
    if claims is None:
        return AnonymousUser()
    return User.objects.filter(pk=claims["user_id"], is_active=True).first() or AnonymousUser()


class _CookieProof(CsrfViewMiddleware):
    """Django's CSRF check, returning the reason rather than a page."""

    def _reject(self, request, reason):
        return reason


def csrf_failure(request: HttpRequest) -> str | None:
    """Why a request that leans on cookies can't be believed to come from our own pages.

    A browser sends cookies along with another site's form, but no Authorization header; so only
    requests without one have to prove where they come from.
    """
    if bearer(request.headers.get("Authorization", "")):
        return None
    if not any(name in request.COOKIES for name in COOKIES_THAT_SIGN_IN):
        return None
    proof = _CookieProof(lambda _request: None)
    proof.process_request(request)
    return proof.process_view(request, None, (), {})
