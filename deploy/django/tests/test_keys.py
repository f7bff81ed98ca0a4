"""How keys are fetched: seldom, bounded, and again when one is new."""

import threading
import time
import unittest

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from railgate_django.keys import FRESH, LARGEST, PAUSE, STALE, KeysUnavailable, PublishedKeys

from .publisher import Publisher, key_set


class Keys(unittest.TestCase):
    def setUp(self):
        self.publisher = Publisher()
        self.addCleanup(self.publisher.stop)
        self.now = 1000.0
        self.keys = PublishedKeys(self.publisher.url, clock=lambda: self.now)

    def test_a_known_key_is_not_asked_for_until_it_is_old(self):
        for _ in range(3):
            self.assertIsNotNone(self.keys.find("one"))
        self.assertEqual(self.publisher.asked, 1)
        self.now += FRESH
        self.keys.find("one")
        self.assertEqual(self.publisher.asked, 2)

    def test_a_new_key_is_found_and_made_up_ones_are_asked_for_seldom(self):
        self.keys.find("one")
        self.publisher.answer = key_set({"one": self.publisher.key, "two": Ed25519PrivateKey.generate()})
        with self.assertRaises(KeysUnavailable, msg="not so soon, but nor is its bearer nobody"):
            self.keys.find("two")
        self.now += PAUSE
        self.assertIsNotNone(self.keys.find("two"))
        for number in range(100):
            with self.assertRaises(KeysUnavailable):
                self.keys.find(f"made-up-{number}")
        self.assertEqual(self.publisher.asked, 2)
        self.now += PAUSE
        self.assertIsNone(self.keys.find("made-up"), "the gateway says so")

    def test_an_unknown_key_is_nobodys_only_when_the_gateway_says_so(self):
        self.keys.find("one")
        self.publisher.status = 500
        self.now += PAUSE
        with self.assertRaises(KeysUnavailable):
            self.keys.find("two")
        self.assertIsNotNone(self.keys.find("one"))

    def test_with_an_old_key_nobody_waits_for_anothers_question(self):
        self.keys.find("one")
        self.now += FRESH
        self.publisher.may_answer.clear()
        asking = threading.Thread(target=self.keys.find, args=("one",))
        asking.start()
        self.addCleanup(asking.join)
        self.addCleanup(self.publisher.may_answer.set)
        until = time.monotonic() + 10
        while self.publisher.asked < 2 and time.monotonic() < until:
            time.sleep(0.01)
        self.assertIsNotNone(self.keys.find("one"))
        self.assertTrue(asking.is_alive(), "the question is still open")

    def test_a_key_that_is_published_no_more_counts_no_more(self):
        self.keys.find("one")
        self.publisher.answer = key_set({"two": Ed25519PrivateKey.generate()})
        self.now += FRESH
        self.assertIsNone(self.keys.find("one"))

    def test_an_outage_is_bridged_for_a_while(self):
        self.keys.find("one")
        self.publisher.status = 500
        self.now += STALE - 1
        self.assertIsNotNone(self.keys.find("one"))
        asked = self.publisher.asked
        self.keys.find("one")
        self.assertEqual(self.publisher.asked, asked, "not for each request")
        self.now += PAUSE
        with self.assertRaises(KeysUnavailable):
            self.keys.find("one")
        self.publisher.status = 200
        self.now += PAUSE
        self.assertIsNotNone(self.keys.find("one"))

    def test_what_is_no_http_gives_no_keys(self):
        self.publisher.speaks_http = False
        with self.assertRaises(KeysUnavailable):
            self.keys.find("one")

    def test_what_is_no_key_set_gives_no_keys(self):
        good = self.publisher.answer
        incomplete = b'{"keys": [{"kty": "OKP", "crv": "Ed25519"}]}'
        for answer in (b"", b"[]", b'{"keys": 1}', b'{"keys": [1]}', incomplete, good + b" " * LARGEST):
            self.publisher.answer = answer
            self.now += PAUSE
            with self.assertRaises(KeysUnavailable, msg=answer[:40]):
                self.keys.find("one")
        self.publisher.answer = b'{"keys": [{"kty": "oct", "kid": "one", "k": "AAAA"}]}'
        self.now += PAUSE
        self.assertIsNone(self.keys.find("one"), "a key of another kind is none of the gateway's")
