"""Arguments: literals and variables, each in the forms that its type allows."""

import json
from dataclasses import dataclass, field
from random import Random

from surface import Argument
from world import PASSWORDS

# A wrong password costs the gateway what Django's own hash costs, a second in a debug build: few of them.
WRONG_SHARE = 0.012
WRONG = [("john", "secret124"), ("nobody", "secret123"), ("disabled", "disabledpass1"), ("john", ""), ("", "")]
# Of a variable that is left to its default.
MISSING = object()
# In a variable, a refresh token of a session that is opened for it, on each side its own.
REFRESH = "{{refresh}}"
TEXTS = ["", "login(", "A tram", "é長🚆", 'a "b" \\ c', "line\nline", " x ", "{login{ok}}", "#", "\\u0041", "1"]


@dataclass
class Variables:
    """Those of one operation."""

    rng: Random
    prefix: str
    # Whether what is made here may leave something behind in the database.
    may_write: bool
    # Name to (type, default, given value or `MISSING`, the value that counts).
    declared: dict[str, tuple[str, str, object, object]] = field(default_factory=dict)

    def declare(self, kind: str, value: object) -> str:
        """A variable of this type, or one that fits, with this value."""
        names = ["u", "v", "login", "on", "query", "true_", "a1", "_"]
        name = f"{self.rng.choice(names)}{self.prefix}{len(self.declared)}"
        chance, default, given = self.rng.random(), "", value
        if chance < 0.2 and value != REFRESH:
            default = json.dumps(value, ensure_ascii=False)
            given = MISSING if self.rng.random() < 0.6 else value
            # Nullable with a default fits where null doesn't (§5.8.5).
            kind = kind.rstrip("!") if self.rng.random() < 0.7 else kind
        elif chance < 0.5 and not kind.endswith("!"):
            kind += "!" if value is not None else ""
        self.declared[name] = (kind, default, given, value)
        return f"${name}"

    def reused(self, kind: str, value: object) -> str | None:
        """One that is there already, of this type and value; for free text any of its type."""
        is_free = value in TEXTS
        for name, (other, _, _, there) in self.declared.items():
            is_wrong = there == REFRESH or (there != value and not is_free)
            if not is_wrong and other.rstrip("!") == kind.rstrip("!") and (other.endswith("!") or kind == other):
                return f"${name}"
        return None

    def definitions(self) -> str:
        each = [f"${name}: {kind} {default and f'= {default}'}" for name, (kind, default, *_) in self.declared.items()]
        return f"({', '.join(each)})" if each else ""

    def given(self) -> dict:
        found = {name: given for name, (_, _, given, _) in self.declared.items() if given is not MISSING}
        if self.rng.random() < 0.05:
            found["unknown"] = 1
        return found


def arguments(rng: Random, name: str, known: tuple[Argument, ...], variables: Variables) -> str:
    """Those of a field, in parentheses; nothing where there are none."""
    values = chosen(rng, name, variables.may_write)
    pairs = []
    for argument in known:
        if argument.is_required or argument.name in values or rng.random() < 0.3:
            value = values.get(argument.name, free(rng, argument))
            pairs.append(f"{argument.name}: {written(rng, argument, value, variables)}")
    rng.shuffle(pairs)
    return f"({', '.join(pairs)})" if pairs else ""


def chosen(rng: Random, name: str, may_write: bool) -> dict[str, object]:
    if name == "login":
        right = rng.choices(list(PASSWORDS.items()), weights=[6, 3, 1])[0]
        username, password = rng.choice(WRONG) if rng.random() < WRONG_SHARE else right
        return {"username": username, "password": password}
    if name == "refreshToken":
        return {"refreshToken": REFRESH} if rng.random() < 0.7 else {}
    if name == "createArticle":
        # Few succeed: the lists of articles are to stay short.
        return {"title": "A tram"} if may_write and rng.random() < 0.15 else {"title": " "}
    return {}


def free(rng: Random, argument: Argument) -> object:
    kind = str(argument.type).rstrip("!")
    if kind == "Int":
        return rng.choice([0, 1, 2, 3, 20, -1])
    if kind == "ID":
        return rng.choice(["1", "2", 3, 99, "x", ""])
    return rng.choice(TEXTS)


def written(rng: Random, argument: Argument, value: object, variables: Variables) -> str:
    kind = str(argument.type)
    if not argument.is_required and value != REFRESH and rng.random() < 0.05:
        value = None
    # The two sides' tokens differ in length: as literals they would move what stands behind them.
    if value == REFRESH:
        return variables.declare(kind, value)
    if rng.random() < 0.35:
        there = variables.reused(kind, value) if rng.random() < 0.6 else None
        return there or variables.declare(kind, value)
    return json.dumps(value, ensure_ascii=False)
