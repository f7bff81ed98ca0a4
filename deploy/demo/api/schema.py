"""The two schemas: one open to all, one for users only. They differ in the root query."""

import graphene
from django.conf import settings

from articles.schema import ArticleMutations, ArticleQuery, ArticleSubscription
from rail_django.schema import AuthMutations
from rail_django.schema.generated import GeneratedMutations, GeneratedQuery
from users.schema import MeQuery, ViewerQuery


GENERATED = {"query": [GeneratedQuery], "mutation": [GeneratedMutations]} if settings.GENERATED_FIELDS else {}

Mutation = type(
    "Mutation", (AuthMutations, ArticleMutations, *GENERATED.get("mutation", ()), graphene.ObjectType), {}
)


class Subscription(ArticleSubscription):
    pass


def build(*queries: type[graphene.ObjectType]) -> graphene.Schema:
    """A schema whose root query has the fields of all of these."""
    query = type("Query", (*queries, *GENERATED.get("query", ()), graphene.ObjectType), {})
    return graphene.Schema(query=query, mutation=Mutation, subscription=Subscription)


open_schema = build(MeQuery, ArticleQuery)
protected_schema = build(MeQuery, ViewerQuery, ArticleQuery)
