"""The switches that change what a login does, and registering."""

from django.test import override_settings

from rail_django import throttle
from rail_django.models import MFADevice
from tests.support import DemoTestCase
from users.models import User

REGISTER = """
mutation ($u: String!, $e: String!, $p: String!) {
  register(username: $u, email: $e, password: $p) { ok errors token user { username } }
}
"""
SETUP = 'mutation ($e: String) { setupMfa(method: "totp", ephemeralToken: $e) { ok } }'


class LoginLimit(DemoTestCase):
    def fail_often(self):
        for _ in range(throttle.FAILURES):
            self.log_in(password="wrong")

    def test_off_by_default(self):
        self.fail_often()
        self.assertTrue(self.log_in()["ok"])

    @override_settings(LOGIN_RATE_LIMIT=True)
    def test_blocks_the_address_for_every_account(self):
        self.fail_often()
        self.assertFalse(self.log_in("admin", "adminpass1")["ok"])


class SecondFactor(DemoTestCase):
    @override_settings(MFA_REQUIRED=True)
    def test_where_it_is_required_a_login_enrols(self):
        login = self.log_in()
        self.assertTrue(login["mfaRequired"] and login["mfaSetupRequired"])
        self.assertIsNone(login["token"])
        payload = self.post(SETUP, {"e": login["ephemeralToken"]})["data"]["setupMfa"]
        self.assertTrue(payload["ok"])

    def test_a_login_can_not_enrol_over_an_existing_factor(self):
        MFADevice.objects.create(user_id=1, secret_key="JBSWY3DPEHPK3PXP", is_active=True)
        login = self.log_in()
        self.assertFalse(login["mfaSetupRequired"])
        payload = self.post(SETUP, {"e": login["ephemeralToken"]})["data"]["setupMfa"]
        self.assertFalse(payload["ok"])


class Register(DemoTestCase):
    def register(self, username: str, password: str) -> dict:
        variables = {"u": username, "e": f"{username}@example.com", "p": password}
        payload = self.post(REGISTER, variables)["data"]["register"]
        self.client.cookies.clear()
        return payload

    def test_signs_the_new_user_in(self):
        payload = self.register("zoe", "a-long-Sentence-7")
        self.assertEqual(self.me(payload["token"]), "zoe")

    def test_names_every_problem_and_creates_nothing(self):
        payload = self.register("john", "123")
        self.assertEqual(len(payload["errors"]), 5)
        self.assertEqual(User.objects.filter(username="john").count(), 1)


class CookieProof(DemoTestCase):
    def test_a_django_session_signs_in_and_needs_the_proof(self):
        self.client.force_login(User.objects.get(username="john"))
        me = "{ me { username } }"
        self.assertEqual(self.client.get("/graphql/auth/", {"query": me}).status_code, 200)
        self.client.handler.enforce_csrf_checks = True
        self.assertEqual(self.post(me)["errors"][0]["code"], "CSRF_FAILED")
        proof = self.client.cookies["csrftoken"].value
        answer = self.post(me, HTTP_X_CSRFTOKEN=proof)
        self.assertEqual(answer["data"]["me"]["username"], "john")
