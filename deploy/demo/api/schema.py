"""The two schemas: one open to all, one for users only. They differ in the root query."""

import graphene

from articles.schema import ArticleMutations, ArticleQuery, ArticleSubscription
from rail_django.schema import AuthMutations
from users.schema import MeQuery, ViewerQuery


class Mutation(AuthMutations, ArticleMutations, graphene.ObjectType):
    pass


class Subscription(ArticleSubscription):
    pass


def build(*queries: type[graphene.ObjectType]) -> graphene.Schema:
    """A schema whose root query has the fields of all of these."""
    query = type("Query", (*queries, graphene.ObjectType), {})
    return graphene.Schema(query=query, mutation=Mutation, subscription=Subscription)


open_schema = build(MeQuery, ArticleQuery)
protected_schema = build(MeQuery, ViewerQuery, ArticleQuery)
