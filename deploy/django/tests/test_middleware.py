"""Who is believed, and who is nobody."""

import io
import time

import jwt
from asgiref.sync import async_to_sync
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIRequest
from django.test import AsyncClient, Client, TestCase, override_settings

from railgate_django import AssertionMiddleware
from railgate_django.asgi import Arrival

from .publisher import Publisher, claims, public, sign


class Believed(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.publisher = Publisher()
        cls.addClassCleanup(cls.publisher.stop)

    @classmethod
    def setUpTestData(cls):
        cls.john = User.objects.create_user("john", pk=1)
        User.objects.create_user("gone", pk=2, is_active=False)

    def setUp(self):
        settings = override_settings(RAILGATE=self.publisher.settings())
        settings.enable()
        self.addCleanup(settings.disable)

    def ask(self, token=None, path="/sync/", client=None, method="get", **headers):
        if token is not None:
            headers["x-auth-assertion"] = token
        return getattr(client or Client(), method)(path, headers=headers)

    def user(self, token=None, **how):
        return self.ask(token, **how).json()["user"]

    def good(self, **changed):
        return sign(self.publisher.key, claims(**changed))

    def test_a_good_assertion_says_who_calls(self):
        said = self.ask(self.good(roles=["editors"])).json()
        self.assertEqual((said["user"], said["claims"]["roles"]), ("john", ["editors"]))

    async def test_so_it_does_where_all_is_async(self):
        answer = await AsyncClient().get("/async/", headers={"x-auth-assertion": self.good(target="/async/")})
        self.assertEqual(answer.json()["user"], "john")
        answer = await AsyncClient().get("/async/", headers={"x-auth-assertion": "garbage"})
        self.assertIsNone(answer.json()["user"])

    def test_the_user_is_looked_up_when_asked_for(self):
        with self.assertNumQueries(0):
            request_of = AssertionMiddleware(lambda request: request)
            request = Client().request().wsgi_request
            request.META["HTTP_X_AUTH_ASSERTION"] = self.good(target="/")
            request = request_of(request)
        with self.assertNumQueries(1):
            self.assertEqual((request.user.pk, request.user.username), (1, "john"))

    def test_who_is_unknown_or_inactive_is_nobody(self):
        for sub in ("2", "99", "john", ""):
            self.assertIsNone(self.user(self.good(sub=sub)), sub)

    def test_it_counts_for_one_method_path_and_query(self):
        token = self.good(target="/sync/caf%C3%A9%2Fx?a=%20b")
        self.assertEqual(self.user(token, path="/sync/caf%C3%A9/x?a=%20b"), "john", "as Django routes it")
        for path in ("/sync/", "/sync/caf%C3%A9/x", "/sync/caf%C3%A9/x?a=+b", "/async/caf%C3%A9/x?a=%20b"):
            self.assertIsNone(self.user(token, path=path), path)
        self.assertIsNone(self.user(self.good(), method="post"))
        self.assertIsNone(self.user(self.good(target="/sync/%3Fa"), path="/sync/?a"), "an encoded ? begins no query")

    def test_nothing_else_passes_for_one(self):
        key, now = self.publisher.key, int(time.time())
        none = jwt.encode(claims(), None, algorithm="none", headers={"kid": "one", "typ": "railgate-assertion+jwt"})
        for name, token in {
            "expired": self.good(iat=now - 60, exp=now - 30),
            "not yet": self.good(iat=now + 60, exp=now + 90),
            "for another": self.good(aud="other"),
            "for several": self.good(aud=["api", "other"]),
            "for nobody": self.good(aud=None),
            "by another": self.good(iss="other"),
            "without end": self.good(exp=None),
            "for no method": self.good(htm=None),
            "another type": sign(key, claims(), typ="JWT"),
            "another key": sign(Ed25519PrivateKey.generate(), claims()),
            "unknown key": sign(key, claims(), kid="two"),
            "HS256": sign(public(key), claims(), algorithm="HS256"),
            "none": none,
            "garbage": "garbage",
            "two": f"{self.good()},{self.good()}",
            "nothing": "",
        }.items():
            self.assertIsNone(self.user(token), name)

    def test_on_asgi_it_has_to_count_when_the_head_comes(self):
        now = int(time.time())
        middleware = AssertionMiddleware(lambda request: request)

        def believed(token, **stamp):
            headers = [(b"x-auth-assertion", token.encode())]
            scope = {"type": "http", "method": "GET", "path": "/sync/", "query_string": b"", "headers": headers}
            return middleware(ASGIRequest({**scope, **stamp}, io.BytesIO())).railgate is not None

        old = self.good(iat=now - 90, exp=now - 60)
        self.assertTrue(believed(old, **{"railgate.arrived": now - 80}), "its body took as long as that")
        self.assertFalse(believed(old, **{"railgate.arrived": now - 50}))
        self.assertFalse(believed(old), "nobody says when it came")

        scopes = []

        async def application(scope, receive, send):
            scopes.append(scope)

        async_to_sync(Arrival(application))({"type": "http"}, None, None)
        self.assertTrue(now <= scopes[0]["railgate.arrived"] <= time.time())

    def test_headers_count_for_nothing(self):
        forged = {"x-auth-user-id": "1", "x-auth-username": "john", "X.Auth.User.Id": "1", "X_Auth_Mfa": "true"}
        for token, user in ((None, None), ("garbage", None), (self.good(), "john")):
            said = self.ask(token, **forged).json()
            self.assertEqual((said["user"], said["headers"]), (user, []))
        self.assertEqual(self.ask(**{"x-auth-token": "1"}).json()["headers"], ["X-Auth-Token"], "another's own")

    def test_djangos_session_counts_where_the_gateway_knows_nobody(self):
        client = Client()
        client.force_login(self.john)
        self.assertEqual(self.user(self.good(sub=None), client=client), "john")
        self.assertIsNone(self.user(self.good(sub="99"), client=client), "the gateway's word comes first")

    def test_whoever_comes_around_the_gateway_may_be_refused(self):
        with override_settings(RAILGATE=self.publisher.settings(REQUIRED=True)):
            self.assertEqual(self.ask().status_code, 401)
            self.assertEqual(self.ask(self.good(aud="other")).status_code, 401)
            self.assertIsNone(self.user(self.good(sub=None)), "an anonymous caller came through it")
            self.assertEqual(self.user(self.good()), "john")

    def test_without_keys_nobody_is_taken_for_nobody(self):
        with override_settings(RAILGATE={"JWKS_URL": "http://127.0.0.1:1/", "AUDIENCE": "api"}):
            answer = self.ask(self.good())
            self.assertEqual((answer.status_code, answer.headers["Retry-After"]), (503, "1"))
            self.assertIsNone(self.user(), "who shows nothing needs no key")

    def test_settings_are_checked_at_the_start(self):
        for settings in ({}, {"JWKS_URL": "x"}, {"AUDIENCE": "api"}, self.publisher.settings(REQUIERED=True)):
            with override_settings(RAILGATE=settings), self.assertRaises(ImproperlyConfigured):
                AssertionMiddleware(lambda request: None)
