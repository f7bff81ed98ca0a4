"""A base class with the demo's accounts and a GraphQL client."""

import json
from typing import Any

from django.core.cache import cache
from django.core.management import call_command
from django.test import TransactionTestCase, override_settings

OPEN, PROTECTED = "/graphql/auth/", "/graphql/gql/"
LOGIN = """
mutation ($u: String!, $p: String!) {
  login(username: $u, password: $p) {
    ok token refreshToken mfaRequired mfaSetupRequired ephemeralToken errors
  }
}
"""


@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
class DemoTestCase(TransactionTestCase):
    """Seeds before every test; real transactions, since sockets read from other threads."""

    reset_sequences = True

    def setUp(self):
        cache.clear()
        call_command("seed_demo", verbosity=0)

    def post(self, query: str, variables=None, *, path=OPEN, token=None, **options) -> Any:
        """Post a document; the decoded answer."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        response = self.client.post(
            path,
            json.dumps({"query": query, "variables": variables}),
            content_type="application/json",
            headers=headers,
            **options,
        )
        return response.json()

    def log_in(self, username="john", password="secret123") -> dict[str, Any]:
        """The login's payload. The cookies it set are dropped, tests speak by bearer token."""
        payload = self.post(LOGIN, {"u": username, "p": password})["data"]["login"]
        self.client.cookies.clear()
        return payload

    def me(self, token: str) -> str | None:
        """The username that this token stands for."""
        me = self.post("{ me { username } }", token=token)["data"]["me"]
        return me and me["username"]
