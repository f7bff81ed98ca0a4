"""§5.8, and values of variables (§6.1.2)."""

from random import Random

from graphql.language import NameNode, VariableDefinitionNode, VariableNode
from graphql import parse

from transports import Request
from tree import Tree


def definitions(text: str) -> tuple:
    return tuple(parse(f"query({text}) {{ a }}", no_location=True).definitions[0].variable_definitions)


def declare(rng: Random, tree: Tree, text: str) -> None:
    operation = rng.choice(tree.operations)
    operation.variable_definitions = (*operation.variable_definitions, *definitions(text))


def on_undefined_variable(rng: Random, tree: Tree, _request: Request) -> bool | None:
    known = [argument for argument, _ in tree.arguments()]
    if not known:
        return False
    rng.choice(known).value = VariableNode(name=NameNode(value="nope"))
    return None


def on_removed_definition(rng: Random, tree: Tree, _request: Request) -> bool | None:
    operations = [operation for operation in tree.operations if operation.variable_definitions]
    if not operations:
        return False
    operation = rng.choice(operations)
    gone = rng.choice(operation.variable_definitions)
    operation.variable_definitions = tuple(each for each in operation.variable_definitions if each is not gone)
    return None


def on_unused_variable(rng: Random, tree: Tree, _request: Request) -> None:
    declare(rng, tree, rng.choice(["$unused: String", "$unused: Int = 1", "$unused: [[String!]!]"]))


def on_variable_twice(rng: Random, tree: Tree, _request: Request) -> bool | None:
    operations = [operation for operation in tree.operations if operation.variable_definitions]
    if not operations:
        return False
    operation = rng.choice(operations)
    operation.variable_definitions = (*operation.variable_definitions, rng.choice(operation.variable_definitions))
    return None


def on_variable_of_an_output_type(rng: Random, tree: Tree, _request: Request) -> None:
    declare(rng, tree, f"$out: {rng.choice(['AuthPayload', '[Mutation]', 'Nope', '[Nope!]!'])}")


def on_changed_type(rng: Random, tree: Tree, _request: Request) -> bool | None:
    """Another type than its places take, or too weak a one."""
    nodes = tree.all(VariableDefinitionNode)
    if not nodes:
        return False
    chosen, others = rng.choice(nodes), definitions("$a: Int, $b: [String], $c: Boolean, $d: ID, $e: String")
    chosen.type, chosen.default_value = rng.choice(others).type, None
    return None


def on_default_of_another_type(rng: Random, tree: Tree, _request: Request) -> None:
    wrong = ['$d: Int = "1"', "$d: String = 1", "$d: Boolean = RED", "$d: String! = null", '$d: [Int] = "2"']
    declare(rng, tree, rng.choice(wrong))


def on_missing_value(rng: Random, _tree: Tree, request: Request) -> bool | None:
    if not request.variables:
        return False
    del request.variables[rng.choice(list(request.variables))]
    return None


def on_value_of_another_type(rng: Random, _tree: Tree, request: Request) -> bool | None:
    if not request.variables:
        return False
    wrong = [None, 1, 1.5, True, "x", ["x"], {"a": "b"}, [None], 2**31]
    request.variables[rng.choice(list(request.variables))] = rng.choice(wrong)
    return None
