"""The ways to send a document, and what comes back."""

import json
from dataclasses import dataclass, field
from email.message import Message
from random import Random
from urllib.parse import quote, urlencode

JSON, GRAPHQL, FORM = "application/json", "application/graphql", "application/x-www-form-urlencoded"
WAYS = ("json", "get", "graphql", "form")


@dataclass
class Request:
    """A document and all that goes with it, however it is sent."""

    text: str
    variables: dict = field(default_factory=dict)
    operation_name: str | None = None
    # The kind of a further operation, which does not run.
    beside: str | None = None


@dataclass
class Sent:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None


@dataclass
class Answer:
    status: int
    headers: Message
    body: bytes


def way(rng: Random, request: Request, is_query: bool) -> str:
    """One that can carry it. A mutation goes by GET now and then, to be refused."""
    ways = ["json"] * 12 + ["form"] * 2 + ["get"] * (4 if is_query else 1)
    # What isn't the document would stand in the query string, where the gateway takes nothing beside a body.
    if not request.variables and request.operation_name is None:
        ways += ["graphql"] * 2
    return rng.choice(ways)


def encode(way: str, path: str, request: Request) -> Sent:
    members = {"query": request.text}
    if request.variables:
        members["variables"] = request.variables
    if request.operation_name is not None:
        members["operationName"] = request.operation_name
    if way == "json":
        return Sent("POST", path, {"Content-Type": JSON}, json.dumps(members).encode())
    if way == "graphql":
        return Sent("POST", path, {"Content-Type": GRAPHQL}, request.text.encode())
    pairs = {key: value if isinstance(value, str) else json.dumps(value) for key, value in members.items()}
    if way == "form":
        return Sent("POST", path, {"Content-Type": FORM}, urlencode(pairs).encode())
    return Sent("GET", f"{path}?{urlencode(pairs, quote_via=quote)}", {}, None)
