"""§5.5: fragments that are missing, unused, endless, of one name, or on a type where they can't be."""

from random import Random

from graphql.language import FragmentSpreadNode, NamedTypeNode, NameNode

from mistakes.about_fields import among
from transports import Request
from tree import Tree, selections


def on_unknown_fragment(rng: Random, tree: Tree, _request: Request) -> None:
    among(rng, rng.choice(tree.sets), selections("{ ...Nope }"))


def on_unused_fragment(rng: Random, tree: Tree, _request: Request) -> None:
    tree.define(f"fragment Unused on {rng.choice(tree.sets).parent.name} {{ __typename }}")


def on_cycle(rng: Random, tree: Tree, _request: Request) -> None:
    """A fragment that spreads itself, or two each other."""
    chosen = rng.choice(tree.sets)
    on = chosen.parent.name
    among(rng, chosen, selections("{ ...Round }"))
    if rng.random() < 0.5:
        tree.define(f"fragment Round on {on} {{ __typename ...Round }}")
    else:
        tree.define(f"fragment Round on {on} {{ ...And }} fragment And on {on} {{ __typename ...Round }}")


def on_fragment_name_twice(rng: Random, tree: Tree, _request: Request) -> bool | None:
    if not tree.fragments:
        return False
    chosen = rng.choice(tree.fragments)
    tree.define(f"fragment {chosen.name.value} on {chosen.type_condition.name.value} {{ __typename }}")
    return None


def on_unknown_type(rng: Random, tree: Tree, _request: Request) -> None:
    among(rng, rng.choice(tree.sets), selections("{ ... on Nope { __typename } }"))


def on_scalar(rng: Random, tree: Tree, _request: Request) -> None:
    among(rng, rng.choice(tree.sets), selections(f"{{ ... on {rng.choice(['String', 'Boolean'])} {{ __typename }} }}"))


def on_impossible_type(rng: Random, tree: Tree, _request: Request) -> bool | None:
    types = sorted({each.parent.name for each in tree.sets})
    chosen = rng.choice(tree.sets)
    others = [name for name in [*types, "Query", "AuthPayload"] if name != chosen.parent.name]
    among(rng, chosen, selections(f"{{ ... on {rng.choice(others)} {{ __typename }} }}"))
    return None


def on_fragment_of_another_type(rng: Random, tree: Tree, _request: Request) -> bool | None:
    """One that is used already, now also where it can't be."""
    if not tree.fragments:
        return False
    chosen = rng.choice(tree.fragments)
    sets = [each for each in tree.sets if each.parent.name != chosen.type_condition.name.value]
    if not sets:
        return False
    spread = FragmentSpreadNode(name=NameNode(value=chosen.name.value), directives=())
    among(rng, rng.choice(sets), (spread,))
    return None


def on_changed_condition(rng: Random, tree: Tree, _request: Request) -> bool | None:
    """Its whole body then is of the wrong type, too."""
    if not tree.fragments:
        return False
    chosen = rng.choice(tree.fragments)
    chosen.type_condition = NamedTypeNode(name=NameNode(value=rng.choice(["Nope", "AuthPayload", "String", "Query"])))
    return None
