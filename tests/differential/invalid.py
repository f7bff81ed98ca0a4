"""Mistakes, one for each rule of the GraphQL specification (October 2021 §5) and for the syntax (§2).

An operator changes the tree in place; it returns `False` where the document has no place for its mistake.
"""

from collections.abc import Callable
from random import Random

from graphql import print_ast

import broken
import mistakes
from layout import laid_out
from surface import OWNED, Surface
from transports import Request
from tree import Tree, root_fields

Operator = Callable[[Random, Tree, Request], bool | None]
OPERATORS: dict[str, Operator] = {
    name.removeprefix("on_"): function
    for module in mistakes.MODULES
    for name, function in vars(module).items()
    if name.startswith("on_")
}
# These work on the text, so there is nothing to lay out afterwards.
BREAKERS = {name.removeprefix("on_"): function for name, function in vars(broken).items() if name.startswith("on_")}


def spoil(rng: Random, request: Request, surface: Surface, base: str) -> tuple[str, str]:
    """Makes the mistake, now and then two; its name, and the kind that the document is of now."""
    if rng.random() < 0.15:
        request.text = laid_out(rng, request.text)
        name = rng.choice(sorted(BREAKERS))
        request.text = BREAKERS[name](rng, request.text)
        return name, base
    tree, made = Tree(request.text, surface), []
    names = rng.sample(sorted(OPERATORS), len(OPERATORS))
    wanted = 2 if rng.random() < 0.1 else 1
    for name in names:
        if OPERATORS[name](rng, tree, request) is not False:
            made.append(name)
        # Where no operation is left there is no place for another.
        if len(made) == wanted or not tree.operations:
            break
    request.text = laid_out(rng, print_ast(tree.document))
    return "+".join(made), "mixed" if is_mixed(tree) else base


def is_mixed(tree: Tree) -> bool:
    """Whether some operation has root fields of both sides now. What is nobody's counts as the backend's."""
    for operation in tree.operations:
        names = root_fields(tree.document, operation)
        owned = OWNED.get(operation.operation.value.title(), set())
        if names & owned and names - owned:
            return True
    return False
