"""Files in variables, by the GraphQL multipart request specification.

The form's field `operations` holds the usual JSON with null where a file belongs, `map` says which
part goes where: `{"0": ["variables.file"]}`.
"""

import json
from typing import Any

import graphene
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponseBadRequest
from graphene_django.views import HttpError
from graphql import GraphQLError


class Upload(graphene.Scalar):
    """A file of a multipart request."""

    @staticmethod
    def parse_value(value: Any) -> UploadedFile:
        if not isinstance(value, UploadedFile):
            raise GraphQLError("Upload wants a file of a multipart request.")
        return value

    @staticmethod
    def parse_literal(_node, _variables=None):
        raise GraphQLError("Upload can only be given as a variable.")

    @staticmethod
    def serialize(_value):
        raise GraphQLError("Upload is for input only.")


def is_multipart_request(request: HttpRequest) -> bool:
    """Whether the form is of that kind, rather than one with a plain `query` field."""
    return request.content_type == "multipart/form-data" and "operations" in request.POST


def operations(request: HttpRequest) -> dict[str, Any]:
    """The request's JSON with its files in place."""
    try:
        body = json.loads(request.POST["operations"])
        for part, places in json.loads(request.POST.get("map", "{}")).items():
            for place in places:
                _put(body, place.split("."), request.FILES[part])
    except (ValueError, LookupError, TypeError, AttributeError):
        raise HttpError(HttpResponseBadRequest("The multipart request is malformed.")) from None
    if not isinstance(body, dict):
        raise HttpError(HttpResponseBadRequest("Batches of uploads are not supported."))
    return body


def _put(body: Any, path: list[str], file: UploadedFile) -> None:
    """Replace the null at the path; numbers in it are positions in a list."""
    *parents, last = (int(step) if step.isdigit() else step for step in path)
    for step in parents:
        body = body[step]
    if body[last] is not None:
        raise ValueError("a file may only take the place of null")
    body[last] = file
