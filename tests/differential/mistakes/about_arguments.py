"""§5.4 and §5.6: arguments that do not exist, are missing, come twice, or hold what they can't."""

from random import Random

from graphql import parse_value

from transports import Request
from tree import Tree, arguments

# For each type, literals that are none of it.
OTHERS = {
    "String": ["1", "1.5", "true", "RED", '["a"]', '{ a: "b" }'],
    "Int": ['"1"', "1.5", "1e3", "true", "2147483648", "RED", "[1]", "{ a: 1 }"],
    "ID": ["1.5", "true", "RED", '["a"]', "{ a: 1 }"],
    "Boolean": ['"true"', "1", "RED", "[true]", "{ a: true }"],
}


def on_unknown_argument(rng: Random, tree: Tree, _request: Request) -> None:
    node = rng.choice(tree.fields).node
    node.arguments = (*node.arguments, *arguments(rng.choice(["nope: 1", 'Username: "x"', "nope: { a: [null] }"])))


def on_missing_argument(rng: Random, tree: Tree, _request: Request) -> bool | None:
    required = [
        (each.node, argument)
        for each in tree.fields
        for argument in each.node.arguments
        if argument.name.value in each.arguments and str(each.arguments[argument.name.value].type).endswith("!")
    ]
    if not required:
        return False
    node, argument = rng.choice(required)
    node.arguments = tuple(each for each in node.arguments if each is not argument)
    return None


def on_argument_twice(rng: Random, tree: Tree, _request: Request) -> bool | None:
    nodes = [each.node for each in tree.fields if each.node.arguments]
    if not nodes:
        return False
    node = rng.choice(nodes)
    node.arguments = (*node.arguments, rng.choice(node.arguments))
    return None


def on_mistyped_argument(rng: Random, tree: Tree, _request: Request) -> bool | None:
    known = [(argument, known) for argument, known in tree.arguments() if str(known.type).rstrip("!") in OTHERS]
    if not known:
        return False
    argument, definition = rng.choice(known)
    argument.value = parse_value(rng.choice(OTHERS[str(definition.type).rstrip("!")]), no_location=True)
    return None


def on_null_argument(rng: Random, tree: Tree, _request: Request) -> bool | None:
    required = [argument for argument, definition in tree.arguments() if str(definition.type).endswith("!")]
    if not required:
        return False
    rng.choice(required).value = parse_value("null", no_location=True)
    return None
