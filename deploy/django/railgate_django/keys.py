"""The gateway's public keys, fetched from where it publishes them and kept for a while."""

import base64
import http.client
import json
import logging
import threading
import time
import urllib.request

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

logger = logging.getLogger(__name__)

# Seconds. Keys are asked for anew after this time, as the gateway's Cache-Control says ...
FRESH = 300
# ... and count no longer than this, when nobody can be asked.
STALE = 3600
# Between two questions, whatever ids tokens name: made-up ones must not make a backend flood its gateway.
PAUSE = 5
# For one question.
TIMEOUT = 2
# A set of a few keys takes less than a kilobyte.
LARGEST = 64 * 1024


class KeysUnavailable(Exception):
    """There is no key to check with, and nobody can be asked for it now."""


class PublishedKeys:
    """The keys of one JWKS address. Shared by all threads."""

    def __init__(self, url, clock=time.monotonic):
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys = {}
        self._fetched = self._asked = float("-inf")

    def find(self, kid):
        """The key of this id, or None, when the gateway says that it has none. May wait for the gateway.

        Raises KeysUnavailable when nobody can tell.
        """
        key = self._known(kid, FRESH)
        if key is not None:
            return key
        # While another thread asks, an old key goes on to count.
        old = self._known(kid, STALE)
        if not self._lock.acquire(blocking=old is None):
            return old
        try:
            return self._ask(kid)
        finally:
            self._lock.release()

    def _known(self, kid, age):
        return self._keys.get(kid) if self._clock() - self._fetched < age else None

    def _ask(self, kid):
        # Somebody may have asked while this thread waited.
        key = self._known(kid, FRESH)
        if key is not None:
            return key
        told = self._clock() - self._asked >= PAUSE and self._refresh()
        key = self._known(kid, STALE)
        if key is None and not told:
            raise KeysUnavailable(self._url)
        return key

    def _refresh(self):
        self._asked = self._clock()
        try:
            self._keys = parse(fetch(self._url))
        except (OSError, ValueError, http.client.HTTPException) as error:
            logger.warning("no keys from %s: %s", self._url, error)
            return False
        self._fetched = self._clock()
        return True


def fetch(url):
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        text = answer.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise ValueError("the key set is too large")
    return text


def parse(text):
    """The Ed25519 keys of a JWK set (RFC 8037) by their ids. Others are none of the gateway's."""
    keys = {}
    try:
        for key in json.loads(text)["keys"]:
            if key.get("kty") == "OKP" and key.get("crv") == "Ed25519":
                public = base64.urlsafe_b64decode(key["x"] + "=")
                keys[key["kid"]] = Ed25519PublicKey.from_public_bytes(public)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a JWK set: {error!r}") from error
    return keys
