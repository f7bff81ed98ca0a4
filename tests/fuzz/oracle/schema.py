"""The schema: every root field that the gateway owns, from its own `auth.graphql`, and some that it doesn't.

Arguments are optional and of a scalar that takes anything, so that a call runs however its arguments were mangled.
"""

from collections.abc import Callable
from pathlib import Path

import graphene
from graphql import parse
from graphql.language import (
    FieldDefinitionNode,
    ListTypeNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    TypeNode,
)

OWNED = Path(__file__).resolve().parents[3] / "src/graphql/auth.graphql"
ROOTS = ("Query", "Mutation")


class Anything(graphene.Scalar):
    """Takes every literal and every variable."""

    serialize = staticmethod(lambda value: value)
    parse_value = staticmethod(lambda value: value)
    parse_literal = staticmethod(lambda _node, _variables=None: True)


class Post(graphene.ObjectType):
    """Foreign, and full of names that are auth operations only at the root."""

    id = Anything()
    title = Anything()
    lastLogin = Anything()
    login = graphene.Field(lambda: Post, resolver=lambda *_: {}, username=Anything(), password=Anything())
    authSessions = graphene.Field(lambda: Post, resolver=lambda *_: {})


def foreign() -> graphene.Field:
    return graphene.Field(Post, a=Anything(), id=Anything(), resolver=lambda *_, **__: {})


def build(note: Callable) -> graphene.Schema:
    """`note(request, field)` is called whenever an owned root field runs."""
    definitions = [node for node in parse(OWNED.read_text()).definitions if isinstance(node, ObjectTypeDefinitionNode)]
    types = {}

    def of(node: TypeNode):
        if isinstance(node, NonNullTypeNode):
            return of(node.type)
        if isinstance(node, ListTypeNode):
            return graphene.List(of(node.type))
        return types.get(node.name.value, Anything)

    def attribute(field: FieldDefinitionNode) -> graphene.Field:
        return graphene.Field(lambda: of(field.type))

    def owned(field: FieldDefinitionNode) -> graphene.Field:
        def resolve(_root, info, **_arguments):
            note(info.context, field.name.value)
            return [] if isinstance(field.type, ListTypeNode) else {"ok": True, "errors": []}

        arguments = {argument.name.value: Anything() for argument in field.arguments}
        return graphene.Field(lambda: of(field.type), args=arguments, resolver=resolve)

    roots = {
        "Query": {"me": foreign(), "post": foreign()},
        "Mutation": {"createPost": foreign(), "loginCount": foreign()},
    }
    for definition in definitions:
        name = definition.name.value
        make, fields = (owned, roots[name]) if name in roots else (attribute, {})
        fields |= {field.name.value: make(field) for field in definition.fields}
        types[name] = type(name, (graphene.ObjectType,), fields)
    return graphene.Schema(query=types["Query"], mutation=types["Mutation"], auto_camelcase=False)
