"""Ending sessions: revokeSession, revokeAllSessions."""

import graphene

from rail_django import cookies, sessions
from rail_django.schema.factors import SIGN_IN_FIRST


class RevokeSessionMutation(graphene.Mutation):
    """Ends the session with this id, which is its refresh tokens' family."""

    class Arguments:
        session_id = graphene.String(required=True)

    ok = graphene.Boolean(required=True)
    errors = graphene.List(graphene.String, required=True)

    @staticmethod
    def mutate(_root, info, session_id):
        if not info.context.user.is_authenticated:
            return RevokeSessionMutation(ok=False, errors=[SIGN_IN_FIRST])
        sessions.revoke(session_id)
        return RevokeSessionMutation(ok=True, errors=[])


class RevokeAllSessionsMutation(graphene.Mutation):
    """Ends the session whose refresh cookie came along: families are not kept by user."""

    ok = graphene.Boolean(required=True)
    errors = graphene.List(graphene.String, required=True)

    @staticmethod
    def mutate(_root, info):
        if not info.context.user.is_authenticated:
            return RevokeAllSessionsMutation(ok=False, errors=[SIGN_IN_FIRST])
        family = sessions.family_of(info.context.COOKIES.get(cookies.REFRESH, ""))
        if family:
            sessions.revoke(family)
        return RevokeAllSessionsMutation(ok=True, errors=[])


class SessionMutations:
    revoke_session = RevokeSessionMutation.Field()
    revoke_all_sessions = RevokeAllSessionsMutation.Field()
