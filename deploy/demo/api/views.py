"""GraphQL over HTTP."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from graphene_django.views import GraphQLView, HttpError
from graphql import GraphQLError

from api import uploads
from api.schema import open_schema, protected_schema
from rail_django import authentication, cookies


class Endpoint(GraphQLView):
    """graphene's view with token authentication, cookies and file uploads."""

    def dispatch(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        failure = authentication.csrf_failure(request)
        if failure:
            error = {"message": f"CSRF verification failed: {failure}", "code": "CSRF_FAILED"}
            return JsonResponse({"errors": [error]}, status=403)
        request.user = authentication.caller(request)
        response = super().dispatch(request, *args, **kwargs)
        cookies.apply(request, response)
        return response

    def parse_body(self, request: HttpRequest):
        if uploads.is_multipart_request(request):
            return uploads.operations(request)
        return super().parse_body(request)

    @staticmethod
    def format_error(error: Exception) -> dict:
        formatted = GraphQLView.format_error(error)
        if isinstance(error, HttpError) and error.response.headers.get("Allow") == "POST":
            formatted["extensions"] = {"code": "GET_QUERY_ONLY"}
        return formatted


def require_user(resolve, root, info, **arguments):
    """Refuse every root field to the anonymous, `__typename` and introspection included."""
    if info.path.prev is None and not info.context.user.is_authenticated:
        raise GraphQLError("Authentication required")
    return resolve(root, info, **arguments)


# The view asks for Django's CSRF proof itself, where cookies are relied upon.
open_endpoint = csrf_exempt(Endpoint.as_view(schema=open_schema))
# Takes lists of requests, and nothing else.
batch_endpoint = csrf_exempt(Endpoint.as_view(schema=open_schema, batch=True))
protected_endpoint = csrf_exempt(
    Endpoint.as_view(schema=protected_schema, middleware=[require_user])
)
