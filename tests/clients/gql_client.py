"""gql, the Python client: log in, read, refresh, read again."""

import json
import sys

from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport

GATEWAY = sys.argv[1]
LOGIN = """mutation Login($username: String!, $password: String!) {
  login(username: $username, password: $password) { ok token refreshToken user { id username } } }"""
VIEWER = "query Viewer { viewer { username } }"
REFRESH = "mutation Refresh($token: String) { refreshToken(refreshToken: $token) { ok token refreshToken } }"


def run(path: str, document: str, variables: dict, token: str | None = None) -> dict:
    """The data of one request; raises what the gateway or the backend refuses."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = RequestsHTTPTransport(url=GATEWAY + path, headers=headers)
    request = gql(document)
    request.variable_values = variables
    return Client(transport=transport).execute(request)


login = run("/graphql/auth/", LOGIN, {"username": "john", "password": "secret123"})["login"]
viewer = run("/graphql/gql/", VIEWER, {}, login["token"])["viewer"]
renewed = run("/graphql/auth/", REFRESH, {"token": login["refreshToken"]})["refreshToken"]
again = run("/graphql/gql/", VIEWER, {}, renewed["token"])["viewer"]
try:
    refused = f"nothing: {run('/graphql/gql/', VIEWER, {})}"
except TransportQueryError as error:
    refused = error.errors[0]["message"]
print(
    json.dumps(
        {
            "user": login["user"]["username"],
            "viewer": viewer["username"],
            "rotated": renewed["refreshToken"] != login["refreshToken"],
            "again": again["username"],
            "refused": refused,
        }
    )
)
