"""Says whom Django takes the caller for."""

from asgiref.sync import iscoroutinefunction
from django.http import JsonResponse
from django.http.request import HttpHeaders
from django.utils.decorators import sync_and_async_middleware

from railgate_django.middleware import ASSERTION


def describe(request, user):
    return JsonResponse(
        {
            "user": user.get_username() or None,
            "claims": request.railgate,
            "headers": sorted(name for name in request.headers if name.lower().startswith(("x-auth", "x.auth"))),
            "assertion": request.kept_assertion,
        }
    )


def whoami(request):
    return describe(request, request.user)


async def whoami_async(request):
    user = await request.auser()
    return describe(request, user)


whoami.csrf_exempt = whoami_async.csrf_exempt = True


@sync_and_async_middleware
def keep_assertion(get_response):
    """Keeps what the next middleware takes out, so that a test can play the thief.

    It reads `request.headers`, as any middleware may, and Django keeps those.
    """

    def keep(request):
        request.kept_assertion = request.headers.get(HttpHeaders.parse_header_name(ASSERTION))

    if iscoroutinefunction(get_response):

        async def middleware(request):
            keep(request)
            return await get_response(request)

    else:

        def middleware(request):
            keep(request)
            return get_response(request)

    return middleware
