"""GraphQL types of users."""

import graphene
from graphene_django import DjangoObjectType

from users.models import User, UserSettings

USER_FIELDS = (
    "id",
    "username",
    "email",
    "first_name",
    "last_name",
    "is_staff",
    "is_superuser",
    "is_active",
    "date_joined",
    "last_login",
    "settings",
)


class UserSettingsType(DjangoObjectType):
    class Meta:
        model = UserSettings
        fields = ("theme", "mode", "font_size")


class UserFields:
    """What the project adds to the columns of a user, for every type that shows one."""

    desc = graphene.String(description="First and last name")
    settings = graphene.Field(UserSettingsType)
    articles = graphene.List(graphene.NonNull("articles.types.ArticleType"), required=True)

    @staticmethod
    def resolve_settings(user: User, _info):
        return getattr(user, "settings", None)

    @staticmethod
    def resolve_articles(user: User, _info):
        return user.articles.select_related("author")


class UserType(UserFields, DjangoObjectType):
    """A user as seen by themselves."""

    class Meta:
        model = User
        fields = USER_FIELDS


class AuthorType(DjangoObjectType):
    """A user as seen by everybody: no address, no flags."""

    desc = graphene.String(description="First and last name")

    class Meta:
        model = User
        fields = ("id", "username")
        skip_registry = True
