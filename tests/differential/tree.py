"""A document's syntax tree, to be changed in place: where each kind of node is, and which type is around it."""

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import DocumentNode, GraphQLObjectType, TypeInfo, TypeInfoVisitor, Visitor, get_named_type, parse, visit
from graphql.language import (
    ArgumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
)

from surface import Surface


@dataclass
class Found:
    """A field or a selection set; for a field, its definition's arguments by name."""

    node: Node
    # The type around a field, of a selection set.
    parent: GraphQLObjectType
    arguments: dict
    depth: int


class Finder(Visitor):
    def __init__(self, info: TypeInfo):
        super().__init__()
        self.info, self.depth = info, 0
        self.fields: list[Found] = []
        self.sets: list[Found] = []

    def enter_field(self, node: FieldNode, *_) -> None:
        definition = self.info.get_field_def()
        if definition is not None:
            self.fields.append(Found(node, self.info.get_parent_type(), definition.args, self.depth))

    def enter_selection_set(self, node: SelectionSetNode, *_) -> None:
        self.depth += 1
        parent = get_named_type(self.info.get_type())
        if isinstance(parent, GraphQLObjectType):
            self.sets.append(Found(node, parent, {}, self.depth))

    def leave_selection_set(self, *_) -> None:
        self.depth -= 1


class Tree:
    def __init__(self, text: str, surface: Surface):
        self.document, self.surface = parse(text, no_location=True), surface
        info = TypeInfo(surface.schema)
        finder = Finder(info)
        visit(self.document, TypeInfoVisitor(info, finder))
        self.fields, self.sets = finder.fields, finder.sets

    @property
    def operations(self) -> list[OperationDefinitionNode]:
        return [node for node in self.document.definitions if isinstance(node, OperationDefinitionNode)]

    @property
    def fragments(self) -> list[FragmentDefinitionNode]:
        return [node for node in self.document.definitions if isinstance(node, FragmentDefinitionNode)]

    def define(self, text: str) -> None:
        """Adds definitions."""
        self.document.definitions += tuple(parse(text, no_location=True).definitions)

    def all(self, *kinds: type[Node]) -> list[Node]:
        return [node for node in walk(self.document) if isinstance(node, kinds)]

    def arguments(self) -> list[tuple[ArgumentNode, object]]:
        """Arguments of fields, with what the schema says of each."""
        return [
            (argument, found.arguments[argument.name.value])
            for found in self.fields
            for argument in found.node.arguments
            if argument.name.value in found.arguments
        ]

    def places(self) -> list[Node]:
        """Where `@skip` may stand."""
        return self.all(FieldNode, FragmentSpreadNode, InlineFragmentNode)


def root_fields(document: DocumentNode, operation: OperationDefinitionNode) -> set[str]:
    """The names of all fields at the root of an operation, whatever type conditions say."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    names, seen, open_sets = set(), set(), [operation.selection_set]
    while open_sets:
        for selection in open_sets.pop().selections:
            if isinstance(selection, FieldNode):
                names.add(selection.name.value)
            elif isinstance(selection, InlineFragmentNode):
                open_sets.append(selection.selection_set)
            elif selection.name.value in fragments and selection.name.value not in seen:
                seen.add(selection.name.value)
                open_sets.append(fragments[selection.name.value].selection_set)
    return names - {"__typename"}


def walk(node: Node | DocumentNode) -> Iterator[Node]:
    yield node
    for key in node.keys:
        child = getattr(node, key, None)
        for each in child if isinstance(child, tuple | list) else [child]:
            if isinstance(each, Node):
                yield from walk(each)


def selections(text: str) -> tuple:
    """The nodes of a selection, `{ … }`."""
    return tuple(parse(text, no_location=True).definitions[0].selection_set.selections)


def directives(text: str) -> tuple:
    return tuple(selections(f"{{ a {text} }}")[0].directives)


def arguments(text: str) -> tuple:
    return tuple(selections(f"{{ a({text}) }}")[0].arguments)
