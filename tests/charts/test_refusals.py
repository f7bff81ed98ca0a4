"""Values that would do harm are refused, and the message says what to do."""

import unittest

from .chart import Refused, render

REDIS = 'secrets.store\\.url={"name":"railgate","key":"redis-url"}'
REFUSED = {
    "no backend": ([], "", "config.upstream.url is needed"),
    "no key": (['config.upstream.url="http://backend:8000"'], "", "`railgate keygen` prints"),
    "an assertion without its key": (
        ["config.upstream.identity.assertion=true"], "gateway", "`railgate keygen --assertion` prints"
    ),
    "a file for two": (["replicaCount=2"], "single", "for one pod, and there may be 2"),
    "a file for ten": (["autoscaling.enabled=true"], "single", "for one pod, and there may be 10"),
    "a file of another name for two": (
        ["replicaCount=2", 'config.store.url="embedded:other.db"'], "single", "for one pod, and there may be 2"
    ),
    "a secret as text": (['config.upstream.identity.rail_jwt_secret="s3cr3t"'], "gateway", "rail_jwt_secret"),
    "a key as text": (['config.tokens.keys="k4.x"'], "gateway", "keys"),
    "a secret as a default": (
        ['config.tokens.jwt_secret={"env":"X","default":"s3cr3t"}'], "gateway", "jwt_secret"
    ),
    "a password in an address": (['config.store.url="redis://:pw@redis:6379"'], "gateway", "url"),
    "a secret that is none": (['secrets.log\\.level={"name":"a","key":"b"}'], "gateway", "log.level"),
    "a listener of one's own": (['config.listeners=[{"address":"0.0.0.0:1"}]'], "gateway", "config"),
    "a grace of one's own": (['config.server.shutdown_grace="1s"'], "gateway", "config/server"),
    "a delay of one's own": (['config.server.drain_delay="1s"'], "gateway", "config/server"),
    "an admin listener of one's own": (['config.admin.address="0.0.0.0:1"'], "gateway", "config"),
    "an unknown value": (['replicas=3'], "gateway", "replicas"),
    "an unknown value further down": (['sidecar.backend.images="x"'], "sidecar", "images"),
    "a mode that is none": (['mode="both"'], "gateway", "mode"),
    "a route to nobody": (["httpRoute.enabled=true"], "gateway", "parentRefs"),
}
TAKEN = {
    "a Redis in the configuration": (["replicaCount=2", 'config.store.url="redis://redis:6379/0"'], "single"),
    "a Redis from the environment": (["replicaCount=2", 'config.store.url={"env":"REDIS_URL"}'], "single"),
    "a Redis from a Secret": (["replicaCount=2", REDIS], "single"),
    "a secret from the environment": (['config.tokens.jwt_secret={"env":"X"}'], "gateway"),
}


class Refusals(unittest.TestCase):
    def test_refused(self):
        for why, (settings, case, message) in REFUSED.items():
            with self.subTest(why), self.assertRaises(Refused) as caught:
                render(case, *settings)
            self.assertIn(message, str(caught.exception), why)

    def test_taken(self):
        for why, (settings, case) in TAKEN.items():
            with self.subTest(why):
                render(case, *settings)
