"""The three kinds of JWT: access, refresh, and the short one between password and code.

PyJWT's defaults decide what is refused: a bad signature, a past `exp`, an `iat` in the future, and
any `aud`, since none is expected.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import jwt
from django.conf import settings

ALGORITHM = "HS256"
EPHEMERAL_LIFETIME = 300


class Kind(StrEnum):
    """The `type` claim: no kind of token is good for another kind's purpose."""

    ACCESS = "access"
    REFRESH = "refresh"
    EPHEMERAL = "ephemeral_mfa"


REQUIRED_CLAIMS = {
    Kind.ACCESS: ["user_id"],
    Kind.REFRESH: ["user_id", "family", "jti"],
    Kind.EPHEMERAL: ["user_id"],
}


def sign(kind: Kind, lifetime: int, claims: dict[str, Any]) -> tuple[str, datetime]:
    """Sign a token that lives for `lifetime` seconds; return it with its expiry."""
    now = datetime.now(UTC).replace(microsecond=0)
    expires_at = now + timedelta(seconds=lifetime)
    claims = {**claims, "iat": now, "exp": expires_at, "type": kind.value}
    return jwt.encode(claims, settings.JWT_SECRET_KEY, algorithm=ALGORITHM), expires_at


def read(kind: Kind, token: str) -> dict[str, Any] | None:
    """The claims of a valid token of this kind, else None."""
    try:
        claims = jwt.decode(
            token,
            settings.JWT_SECRET_KEY,
            algorithms=[ALGORITHM],
            options={"require": REQUIRED_CLAIMS[kind]},
        )
    except jwt.InvalidTokenError:
        return None
    fits = claims.get("type") == kind and isinstance(claims["user_id"], int)
    return claims if fits else None
