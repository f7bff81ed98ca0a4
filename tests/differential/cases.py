"""Case N of a seed: a document, who sends it, where and how."""

from dataclasses import dataclass
from random import Random

from graphql import OperationType, parse
from graphql.language import OperationDefinitionNode

import invalid
from layout import laid_out
from surface import FOR_NOBODY, PATHS, Surface
from transports import Request, way
from writer import Writer

# How often each kind is made.
SHARES = {"owned": 24, "foreign": 16, "mixed": 16, "stitched": 14, "invalid": 30}
BASES = {"owned": 5, "foreign": 2, "mixed": 2, "stitched": 2}


@dataclass
class Case:
    number: int
    kind: str
    # What an invalid one was made of.
    base: str
    # What was done to it, of the names in `invalid.OPERATORS`.
    mistake: str
    request: Request
    path: str
    # Who sends it; `None` for nobody.
    user: str | None
    way: str

    @property
    def is_spent(self) -> bool:
        """It may end the session of its caller, on one side more than on the other."""
        return "logout" in self.request.text

    def kinds(self) -> set[str]:
        return {self.kind, self.base}


def case(seed: int, number: int, surfaces: dict[str, Surface]) -> Case:
    rng = Random(f"{seed}/{number}")
    kind = rng.choices(list(SHARES), SHARES.values())[0]
    base = rng.choices(list(BASES), BASES.values())[0] if kind == "invalid" else kind
    path = PATHS[0] if rng.random() < 0.75 else PATHS[1]
    user = rng.choice(["john", "amina"]) if rng.random() < (0.4 if path == PATHS[0] else 0.85) else None
    # What one side refuses and the other, as is known, runs must not set their databases apart.
    request = Writer(rng, surfaces[path], base, may_write=kind != "invalid").write()
    user = None if any(name in request.text for name in FOR_NOBODY) else user
    chosen, mistake = way(rng, request, is_query(request)), ""
    if kind == "invalid":
        mistake, base = invalid.spoil(rng, request, surfaces[path], base)
    else:
        request.text = laid_out(rng, request.text)
    return Case(number, kind, base, mistake, request, path, user, chosen)


def is_query(request: Request) -> bool:
    operations = [node for node in parse(request.text).definitions if isinstance(node, OperationDefinitionNode)]
    chosen = next(
        (node for node in operations if node.name and node.name.value == request.operation_name), operations[0]
    )
    return chosen.operation is OperationType.QUERY
