"""§5.1 and §5.2: definitions and operations."""

from random import Random

from graphql.language import NameNode

from transports import Request
from tree import Tree


def on_type_definition(_rng: Random, tree: Tree, _request: Request) -> None:
    tree.define("type Extra { a: Int }")


def on_operation_name_twice(_rng: Random, tree: Tree, request: Request) -> bool | None:
    name = tree.operations[0].name
    if name is None:
        return False
    tree.define(f"query {name.value} {{ __typename }}")
    request.operation_name = name.value
    return None


def on_anonymous_beside_another(_rng: Random, tree: Tree, _request: Request) -> None:
    tree.define("query Beside { __typename }" if tree.operations[0].name is None else "{ __typename }")


def on_unknown_operation_name(rng: Random, _tree: Tree, request: Request) -> None:
    request.operation_name = rng.choice(["Nope", "nope", "login", "mutation"]) + "9"


def on_no_operation_chosen(_rng: Random, tree: Tree, request: Request) -> bool | None:
    if tree.operations[0].name is None:
        return False
    tree.define("query Beside { __typename }")
    request.operation_name = None
    return None


def on_no_operation_at_all(_rng: Random, tree: Tree, _request: Request) -> bool | None:
    if not tree.fragments:
        return False
    tree.document.definitions = tuple(tree.fragments)
    return None


def on_wrong_kind_of_operation(rng: Random, tree: Tree, _request: Request) -> None:
    """The fields of one root under another."""
    operation = rng.choice(tree.operations)
    others = [kind for kind in type(operation.operation) if kind is not operation.operation]
    operation.operation = rng.choice(others)
    operation.name = operation.name or NameNode(value="Wrong")
