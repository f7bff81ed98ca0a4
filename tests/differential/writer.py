"""Valid documents: whatever the grammar has, around fields of one kind."""

from dataclasses import dataclass, field
from random import Random

from surface import USER, Field, Surface
from transports import Request
from values import Variables, arguments

KINDS = ("owned", "foreign", "mixed", "stitched")
# Which fields of a root may be chosen, and which must be.
SIDES = {"owned": {"owned"}, "foreign": {"foreign"}, "mixed": {"owned", "foreign"}, "stitched": {"owned"}}
# Root fields that the gateway runs in one request, by its default limits, are five.
MOST_ROOTS = 4
DEEPEST = 5


@dataclass
class Entry:
    """What stands under a response key: it may be written again, with another selection."""

    field: Field | None
    head: str
    scope: "Scope | None" = None


@dataclass
class Scope:
    """The response keys of one object, from all the selections and fragments that are merged into it."""

    type: str
    entries: dict[str, Entry] = field(default_factory=dict)


class Writer:
    """One document under way."""

    def __init__(self, rng: Random, surface: Surface, kind: str, may_write: bool):
        self.rng, self.surface, self.kind = rng, surface, kind
        self.variables = Variables(rng, "", may_write)
        self.fragments: dict[str, str] = {}
        self.keys = self.roots = 0

    def write(self) -> Request:
        root = self.root()
        body = self.operation_body(root)
        name = self.rng.choice(["", "", "Run", "login", "query", "_", "on"])
        others, chosen, beside = [], name or None, None
        if name and self.rng.random() < 0.4:
            beside = self.rng.choice(["owned", "foreign"])
            others = self.others(name, beside)
        elif self.rng.random() < 0.3:
            chosen = None
        definitions = [self.operation(root, name, body), *self.fragments.values(), *others]
        self.rng.shuffle(definitions)
        return Request("\n".join(definitions), self.variables.given(), chosen, beside)

    def root(self) -> str:
        return "Query" if self.kind == "foreign" and self.rng.random() < 0.7 else "Mutation"

    def operation(self, root: str, name: str, body: str) -> str:
        declared = self.variables.definitions()
        is_short = root == "Query" and not name and not declared and self.rng.random() < 0.5
        return body if is_short else f"{root.lower()} {name}{declared} {body}"

    def others(self, taken: str, kind: str) -> list[str]:
        """A further operation, which is not the one that runs."""
        other = Writer(self.rng, self.surface, kind, self.variables.may_write)
        # Fragments and variables of its own: names must not meet.
        other.variables.prefix, other.keys = "o", 500
        root = other.root()
        body = other.operation_body(root)
        return [other.operation(root, f"Other{taken}", body), *other.fragments.values()]

    # --- selections ---------------------------------------------------------------------------------------------------
    def operation_body(self, root: str) -> str:
        """A selection of the root's fields, in which every side of the kind has its part."""
        scope, items = Scope(root), []
        for side in sorted(SIDES[self.kind]):
            items.append(self.wrapped(scope, lambda side=side: self.root_field(scope, side), 0))
        while self.roots < MOST_ROOTS and self.rng.random() < 0.4:
            side = self.rng.choice(sorted(SIDES[self.kind]))
            items.append(self.wrapped(scope, lambda side=side: self.root_field(scope, side), 0))
        if self.rng.random() < 0.2:
            items.append(self.typename(scope))
        if self.rng.random() < 0.15:
            items.append(self.again(scope, 0))
        self.rng.shuffle(items)
        return "{ " + " ".join(items) + " }"

    def root_field(self, scope: Scope, side: str) -> str:
        self.roots += 1
        known = [each for each in self.surface.fields[scope.type] if each.side == side]
        if self.kind == "stitched":
            known = [each for each in known if each.inside == "AuthPayload"]
        weights = [3 if each.name == "login" else 1 for each in known]
        return self.field(scope, self.rng.choices(known, weights)[0], 0)

    def wrapped(self, scope: Scope, write, depth: int) -> str:
        """What `write` gives, directly or inside of a fragment of the same type."""
        chance = self.rng.random()
        if depth > 2 or chance < 0.75:
            return write()
        inside = self.wrapped(scope, write, depth + 1)
        if chance < 0.87:
            condition = f"on {scope.type} " if self.rng.random() < 0.5 else ""
            return f"... {condition}{self.directive(0.2)}{{ {inside} }}"
        name = self.rng.choice(["F", "login", "query", "G_", "on_"]) + str(self.key())
        self.fragments[name] = f"fragment {name} on {scope.type} {{ {inside} }}"
        return f"...{name}{self.directive(0.2)}"

    def selection(self, scope: Scope, depth: int) -> str:
        items = []
        if self.kind == "stitched" and scope.type == "AuthPayload":
            items.append(self.wrapped(scope, lambda: self.some_field(scope, depth, "user"), depth))
        if self.kind == "stitched" and scope.type == USER:
            items.append(self.wrapped(scope, lambda: self.some_field(scope, depth, side="foreign"), depth))
        for _ in range(self.rng.choice([1, 1, 2, 2, 3, 5])):
            items.append(self.wrapped(scope, lambda: self.some_field(scope, depth), depth))
        if self.rng.random() < 0.12:
            items.append(self.typename(scope))
        if self.rng.random() < 0.12:
            items.append(self.again(scope, depth))
        self.rng.shuffle(items)
        return "{ " + " ".join(items) + " }"

    def some_field(self, scope: Scope, depth: int, name: str | None = None, side: str | None = None) -> str:
        known = self.surface.fields[scope.type]
        if name or side:
            known = [each for each in known if name in (None, each.name) and side in (None, each.side)]
        elif self.kind != "stitched":
            known = [each for each in known if each.side != "foreign" or scope.type != USER]
        if depth >= DEEPEST:
            known = [each for each in known if each.inside is None] or known
        return self.field(scope, self.rng.choice(known), depth)

    def field(self, scope: Scope, field: Field, depth: int) -> str:
        given = arguments(self.rng, field.name, field.arguments, self.variables)
        key = field.name
        is_taken = key in scope.entries and (given or scope.entries[key].field != field)
        if is_taken or self.rng.random() < 0.25:
            key = f"{self.rng.choice(['a', 'login', '_', 'errors', 'on', 'ok'])}{self.key()}"
        head = f"{field.name}{given}" if key == field.name else f"{key}: {field.name}{given}"
        entry = scope.entries.setdefault(key, Entry(field, head, Scope(field.inside) if field.inside else None))
        return self.entry(entry, depth)

    def entry(self, entry: Entry, depth: int) -> str:
        inside = f" {self.selection(entry.scope, depth + 1)}" if entry.scope else ""
        return f"{entry.head}{self.directive(0.08)}{inside}"

    def again(self, scope: Scope, depth: int) -> str:
        """A field that is there already, to be merged with it."""
        return self.entry(self.rng.choice(list(scope.entries.values())), depth)

    def typename(self, scope: Scope) -> str:
        key = "__typename" if self.rng.random() < 0.6 else f"t{self.key()}: __typename"
        entry = scope.entries.setdefault(key.partition(":")[0], Entry(None, key))
        return self.entry(entry, 0)

    def directive(self, share: float) -> str:
        chance = self.rng.random()
        if chance >= share:
            return ""
        # Most of what is written should be there.
        name = self.rng.choice(["include", "include", "include", "skip"])
        is_there = self.rng.random() < 0.7
        value = is_there if name == "include" else not is_there
        if self.rng.random() < 0.4:
            return f" @{name}(if: {self.variables.declare('Boolean!', value)}) "
        return f" @{name}(if: {'true' if value else 'false'}) "

    def key(self) -> int:
        """A number that no other name of this document has."""
        self.keys += 1
        return self.keys
