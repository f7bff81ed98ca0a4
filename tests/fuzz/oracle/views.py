"""Where the schema is served. Between a request and its execution nothing of graphene-django is replaced.

| path | what is there |
|---|---|
| `/graphql/` | graphene's view; validation but for the types of arguments |
| `/graphql/batch/` | the same, for lists of requests |
| `/graphql/upload/` | the same with the demo's reader of multipart uploads |
| `/graphql/loose/` | nearly without validation, as no backend should be |
| `/graphql/override/` | behind something that believes `X-HTTP-Method-Override` |
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from graphene_django.views import GraphQLView
from graphql import NoFragmentCyclesRule, specified_rules

from oracle import schema

sys.path.append(str(Path(__file__).resolve().parents[3] / "deploy/demo"))
from api import uploads

ABOUT_ARGUMENTS = ("VariablesInAllowedPositionRule", "ValuesOfCorrectTypeRule", "KnownArgumentNamesRule")
USUAL_RULES = [rule for rule in specified_rules if rule.__name__ not in ABOUT_ARGUMENTS]


class Logs:
    """Who ran what, in a file for each port."""

    def __init__(self):
        self.files = {}

    def open(self, folder: str, **ports: int) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self.files = {str(port): os.open(f"{folder}/{name}.log", flags) for name, port in ports.items()}

    def note(self, request: HttpRequest, field: str) -> None:
        request.ran = [*getattr(request, "ran", []), field]
        seen = {key: request.META.get(key) for key in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE")}
        # A form is read as a stream, and its body not kept.
        body = getattr(request, "_body", b"").decode("latin-1")
        line = json.dumps({"ran": field, **seen, "body": body}) + "\n"
        os.write(self.files[request.META["SERVER_PORT"]], line.encode())


LOGS = Logs()


def mark(get_response: Callable) -> Callable:
    """The outermost middleware: every answer says whose it is, and what ran."""

    def marked(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["X-Ran"] = ",".join(getattr(request, "ran", []))
        return response

    return marked


class Upload(GraphQLView):
    def parse_body(self, request: HttpRequest):
        if uploads.is_multipart_request(request):
            return uploads.operations(request)
        return super().parse_body(request)


class Override(GraphQLView):
    def dispatch(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        request.method = request.headers.get("X-HTTP-Method-Override", request.method).upper()
        return super().dispatch(request, *args, **kwargs)


def view(kind: type[GraphQLView], rules=USUAL_RULES, **options):
    return csrf_exempt(kind.as_view(schema=SCHEMA, validation_rules=rules, graphiql=False, **options))


SCHEMA = schema.build(LOGS.note)
urlpatterns = [
    re_path("^graphql/?$", view(GraphQLView)),
    path("graphql/batch/", view(GraphQLView, batch=True)),
    path("graphql/upload/", view(Upload)),
    path("graphql/loose/", view(GraphQLView, [NoFragmentCyclesRule])),
    path("graphql/override/", view(Override)),
]
