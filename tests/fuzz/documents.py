"""Documents that run auth operations, each somehow, and decoys that only look as if they did."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from graphql import parse

SDL = Path(__file__).resolve().parents[2] / "src/graphql/auth.graphql"
# Root type, field, arguments with their types: what the gateway owns.
OWNED = {
    node.name.value: {
        field.name.value: [(argument.name.value, argument.type) for argument in field.arguments]
        for field in node.fields
    }
    for node in parse(SDL.read_text(), no_location=True).definitions
    if node.name.value in ("Query", "Mutation")
}
FOREIGN = {
    "Query": [
        "me{id}",
        "post(id:1){id title}",
        "post{login{id}}",
        "login:me{id}",
        "post{...{authSessions{lastLogin}}}",
    ],
    "Mutation": [
        "createPost{id}",
        "loginCount{id}",
        'login:createPost(a:"login("){id}',
        "createPost{login{id}}",
    ],
}
# A right login costs the gateway little, a wrong one the hash that it is meant to cost.
CREDENTIALS = {"username": "john", "password": "secret123"}


@dataclass
class Document:
    text: str
    operation_name: str | None = None
    variables: dict = field(default_factory=dict)


def document(rng: Random, *, queries_only: bool = False) -> Document:
    """Runs at least one auth operation, unless what it says is mangled."""
    return Writer(rng, "Query" if queries_only or rng.random() < 0.2 else "Mutation").write()


def harmless(rng: Random) -> Document:
    """Runs none; often says so in words that sound otherwise."""
    root = rng.choice(list(FOREIGN))
    before, name, after = rng.choice(["", "#login\n"]), rng.choice(["", "\n", " A "]), rng.choice(["", " #login", "\n"])
    return Document(f"{before}{root.lower()}{name}{{{rng.choice(FOREIGN[root])}}}{after}")


def decoy(rng: Random, *, queries_only: bool = False) -> Document:
    """Holds one and runs another: chosen by name, or all of it skipped."""
    root = "Query" if queries_only or rng.random() < 0.2 else "Mutation"
    if rng.random() < 0.3:
        owned, seen = rng.choice(list(OWNED[root])), rng.choice(FOREIGN[root])
        return Document(f"{root.lower()}{{{seen}...@skip(if:true){{...{{{owned}{{__typename}}}}}}}}")
    found = Writer(rng, root).write(is_named=True)
    name = rng.choice(["Other1", "run", "Runs", "Run_", "__"])
    texts = [found.text, f"query {name}{{{rng.choice(FOREIGN['Query'])}}}"]
    rng.shuffle(texts)
    return Document("\n".join(texts), name, found.variables if rng.random() < 0.5 else {})


class Writer:
    """One document under way."""

    def __init__(self, rng: Random, root: str):
        self.rng, self.root = rng, root
        self.declared, self.variables, self.fragments, self.keys = {}, {}, [], 0

    def write(self, is_named: bool = False) -> Document:
        selections, others = self.selections(0), []
        name = self.some([""] * (0 if is_named else 6) + ["Run", "Run", "login", "_", "on", "query"])
        chosen = name or None
        if name and self.rng.random() < 0.4:
            others = [self.some(["query Other{me{id}}", "mutation Other{createPost{id}}"])]
        elif self.rng.random() < 0.3:
            chosen = None
        definitions = [self.operation(selections, name), *self.fragments, *others]
        self.rng.shuffle(definitions)
        text = self.gap() + self.some(["\n", " ", "", ",", "#login\n"]).join(definitions) + self.gap()
        return Document(text, chosen, self.variables)

    def operation(self, selections: str, name: str) -> str:
        declared = ""
        if self.declared:
            each = (f"${name}{self.gap()}:{self.gap()}{kind}" for name, kind in self.declared.items())
            declared = "(" + self.some([",", " ", "\n"]).join(each) + ")"
        keyword = self.root.lower()
        if name:
            keyword += self.some([" ", "\n", ",", "\t", " #c\n"]) + name
        elif self.root == "Query" and not declared and self.rng.random() < 0.5:
            keyword = ""
        return f"{keyword}{self.gap()}{declared}{self.gap()}{{{selections}}}"

    # --- selections ---------------------------------------------------------------------------------------------------
    def selections(self, depth: int) -> str:
        each = [self.selection(depth) for _ in range(self.some([1, 1, 1, 1, 2, 3]))]
        return self.gap() + self.some([" ", "\n", ",", "\r\n", "#\n"]).join(each) + self.gap()

    def selection(self, depth: int) -> str:
        chance = self.rng.random()
        if depth > 3 or chance < 0.65:
            return self.owned()
        if chance < 0.69:
            return self.some([*FOREIGN[self.root], "__typename", "a:__typename"])
        if chance < 0.83:
            place = len(self.fragments)
            name = self.some(["F", "login", "G_", "query", "mutation", "on_"]) + str(place)
            self.fragments.append("")
            body = self.selections(depth + 1)
            self.fragments[place] = f"fragment {name} on{self.blank()}{self.root}{self.gap()}{{{body}}}"
            return f"...{self.gap()}{name}{self.directive()}"
        condition = self.some(["", f"on{self.blank()}{self.root}"])
        return f"...{self.gap()}{condition}{self.directive()}{{{self.selections(depth + 1)}}}"

    def owned(self) -> str:
        """A field that the gateway must see. All but the first have an alias, or they would conflict."""
        fields = OWNED[self.root]
        name = self.some([*fields, *["login"] * 4] if self.root == "Mutation" else list(fields))
        alias = ""
        if self.keys or self.rng.random() < 0.3:
            alias = self.some(["a", "login", "createPost", "_", "query", "on", "lastLogin"]) + (
                str(self.keys) if self.keys else ""
            )
            alias += f"{self.gap()}:{self.gap()}"
        self.keys += 1
        return f"{alias}{name}{self.gap()}{self.arguments(name)}{self.directive()}{self.gap()}{self.payload(name)}"

    def payload(self, name: str) -> str:
        if name in OWNED["Query"]:
            return self.some(["{id}", "{ id }", "{__typename}", "{...{id}}"])
        return self.some(
            ["{ok}", "{ok}", "{ ok }", "{\nok\n}", "{ok,errors}", "{__typename}", "{...{ok}}", "{a:ok#}\n}"]
        )

    def arguments(self, name: str) -> str:
        is_odd = self.rng.random() < 0.15
        given = [
            (key, kind)
            for key, kind in OWNED[self.root][name]
            if str(kind.kind) == "non_null_type" or self.rng.random() < 0.1
        ]
        pairs = [
            (key, self.odd() if is_odd else self.value(key, kind)) for key, kind in given if self.rng.random() < 0.98
        ]
        if not pairs:
            return ""
        self.rng.shuffle(pairs)
        each = (f"{key}{self.gap()}:{self.gap()}{value}" for key, value in pairs)
        return "(" + self.gap() + self.some([",", " ", "\n", " , "]).join(each) + self.gap() + ")"

    # --- values -------------------------------------------------------------------------------------------------------
    def value(self, key: str, kind) -> str:
        named = getattr(kind, "type", kind).name.value
        return "true" if named == "Boolean" else self.text(CREDENTIALS.get(key, "x"), named)

    def odd(self) -> str:
        return self.some(["1", "-0", "1e3", "null", "true", "E", "[1 2]", "{a:1}", "[]", '[["login("]]', "{}"])

    def text(self, text: str, kind: str) -> str:
        """A string, in one of the ways to write it."""
        chance, at = self.rng.random(), self.rng.randrange(len(text))
        if chance < 0.4:
            return json.dumps(text)
        if chance < 0.55:
            return f'"{text[:at]}\\u{ord(text[at]):04x}{text[at + 1 :]}"'
        if chance < 0.58:
            return f'"{text[:at]}\\u{{{ord(text[at]):x}}}{text[at + 1 :]}"'
        if chance < 0.7:
            return self.some([f'"""{text}"""', f'"""\n  {text}\n"""', f'"""\r\n{text}\r"""'])
        name = self.some(["u", "v", "login", "a1"]) + str(len(self.declared))
        self.declared[name] = f"{kind}!"
        if self.rng.random() < 0.3:
            self.declared[name] += f"={json.dumps(text)}"
        else:
            self.variables[name] = text
        return f"${name}"

    def directive(self) -> str:
        chance = self.rng.random()
        if chance < 0.8:
            return ""
        if chance < 0.93:
            return f" @{self.gap()}" + self.some(["skip(if:false)", "include(if:true)"])
        if chance < 0.95:
            return " @" + self.some(["skip(if:true)", "include(if:false)"])
        name = f"b{len(self.declared)}"
        self.declared[name] = self.some(["Boolean!", "Boolean!=true"])
        if "=" not in self.declared[name]:
            self.variables[name] = True
        return f"@include(if:${name})"

    # --- what may stand between tokens --------------------------------------------------------------------------------
    def gap(self) -> str:
        if self.rng.random() < 0.75:
            return ""
        return self.some([" ", "\n", "\t", ",", "\r", "\r\n", "\ufeff", "#login(\n", " # é\n", ",,"])

    def blank(self) -> str:
        return self.some([" ", " ", "\n", " #c\n", ",", "\t"])

    def some(self, choices: list):
        return self.rng.choice(choices)
