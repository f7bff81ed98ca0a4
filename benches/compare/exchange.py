"""What every peer is asked: one request, one answer, and the tokens that make the difference between W1, W2 and W3."""

import base64
import hashlib
import hmac
import json
import time

SECRET = "of-the-comparison-alone-and-of-nothing-else"
PATH = "/graphql"
USER_ID, USERNAME = 42, "alice"
DAY = 86_400


def _padded(document: dict, size: int) -> bytes:
    """As JSON of so many bytes: the key `note` takes what is missing."""
    missing = size - len(json.dumps({**document, "note": ""}))
    return json.dumps({**document, "note": "." * missing}).encode()


BODY = _padded(
    {
        "query": "query Loans($of: ID!, $first: Int!) "
        "{ loans(of: $of, first: $first) { id dueOn book { title author } } }",
        "variables": {"of": "TWVtYmVyOjQy", "first": 8},
        "operationName": "Loans",
    },
    285,
)
ANSWER = _padded(
    {
        "data": {
            "loans": [
                {"id": str(number), "dueOn": "2026-09-30", "book": {"title": f"Volume {number}", "author": "Anonymous"}}
                for number in range(100, 108)
            ]
        }
    },
    1029,
)


def token(user_id: int = USER_ID, username: str = USERNAME, lifetime: int = DAY, secret: str = SECRET) -> str:
    """An access token as Rail Django signs it (HS256). Another lifetime makes another token."""
    now = int(time.time())
    claims = {
        "user_id": user_id,
        "username": username,
        "iat": now - 5,
        "type": "access",
        "roles": ["editor", "viewer"],
        "permissions": ["library.view_loan", "library.change_loan"],
        "exp": now + lifetime,
    }
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    signed = ".".join(_encoded(json.dumps(part, separators=(",", ":"))) for part in parts)
    return f"{signed}.{_encoded(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


def forged(good: str) -> str:
    """The same with a letter of its seal changed: of a JWT's signature, or of what PASETO encrypts."""
    first, second, seal, *rest = good.split(".")
    middle = len(seal) // 2
    letter = "A" if seal[middle] != "A" else "B"
    return ".".join([first, second, seal[:middle] + letter + seal[middle + 1 :], *rest])


def _encoded(data: str | bytes) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
