"""A gateway's JWKS address that a test can break, and assertions of any kind."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TYPE = "railgate-assertion+jwt"


class Publisher:
    """Answers every GET with `answer`, and counts."""

    def __init__(self):
        self.key = Ed25519PrivateKey.generate()
        self.status, self.asked = 200, 0
        self.answer = key_set({"one": self.key})
        self.speaks_http = True
        # A test clears it to keep the answer back.
        self.may_answer = threading.Event()
        self.may_answer.set()
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                publisher.asked += 1
                publisher.may_answer.wait(10)
                if not publisher.speaks_http:
                    self.wfile.write(b"220 ready\r\n\r\n")
                    return
                self.send_response(publisher.status)
                self.end_headers()
                self.wfile.write(publisher.answer)

            def log_message(self, *_):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def settings(self, **more):
        return {"JWKS_URL": self.url, "AUDIENCE": "api", **more}


def public(key):
    raw = key.public_key().public_bytes_raw()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def key_set(keys):
    jwks = [{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": public(key)} for kid, key in keys.items()]
    return json.dumps({"keys": jwks}).encode()


def claims(**changed):
    """Those of a good assertion of user 1 for GET /sync/; a claim of None is left out."""
    now = int(time.time())
    good = {"iss": "railgate", "aud": "api", "iat": now, "exp": now + 30, "htm": "GET", "target": "/sync/", "sub": "1"}
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def sign(key, said, kid="one", algorithm="EdDSA", typ=TYPE):
    return jwt.encode(said, key, algorithm=algorithm, headers={"kid": kid, "typ": typ})
