"""Who am I: root fields about the caller."""

import graphene

from users.types import UserType


class MeQuery(graphene.ObjectType):
    me = graphene.Field(UserType, description="The caller; null when anonymous")

    @staticmethod
    def resolve_me(_root, info):
        user = info.context.user
        return user if user.is_authenticated else None


class ViewerQuery(graphene.ObjectType):
    viewer = graphene.Field(UserType, description="The caller, by the name that Relay clients use")

    @staticmethod
    def resolve_viewer(_root, info):
        return info.context.user
