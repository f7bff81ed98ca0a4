"""HTTP routes."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path

from api.views import batch_endpoint, open_endpoint, protected_endpoint


def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer as soon as requests are served; migrations and seeding come before that."""
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    path("healthz", healthz),
    path("admin/", admin.site.urls),
    path("graphql/auth/", open_endpoint),
    path("graphql/batch/", batch_endpoint),
    path("graphql/gql/", protected_endpoint),
]
