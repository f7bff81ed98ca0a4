"""The ways to send a document to graphene-django, each spelt in some of the ways that its decoders understand."""

import base64
import json
import quopri
from dataclasses import dataclass, field
from random import Random

from documents import Document, decoy, document, harmless
from noise import changed

PATHS = {"plain": "/graphql/", "batch": "/graphql/batch/", "upload": "/graphql/upload/", "loose": "/graphql/loose/",
         "override": "/graphql/override/"}
# What Django may decode a query string with, when `Content-Type` says so.
CHARSETS = ["utf-7", "utf-16", "utf-16-le", "utf-32", "cp037", "utf-8-sig", "unicode_escape", "raw_unicode_escape", "hz"]


@dataclass
class Request:
    """What will be sent, in parts that can be changed one by one."""

    method: str = "POST"
    path: str = PATHS["plain"]
    query: bytes | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes | None = None


def envelope(rng: Random) -> Request:
    """A request that would run an auth operation, most likely; or nearly would."""
    ways = [json_post] * 14 + [get, form, graphql] * 3 + [decoys] * 4 + [json_get, query_beside] * 2
    ways += [multipart, operations, two_documents, batch, recoded, recoded, overridden]
    request = rng.choice(ways)(rng)
    if request.path == PATHS["plain"] and rng.random() < 0.25:
        request.path = rng.choice([PATHS["loose"], PATHS["upload"], PATHS["override"], "/graphql"])
    return request


# --- ways to send it --------------------------------------------------------------------------------------------------
def json_post(rng: Random) -> Request:
    return Request(headers=typed(rng, "application/json"), body=json_text(rng, members(rng, document(rng))))


def json_get(rng: Random) -> Request:
    """The view reads the body of a GET, too."""
    body = json_text(rng, members(rng, document(rng, queries_only=True)))
    return Request("GET", headers=typed(rng, "application/json"), body=body)


def get(rng: Random) -> Request:
    return Request("GET", query=pairs(rng, members(rng, document(rng, queries_only=True))))


def recoded(rng: Random) -> Request:
    """A query string that says what it says only in the charset that `Content-Type` names."""
    method = rng.choice(["GET", "POST"])
    query = pairs(rng, members(rng, document(rng, queries_only=method == "GET")), share=0)
    charset = rng.choice(["utf-7"] * 16 + CHARSETS)
    ways = [f"charset={charset}"] * 10 + [
        f'charset="{charset}"', f"charset=utf-8; charset={charset}", f"charset={charset}; charset=utf-8",
        f"charset*=utf-8''{charset}", f"charset*0={charset[:3]}; charset*1={charset[3:]}",
    ]
    kinds = [("application/json", b"{}"), ("application/graphql", None), ("application/x-www-form-urlencoded", None)]
    kind, body = rng.choice(kinds)
    return Request(method, query=spelt(rng, query, charset), headers=typed(rng, kind, f";{rng.choice(ways)}"), body=body)


def overridden(rng: Random) -> Request:
    """One method by its name, another by a header."""
    request = json_post(rng)
    request.method, request.path = rng.choice(["OPTIONS", "GET", "PUT", "HEAD"]), PATHS["override"]
    name = rng.choice([b"X-HTTP-Method-Override", b"X_HTTP_Method_Override", b"x-http_method-override", b"X.HTTP.Method.Override"])
    request.headers.append((name, b"POST"))
    if rng.random() < 0.5:
        request.query, request.headers, request.body = pairs(rng, members(rng, document(rng))), request.headers[1:], None
    return request


def decoys(rng: Random) -> Request:
    if rng.random() < 0.3:
        return Request("GET", query=pairs(rng, members(rng, decoy(rng, queries_only=True))))
    return Request(headers=typed(rng, "application/json"), body=json_text(rng, members(rng, decoy(rng))))


def graphql(rng: Random) -> Request:
    text = document(rng)
    request = Request(headers=typed(rng, "application/graphql"), body=text.text.encode())
    beside = [(key, value) for key, value in members(rng, text) if key != "query"]
    if beside:
        request.query = pairs(rng, beside)
    return request


def form(rng: Random) -> Request:
    body = pairs(rng, members(rng, document(rng)))
    return Request(headers=typed(rng, "application/x-www-form-urlencoded"), body=body)


def multipart(rng: Random) -> Request:
    return parts(rng, [(key, value) for key, value in members(rng, document(rng))])


def operations(rng: Random) -> Request:
    text = json_text(rng, members(rng, document(rng))).decode()
    request = parts(rng, [("operations", text), ("map", "{}")])
    request.path = PATHS["upload"]
    return request


def query_beside(rng: Random) -> Request:
    """All in the query string, under a body that means nothing."""
    kind, body = rng.choice([("text/plain", b"{}"), ("application/json", b"{}"), ("application/xml", b"<a/>"),
                             ("application/graphql", b" "), ("application/x-www-form-urlencoded", b""), ("", b"")])
    return Request(query=pairs(rng, members(rng, document(rng))), headers=typed(rng, kind), body=body)


def two_documents(rng: Random) -> Request:
    """One in the query string, which counts, and one in the body."""
    both = [members(rng, document(rng)), members(rng, harmless(rng))]
    rng.shuffle(both)
    return Request(query=pairs(rng, both[0]), headers=typed(rng, "application/json"), body=json_text(rng, both[1]))


def batch(rng: Random) -> Request:
    entries = [document(rng), *(rng.choice([document, harmless])(rng) for _ in range(rng.randrange(3)))]
    rng.shuffle(entries)
    body = b"[" + b",".join(json_text(rng, members(rng, entry)) for entry in entries) + b"]"
    return Request(path=PATHS["batch"], headers=typed(rng, "application/json"), body=body)


# --- their spelling ---------------------------------------------------------------------------------------------------
def members(rng: Random, document: Document) -> list[tuple[str, object]]:
    text = document.text
    if rng.random() < 0.15:
        text = changed(rng, text.encode()).decode(errors="ignore")
    found = [("query", text)]
    if document.operation_name:
        found.append(("operationName", document.operation_name))
    elif rng.random() < 0.15:
        found.append(("operationName", rng.choice(["null", "null", "null", "", "Run", " ", "undefined"])))
    if document.variables or rng.random() < 0.2:
        variables = document.variables
        found.append(("variables", json.dumps(variables) if rng.random() < 0.3 else variables))
    if rng.random() < 0.06:
        found.append((rng.choice(["x", "id", "extensions", "querY", "documentId"]), rng.choice(["", "1", "login"])))
    if rng.random() < 0.04:
        # The last one counts.
        found.insert(0, ("query", harmless(rng).text))
    else:
        rng.shuffle(found)
    return found


def typed(rng: Random, kind: str, more: str = "") -> list[tuple[bytes, bytes]]:
    if not kind:
        return []
    if not more:
        more = rng.choice([""] * 25 + ["; charset=utf-8", ";charset=UTF-8"] * 3 + ["; charset=latin-1", "; charset=utf-7", "; x=y"])
    kind = kind.title() if rng.random() < 0.05 else kind
    return [(rng.choice([b"Content-Type", b"content-type", b"CONTENT-TYPE"]), f"{kind}{more}".encode())]


def json_text(rng: Random, members: list[tuple[str, object]]) -> bytes:
    escapes = rng.choice([0, 0, 0, 0.02, 0.3, 1])
    blank = rng.choice(["", "", " ", "\n", "\r\n\t"])

    def text(value: str) -> str:
        plain = json.dumps(value, ensure_ascii=rng.random() < 0.5)
        if not escapes:
            return plain
        return '"' + "".join(escaped(c) if rng.random() < escapes else json.dumps(c)[1:-1] for c in value) + '"'

    def escaped(character: str) -> str:
        digits = "".join(f"\\u{unit:04x}" for unit in memoryview(character.encode("utf-16-le")).cast("H"))
        return digits.replace("\\u", "\\U").upper().replace("\\U", "\\u") if rng.random() < 0.3 else digits

    each = (f"{text(key)}{blank}:{blank}{text(value) if isinstance(value, str) else json.dumps(value)}"
            for key, value in members)
    return (blank + "{" + blank + f"{blank},".join(each) + "}" + blank).encode()


def pairs(rng: Random, members: list[tuple[str, object]], share: float | None = None) -> bytes:
    """As a form; `share` of the characters that could stand for themselves are percent-encoded."""
    share = rng.choice([0, 0, 0.02, 0.3, 1]) if share is None else share

    def coded(value: object) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        return "".join(one(byte) for byte in text.encode())

    def one(byte: int) -> str:
        character = bytes([byte])
        if character == b" ":
            return rng.choice(["+", "%20"])
        must = byte <= 32 or byte >= 127 or character in b"&=+%#;\"<>\\^`"
        digits = f"%{byte:02x}" if rng.random() < 0.5 else f"%{byte:02X}"
        return digits if must or rng.random() < share else chr(byte)

    joined = "&".join(f"{coded(key)}={coded(value)}" for key, value in members)
    return (rng.choice(["", "", "", "&", "a=b&", "a&"]) + joined + rng.choice(["", "", "", "&", "&a"])).encode()


def spelt(rng: Random, query: bytes, charset: str) -> bytes:
    """A query string in another charset."""
    text = query.decode()
    if charset.endswith("unicode_escape"):
        return "".join(f"\\u{ord(c):04x}" if c.isalpha() else c for c in text).encode()
    if charset != "utf-7":
        return text.encode(charset)
    hidden = rng.choice(["%+SDlu", "%+S", "%+aeiou", "%+{}"])
    shifted = ("+" + base64.b64encode(c.encode("utf-16-be")).decode().rstrip("=") + "-" if c in hidden else c for c in text)
    return "".join(shifted).encode()


def parts(rng: Random, fields: list[tuple[str, object]]) -> Request:
    boundary = rng.choice(["x", "----login", "a'b", "--"])
    body = b""
    for name, value in fields:
        text = (value if isinstance(value, str) else json.dumps(value)).encode()
        head = f'Content-Disposition: form-data; name="{name}"'
        coding = rng.choice(["", "", "base64", "BASE64 ", "quoted-printable", "8bit"])
        if coding:
            head += f"\r\nContent-Transfer-Encoding: {coding}"
        if coding.lower().startswith("base64"):
            text = base64.b64encode(text)
        elif coding == "quoted-printable":
            text = quopri.encodestring(text)
        if rng.random() < 0.1:
            head += "\r\nContent-Type: text/plain; charset=utf-7"
        body += f"--{boundary}\r\n{head}\r\n\r\n".encode() + text + b"\r\n"
    kind = f'multipart/form-data; boundary="{boundary}"' if rng.random() < 0.2 else f"multipart/form-data; boundary={boundary}"
    return Request(headers=typed(rng, kind, rng.choice(["", "", "; charset=utf-8", "; charset=utf-16"]) or " "),
                   body=body + f"--{boundary}--\r\n".encode())
