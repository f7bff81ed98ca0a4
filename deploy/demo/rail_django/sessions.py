"""Sessions: a family of refresh tokens, each good for one exchange.

What was used or revoked is remembered in Django's default cache. With the in-memory cache that is
one process's knowledge, gone with a restart; an access token lives on until it expires.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.cache import cache

from rail_django import tokens
from rail_django.roles import permissions_of, roles_of
from users.models import User


@dataclass(frozen=True)
class TokenPair:
    """What a client gets when it is signed in."""

    user: User
    access: str
    refresh: str
    expires_at: datetime


def open_session(user: User) -> TokenPair:
    """Start a family."""
    return _issue(user, family=uuid.uuid4().hex)


def rotate(refresh_token: str) -> TokenPair | None:
    """Exchange a refresh token for a new pair; a token that comes twice ends its family."""
    claims = tokens.read(tokens.Kind.REFRESH, refresh_token)
    if claims is None or cache.get(_revoked(claims["family"])):
        return None
    if not cache.add(_used(claims["jti"]), True, settings.JWT_REFRESH_TOKEN_LIFETIME):
        revoke(claims["family"])
        return None
    user = User.objects.filter(pk=claims["user_id"], is_active=True).first()
    return _issue(user, claims["family"]) if user else None


def revoke(family: str) -> None:
    """No refresh token of this family is good any more. Nobody asks whose family it is."""
    cache.set(_revoked(family), True, settings.JWT_REFRESH_TOKEN_LIFETIME)


def family_of(refresh_token: str) -> str | None:
    """The family that a valid refresh token belongs to."""
    claims = tokens.read(tokens.Kind.REFRESH, refresh_token)
    return claims["family"] if claims else None


def _issue(user: User, family: str) -> TokenPair:
    access, expires_at = tokens.sign(
        tokens.Kind.ACCESS,
        settings.JWT_ACCESS_TOKEN_LIFETIME,
        {
            "user_id": user.pk,
            "username": user.username,
            "roles": [role.name for role in roles_of(user)],
            "permissions": permissions_of(user),
        },
    )
    refresh, _ = tokens.sign(
        tokens.Kind.REFRESH,
        settings.JWT_REFRESH_TOKEN_LIFETIME,
        {"user_id": user.pk, "family": family, "jti": uuid.uuid4().hex},
    )
    return TokenPair(user, access, refresh, expires_at)


def _revoked(family: str) -> str:
    return f"refresh-family-revoked:{family}"


def _used(jti: str) -> str:
    return f"refresh-token-used:{jti}"
