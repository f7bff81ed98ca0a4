"""The ways to send a document to graphene-django."""

from dataclasses import dataclass, field
from random import Random

from documents import decoy, document, harmless
from spelling import CHARSETS, json_text, members, pairs, parts, recode, typed

JSON, GRAPHQL, FORM = "application/json", "application/graphql", "application/x-www-form-urlencoded"
PLAIN, BATCH, UPLOAD = "/graphql/", "/graphql/batch/", "/graphql/upload/"
LOOSE, OVERRIDE = "/graphql/loose/", "/graphql/override/"
OVERRIDES = [b"X-HTTP-Method-Override", b"X_HTTP_Method_Override", b"x-http_method-override", b"X.HTTP.Method.Override"]


@dataclass
class Request:
    """What will be sent, in parts that can be changed one by one."""

    method: str = "POST"
    path: str = PLAIN
    query: bytes | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes | None = None


def envelope(rng: Random) -> Request:
    """A request that would run an auth operation, most likely; or nearly would."""
    ways = [json_post] * 14 + [get, form, graphql] * 3 + [decoys] * 4 + [json_get, query_beside] * 2
    ways += [multipart, operations, two_documents, recoded, recoded, overridden] + [batch] * 3
    request = rng.choice(ways)(rng)
    if request.path == PLAIN and rng.random() < 0.25:
        request.path = rng.choice([LOOSE, UPLOAD, OVERRIDE, "/graphql"])
    return request


def json_post(rng: Random) -> Request:
    return Request(headers=typed(rng, JSON), body=json_text(rng, members(rng, document(rng))))


def json_get(rng: Random) -> Request:
    """The view reads the body of a GET, too."""
    body = json_text(rng, members(rng, document(rng, queries_only=True)))
    return Request("GET", headers=typed(rng, JSON), body=body)


def get(rng: Random) -> Request:
    return Request("GET", query=pairs(rng, members(rng, document(rng, queries_only=True))))


def graphql(rng: Random) -> Request:
    """What is no document stands in the query string."""
    text = document(rng)
    beside = [(key, value) for key, value in members(rng, text) if key != "query"]
    query = pairs(rng, beside) if beside else None
    return Request(query=query, headers=typed(rng, GRAPHQL), body=text.text.encode())


def form(rng: Random) -> Request:
    return Request(headers=typed(rng, FORM), body=pairs(rng, members(rng, document(rng))))


def multipart(rng: Random) -> Request:
    headers, body = parts(rng, members(rng, document(rng)))
    return Request(headers=headers, body=body)


def operations(rng: Random) -> Request:
    text = json_text(rng, members(rng, document(rng))).decode()
    headers, body = parts(rng, [("operations", text), ("map", "{}")])
    return Request(path=UPLOAD, headers=headers, body=body)


def batch(rng: Random) -> Request:
    entries = [document(rng), *(rng.choice([document, harmless, decoy])(rng) for _ in range(rng.randrange(3)))]
    rng.shuffle(entries)
    body = b"[" + b",".join(json_text(rng, members(rng, entry)) for entry in entries) + b"]"
    if rng.random() < 0.1:
        headers, body = parts(rng, [("operations", body.decode()), ("map", "{}")])
        return Request(path=rng.choice([BATCH, UPLOAD]), headers=headers, body=body)
    return Request(path=BATCH, headers=typed(rng, JSON), body=body)


def decoys(rng: Random) -> Request:
    if rng.random() < 0.3:
        return Request("GET", query=pairs(rng, members(rng, decoy(rng, queries_only=True))))
    return Request(headers=typed(rng, JSON), body=json_text(rng, members(rng, decoy(rng))))


def query_beside(rng: Random) -> Request:
    """All in the query string, under a body that means nothing."""
    nothings = [
        (JSON, b"{}"),
        (GRAPHQL, b" "),
        (FORM, b""),
        ("text/plain", b"{}"),
        ("application/xml", b"<a/>"),
        ("", b""),
    ]
    kind, body = rng.choice(nothings)
    return Request(query=pairs(rng, members(rng, document(rng))), headers=typed(rng, kind), body=body)


def two_documents(rng: Random) -> Request:
    """One in the query string, which counts, and one in the body."""
    both = [members(rng, document(rng)), members(rng, harmless(rng))]
    rng.shuffle(both)
    return Request(query=pairs(rng, both[0]), headers=typed(rng, JSON), body=json_text(rng, both[1]))


def recoded(rng: Random) -> Request:
    """A query string that says what it says only in the charset that `Content-Type` names."""
    method = rng.choice(["GET", "POST"])
    query = pairs(rng, members(rng, document(rng, queries_only=method == "GET")), share=0)
    charset = rng.choice(["utf-7"] * 16 + CHARSETS)
    odd = [f'charset="{charset}"', f"charset=utf-8; charset={charset}", f"charset={charset}; charset=utf-8"]
    odd += [f"charset*=utf-8''{charset}", f"charset*0={charset[:3]}; charset*1={charset[3:]}"]
    kind, body = rng.choice([(JSON, b"{}"), (GRAPHQL, None), (FORM, None)])
    parameter = rng.choice([f"charset={charset}"] * 10 + odd)
    return Request(method, query=recode(rng, query, charset), headers=typed(rng, kind, f";{parameter}"), body=body)


def overridden(rng: Random) -> Request:
    """One method by its name, another by a header."""
    override = (rng.choice(OVERRIDES), b"POST")
    request = json_post(rng)
    request.headers.append(override)
    if rng.random() < 0.5:
        request = Request(query=pairs(rng, members(rng, document(rng))), headers=[override])
    request.method, request.path = rng.choice(["OPTIONS", "GET", "PUT", "HEAD"]), OVERRIDE
    return request
