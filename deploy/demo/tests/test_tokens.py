"""Which tokens count, and for how long."""

import time

import jwt
from django.conf import settings

from tests.support import DemoTestCase

REFRESH = "mutation ($t: String) { refreshToken(refreshToken: $t) { ok refreshToken } }"


class AccessTokens(DemoTestCase):
    def mint(self, **changes) -> str:
        now = int(time.time())
        claims = {"user_id": 1, "type": "access", "iat": now - 60, "exp": now + 60, **changes}
        return jwt.encode(claims, settings.JWT_SECRET_KEY, algorithm="HS256")

    def test_a_token_minted_elsewhere_with_the_key_is_taken(self):
        self.assertEqual(self.me(self.mint(origin="elsewhere")), "john")

    def test_what_is_refused(self):
        now = int(time.time())
        for changes in (
            {"exp": now - 1},
            {"iat": now + 60},
            {"aud": "anyone"},
            {"type": "refresh"},
            {"user_id": "1"},
            {"user_id": 999},
            {"user_id": 3},  # is_active is false
        ):
            with self.subTest(changes):
                self.assertIsNone(self.me(self.mint(**changes)))

    def test_claims(self):
        claims = jwt.decode(self.log_in()["token"], settings.JWT_SECRET_KEY, algorithms=["HS256"])
        self.assertEqual(claims["user_id"], 1)
        self.assertEqual(claims["roles"], ["editors"])
        self.assertEqual(claims["permissions"], ["users.change_user", "users.view_user"])


class RefreshTokens(DemoTestCase):
    def refresh(self, token: str) -> dict:
        payload = self.post(REFRESH, {"t": token})["data"]["refreshToken"]
        self.client.cookies.clear()
        return payload

    def test_a_token_that_comes_twice_ends_its_family(self):
        first = self.log_in()["refreshToken"]
        second = self.refresh(first)["refreshToken"]
        self.assertFalse(self.refresh(first)["ok"])
        self.assertFalse(self.refresh(second)["ok"])

    def test_a_revoked_session_takes_its_family_along(self):
        pair = self.log_in()
        family = jwt.decode(pair["refreshToken"], options={"verify_signature": False})["family"]
        revoke = "mutation ($s: String!) { revokeSession(sessionId: $s) { ok } }"
        self.post(revoke, {"s": family}, token=pair["token"])
        self.assertFalse(self.refresh(pair["refreshToken"])["ok"])
        self.assertEqual(self.me(pair["token"]), "john")
