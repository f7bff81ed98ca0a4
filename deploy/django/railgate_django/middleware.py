"""The middleware: whom an assertion names is the request's user; whatever else says who calls is ignored."""

import logging

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.http import HttpResponse
from django.utils.functional import SimpleLazyObject

from .assertions import NotBelieved, Verifier
from .keys import KeysUnavailable, PublishedKeys

logger = logging.getLogger(__name__)

ASSERTION = "HTTP_X_AUTH_ASSERTION"
# What the gateway tells in headers. The assertion tells the same; headers anybody can write.
HEADERS = {
    "HTTP_X_AUTH_USER_ID",
    "HTTP_X_AUTH_USERNAME",
    "HTTP_X_AUTH_EMAIL",
    "HTTP_X_AUTH_ROLES",
    "HTTP_X_AUTH_PERMISSIONS",
    "HTTP_X_AUTH_SESSION_ID",
    "HTTP_X_AUTH_METHOD",
    "HTTP_X_AUTH_MFA",
    "HTTP_X_AUTH_TIME",
    ASSERTION,
}


class AssertionMiddleware:
    """Sets `request.user`, and `request.railgate` to the claims of a good assertion, else to None.

    An anonymous caller's assertion leaves `request.user` as it is: Django's own session, at /admin/ say, goes on to count.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        self._verifier, self._required = configured()
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        if iscoroutinefunction(self):
            return self._answer_later(request)
        refusal = self._admit(request)
        return self.get_response(request) if refusal is None else refusal

    async def _answer_later(self, request):
        # It may wait for the gateway's keys.
        refusal = await sync_to_async(self._admit, thread_sensitive=False)(request)
        return await self.get_response(request) if refusal is None else refusal

    def _admit(self, request):
        """Puts the caller into the request, or gives a refusal."""
        token = request.META.get(ASSERTION)
        drop_headers(request)
        request.railgate = None
        if token is not None:
            try:
                request.railgate = self._verifier.claims(token, request)
            except NotBelieved as why:
                logger.info("an assertion was not believed: %s", why)
            except KeysUnavailable:
                return HttpResponse("The gateway's keys are out of reach.\n", status=503, headers={"Retry-After": "1"})
        if request.railgate is None and self._required:
            return HttpResponse("Come through the gateway.\n", status=401, headers={"WWW-Authenticate": "Bearer"})
        if request.railgate is not None and "sub" in request.railgate:
            put_user(request, request.railgate["sub"])
        elif not hasattr(request, "user"):
            request.user = AnonymousUser()
        return None


def configured():
    """The verifier, and whether requests around the gateway are refused, as `settings.RAILGATE` says."""
    given = dict(getattr(settings, "RAILGATE", {}))
    try:
        keys, audience = PublishedKeys(given.pop("JWKS_URL")), given.pop("AUDIENCE")
    except KeyError as missing:
        raise ImproperlyConfigured(f"RAILGATE has no {missing}") from None
    issuer, required = given.pop("ISSUER", "railgate"), given.pop("REQUIRED", False)
    if given:
        raise ImproperlyConfigured(f"RAILGATE has unknown keys: {', '.join(map(str, given))}")
    return Verifier(keys, audience, issuer), required


def drop_headers(request):
    """Takes out the gateway's headers in every spelling that a server leaves apart."""
    for name in list(request.META):
        if name.replace(".", "_").replace("-", "_").upper() in HEADERS:
            del request.META[name]
    # A cached property: a middleware before this one may have read it.
    request.__dict__.pop("headers", None)


def put_user(request, key):
    """The user is looked up when somebody asks, once."""
    user = SimpleLazyObject(lambda: find_user(key))

    async def auser():
        await sync_to_async(bool)(user)
        return user

    request.user, request.auser = user, auser


def find_user(key):
    try:
        user = get_user_model()._default_manager.get(pk=key)
    except (get_user_model().DoesNotExist, ValueError, ValidationError):
        return AnonymousUser()
    return user if user.is_active else AnonymousUser()
