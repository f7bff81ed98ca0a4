"""The two schemas: one open to all, one for users only. They differ in the root query."""

import graphene
from django.conf import settings

from articles.schema import ArticleMutations, ArticleQuery, ArticleSubscription
from rail_django.schema import AuthMutations
from rail_django.schema.generated import GeneratedMutations, GeneratedQuery
from rail_django.schema.other_names import OtherNames
from users.schema import MeQuery, ViewerQuery


GENERATED = {"query": [GeneratedQuery], "mutation": [GeneratedMutations]} if settings.GENERATED_FIELDS else {}
OTHER_NAMES = (OtherNames,) if settings.OTHER_NAMES else ()

Mutation = type(
    "Mutation",
    (AuthMutations, ArticleMutations, *GENERATED.get("mutation", ()), *OTHER_NAMES, graphene.ObjectType),
    {},
)


class Subscription(ArticleSubscription):
    pass


def build(*queries: type[graphene.ObjectType]) -> graphene.Schema:
    """A schema whose root query has the fields of all of these."""
    query = type("Query", (*queries, *GENERATED.get("query", ()), graphene.ObjectType), {})
    return graphene.Schema(query=query, mutation=Mutation, subscription=Subscription)


open_schema = build(MeQuery, ArticleQuery)
protected_schema = build(MeQuery, ViewerQuery, ArticleQuery)
