"""§5.7: directives that do not exist, stand where they can't, come twice, or lack their argument."""

from random import Random

from graphql.language import FragmentDefinitionNode, OperationDefinitionNode, VariableDefinitionNode

from transports import Request
from tree import Tree, directives


def on_unknown_directive(rng: Random, tree: Tree, _request: Request) -> None:
    place = rng.choice(tree.places())
    place.directives = (*place.directives, *directives(rng.choice(["@nope", "@Skip(if: true)", "@nope(if: [1])"])))


def on_misplaced_directive(rng: Random, tree: Tree, _request: Request) -> None:
    place = rng.choice(tree.all(OperationDefinitionNode, FragmentDefinitionNode))
    place.directives = (*place.directives, *directives(rng.choice(["@skip(if: false)", "@include(if: true)"])))


def on_directive_of_a_variable(rng: Random, tree: Tree, _request: Request) -> bool | None:
    nodes = tree.all(VariableDefinitionNode)
    if not nodes:
        return False
    rng.choice(nodes).directives = directives(rng.choice(["@skip(if: false)", "@nope"]))
    return None


def on_directive_of_the_schema(rng: Random, tree: Tree, _request: Request) -> None:
    place = rng.choice(tree.places())
    place.directives = (*place.directives, *directives('@deprecated(reason: "x")'))


def on_directive_twice(rng: Random, tree: Tree, _request: Request) -> None:
    place = rng.choice(tree.places())
    place.directives = directives("@skip(if: false) @skip(if: false)")


def on_directive_without_argument(rng: Random, tree: Tree, _request: Request) -> None:
    place = rng.choice(tree.places())
    place.directives = directives(rng.choice(["@skip", "@include", "@include(iff: true)"]))


def on_directive_with_a_wrong_argument(rng: Random, tree: Tree, _request: Request) -> None:
    place = rng.choice(tree.places())
    wrong = ['@skip(if: "false")', "@include(if: 1)", "@include(if: null)", "@skip(if: false, unless: true)"]
    place.directives = directives(rng.choice(wrong))
