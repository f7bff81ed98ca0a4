"""What the authentication mutations return."""

import graphene
from graphene_django import DjangoObjectType

from rail_django.roles import permissions_of, roles_of
from rail_django.sessions import TokenPair
from users.models import User
from users.types import USER_FIELDS, UserFields


class AuthPermissionType(graphene.ObjectType):
    id = graphene.ID()
    name = graphene.String()
    codename = graphene.String()


class AuthRoleType(graphene.ObjectType):
    id = graphene.ID()
    name = graphene.String()
    permissions = graphene.List(AuthPermissionType)


class AuthenticatedUserType(UserFields, DjangoObjectType):
    """The user who just signed in, with what they may do."""

    permissions = graphene.List(graphene.String)
    roles = graphene.List(AuthRoleType)

    class Meta:
        model = User
        fields = USER_FIELDS
        skip_registry = True

    @staticmethod
    def resolve_permissions(user: User, _info):
        return permissions_of(user)

    @staticmethod
    def resolve_roles(user: User, _info):
        return roles_of(user)


class AuthPayload(graphene.ObjectType):
    """Tokens, or a second factor to be shown first, or the reason for neither."""

    ok = graphene.Boolean(required=True)
    user = graphene.Field(AuthenticatedUserType)
    permissions = graphene.List(graphene.String)
    mfa_required = graphene.Boolean()
    mfa_setup_required = graphene.Boolean()
    ephemeral_token = graphene.String()
    token = graphene.String()
    refresh_token = graphene.String()
    expires_at = graphene.DateTime()
    errors = graphene.List(graphene.String, required=True)

    @classmethod
    def signed_in(cls, pair: TokenPair) -> "AuthPayload":
        return cls(
            ok=True,
            user=pair.user,
            permissions=permissions_of(pair.user),
            token=pair.access,
            refresh_token=pair.refresh,
            expires_at=pair.expires_at,
            errors=[],
        )

    @classmethod
    def factor_due(cls, ephemeral_token: str, setup: bool) -> "AuthPayload":
        return cls(
            ok=True,
            mfa_required=True,
            mfa_setup_required=setup,
            ephemeral_token=ephemeral_token,
            errors=[],
        )

    @classmethod
    def failed(cls, *errors: str) -> "AuthPayload":
        return cls(ok=False, errors=list(errors))
