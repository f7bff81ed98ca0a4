"""§5.3: fields that do not exist, conflict, or have the wrong kind of selection."""

from random import Random

from graphql import is_leaf_type
from graphql.language import FieldNode, NameNode, SelectionSetNode
from graphql.type import get_named_type

from transports import Request
from tree import Found, Tree, selections


def among(rng: Random, chosen: Found, new: tuple) -> None:
    """Adds selections somewhere between those that are there."""
    there = list(chosen.node.selections)
    at = rng.randrange(len(there) + 1)
    chosen.node.selections = (*there[:at], *new, *there[at:])


def below_the_root(tree: Tree) -> list[Found]:
    return [each for each in tree.sets if each.parent.name not in ("Query", "Mutation", "Subscription")]


def on_unknown_field(rng: Random, tree: Tree, _request: Request) -> bool | None:
    sets = below_the_root(tree)
    if not sets:
        return False
    what = rng.choice(["nope", "Ok", "login { ok }", "a: nope", "__type", "nope(a: 1) { b }", "__typename_"])
    among(rng, rng.choice(sets), selections(f"{{ {what} }}"))
    return None


def on_unknown_root_field(rng: Random, tree: Tree, _request: Request) -> None:
    sets = [each for each in tree.sets if each.parent.name in ("Query", "Mutation")]
    among(rng, rng.choice(sets), selections(f"{{ {rng.choice(['nope', 'Login { ok }', 'me2: nope'])} }}"))


def on_conflict(rng: Random, tree: Tree, _request: Request) -> bool | None:
    """One key for two fields."""
    chosen = rng.choice(tree.sets)
    leaves = [each.node for each in tree.fields if each.parent is chosen.parent and each.node in chosen.node.selections]
    names = [name for name, each in chosen.parent.fields.items() if is_leaf_type(get_named_type(each.type))]
    if not leaves or not names:
        return False
    other = rng.choice(leaves)
    key = (other.alias or other.name).value
    name = rng.choice([*names, "__typename"])
    if name == other.name.value:
        return False
    among(rng, chosen, (FieldNode(alias=NameNode(value=key), name=NameNode(value=name), arguments=(), directives=()),))
    return None


def on_differing_arguments(rng: Random, tree: Tree, _request: Request) -> bool | None:
    """A field twice, the second time without its arguments, or with others."""
    fields = [each for each in tree.fields if each.node.arguments]
    chosen = [(each, found) for each in tree.sets for found in fields if found.node in each.node.selections]
    if not chosen:
        return False
    around, found = rng.choice(chosen)
    node = found.node
    fewer = tuple(node.arguments[1:])
    inside = SelectionSetNode(selections=selections("{ __typename }")) if node.selection_set else None
    again = FieldNode(alias=node.alias, name=node.name, arguments=fewer, directives=(), selection_set=inside)
    among(rng, around, (again,))
    return None


def on_conflict_inside_of_merged_fields(rng: Random, tree: Tree, _request: Request) -> bool | None:
    fields = [each for each in tree.fields if each.node.selection_set]
    chosen = [(each, found) for each in tree.sets for found in fields if found.node in each.node.selections]
    if not chosen:
        return False
    around, found = rng.choice(chosen)
    node = found.node
    leaves = [each for each in node.selection_set.selections if isinstance(each, FieldNode) and not each.selection_set]
    if not leaves:
        return False
    key = (rng.choice(leaves).alias or rng.choice(leaves).name).value
    name = "__typename" if key != "__typename" else "ok"
    inside = SelectionSetNode(selections=selections(f"{{ {key}: {name} }}"))
    again = FieldNode(alias=node.alias, name=node.name, arguments=node.arguments, directives=(), selection_set=inside)
    among(rng, around, (again,))
    return None


def on_selection_of_a_leaf(rng: Random, tree: Tree, _request: Request) -> bool | None:
    leaves = [each.node for each in tree.fields if not each.node.selection_set]
    if not leaves:
        return False
    rng.choice(leaves).selection_set = SelectionSetNode(selections=selections("{ x }"))
    return None


def on_object_without_selection(rng: Random, tree: Tree, _request: Request) -> None:
    rng.choice([each.node for each in tree.fields if each.node.selection_set]).selection_set = None
