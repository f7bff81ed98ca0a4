"""What may be asked: the backend's schema as it describes itself, and which part of it the gateway answers."""

from dataclasses import dataclass
from pathlib import Path

from graphql import (
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLSchema,
    build_client_schema,
    get_introspection_query,
    get_named_type,
    parse,
)

OWNED = {
    node.name.value: {field.name.value for field in node.fields}
    for node in parse((Path(__file__).resolve().parents[2] / "src/graphql/auth.graphql").read_text()).definitions
    if hasattr(node, "fields")
}
# What the gateway answers by commands of its own, the backend having them, too. `register` makes accounts, so it has tests of its own.
COMMANDS = (
    "login",
    "refreshToken",
    "logout",
    "revokeSession",
    "revokeAllSessions",
    "verifyMfaLogin",
    "setupMfa",
    "verifyMfaSetup",
    "disableMfa",
)
# Which sessions they end is meant to differ, and whom they get factors; so only nobody asks for them.
FOR_NOBODY = ("revokeSession", "revokeAllSessions", "setupMfa", "verifyMfaSetup", "disableMfa")
USER = "AuthenticatedUserType"
# An upload needs a multipart request, which has tests of its own.
LEFT_OUT = {"attachFile"}
PATHS = ("/graphql/auth/", "/graphql/gql/")
INTROSPECTION = get_introspection_query(descriptions=False)


@dataclass(frozen=True)
class Argument:
    name: str
    type: GraphQLInputType
    is_required: bool


@dataclass(frozen=True)
class Field:
    name: str
    # The type of its selection; `None` when it takes none.
    inside: str | None
    arguments: tuple[Argument, ...]
    # `owned` by the gateway or `foreign`; `None` below the root, except in the user of a login.
    side: str | None


class Surface:
    """One endpoint of the backend."""

    def __init__(self, path: str, introspection: dict):
        self.path = path
        self.schema: GraphQLSchema = build_client_schema(introspection)
        objects = (each for each in self.schema.type_map.values() if isinstance(each, GraphQLObjectType))
        self.fields = {each.name: self.fields_of(each) for each in objects if not each.name.startswith("__")}

    def fields_of(self, parent: GraphQLObjectType) -> list[Field]:
        found = []
        for name, field in parent.fields.items():
            inside = get_named_type(field.type)
            found.append(
                Field(
                    name,
                    inside.name if isinstance(inside, GraphQLObjectType) else None,
                    tuple(
                        Argument(key, argument.type, str(argument.type).endswith("!"))
                        for key, argument in field.args.items()
                    ),
                    side(parent.name, name),
                )
            )
        return [field for field in found if field.side != "neither"]


def side(parent: str, name: str) -> str | None:
    """Who answers a field; `neither` for what is not asked for."""
    if name in LEFT_OUT:
        return "neither"
    if parent in ("Query", "Mutation"):
        if name in OWNED[parent]:
            return "owned" if name in COMMANDS else "neither"
        return "foreign"
    if parent == USER:
        return "owned" if name in OWNED[USER] else "foreign"
    return None
