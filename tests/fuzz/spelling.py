"""A request's members as JSON, as a form and in parts, each spelt in some of the ways that decoders understand."""

import base64
import json
import quopri
from random import Random

from documents import Document, harmless
from noise import changed

# What Django may decode a query string with, when `Content-Type` says so.
CHARSETS = "utf-7 utf-16 utf-16-le utf-32 utf-8-sig cp037 hz unicode_escape raw_unicode_escape".split()
Members = list[tuple[str, object]]


def members(rng: Random, document: Document) -> Members:
    text = document.text
    if rng.random() < 0.15:
        text = changed(rng, text.encode()).decode(errors="ignore")
    found: Members = [("query", text)]
    if document.operation_name:
        found.append(("operationName", document.operation_name))
    elif rng.random() < 0.15:
        found.append(("operationName", rng.choice(["null", "null", "null", "", "Run", " ", "undefined"])))
    if document.variables or rng.random() < 0.2:
        variables = document.variables
        found.append(("variables", json.dumps(variables) if rng.random() < 0.3 else variables))
    if rng.random() < 0.06:
        key = rng.choice(["x", "id", "extensions", "querY", "documentId"])
        found.append((key, rng.choice(["", "1", "login"])))
    if rng.random() < 0.04:
        # The last one counts.
        return [("query", harmless(rng).text), *found]
    rng.shuffle(found)
    return found


def typed(rng: Random, kind: str, parameter: str | None = None) -> list[tuple[bytes, bytes]]:
    """The header `Content-Type`; with a parameter of its own unless there is one."""
    if not kind:
        return []
    if parameter is None:
        good, bad = ["; charset=utf-8", ";charset=UTF-8"], ["; charset=latin-1", "; charset=utf-7", "; x=y"]
        parameter = rng.choice([""] * 25 + good * 3 + bad)
    kind = kind.title() if rng.random() < 0.05 else kind
    return [(rng.choice([b"Content-Type", b"content-type", b"CONTENT-TYPE"]), f"{kind}{parameter}".encode())]


def json_text(rng: Random, members: Members) -> bytes:
    """An object; a share of its characters as escapes."""
    share = rng.choice([0, 0, 0, 0.02, 0.3, 1])
    blank = rng.choice(["", "", " ", "\n", "\r\n\t"])
    ascii_only = rng.random() < 0.5

    def one(character: str) -> str:
        if rng.random() >= share:
            return json.dumps(character, ensure_ascii=ascii_only)[1:-1]
        units = memoryview(character.encode("utf-16-le")).cast("H")
        return "".join(rng.choice(["\\u{:04x}", "\\u{:04X}"]).format(unit) for unit in units)

    def text(value: object) -> str:
        return '"' + "".join(map(one, value)) + '"' if isinstance(value, str) else json.dumps(value)

    each = (f"{text(key)}{blank}:{blank}{text(value)}" for key, value in members)
    return (blank + "{" + blank + f"{blank},".join(each) + "}" + blank).encode()


def pairs(rng: Random, members: Members, share: float | None = None) -> bytes:
    """As a form; `share` of the characters that could stand for themselves are percent-encoded."""
    share = rng.choice([0, 0, 0.02, 0.3, 1]) if share is None else share

    def one(byte: int) -> str:
        if byte == 0x20:
            return rng.choice(["+", "%20"])
        must = byte < 0x20 or byte >= 0x7F or byte in b'&=+%#;"<>\\^`'
        return rng.choice(["%{:02x}", "%{:02X}"]).format(byte) if must or rng.random() < share else chr(byte)

    def coded(value: object) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        return "".join(map(one, text.encode()))

    joined = "&".join(f"{coded(key)}={coded(value)}" for key, value in members)
    return f"{rng.choice(['', '', '', '&', 'a=b&', 'a&'])}{joined}{rng.choice(['', '', '&', '&a'])}".encode()


def recode(rng: Random, query: bytes, charset: str) -> bytes:
    """A query string in another charset. In UTF-7 it still looks like one, with nothing in it to decode."""
    text = query.decode()
    if charset.endswith("unicode_escape"):
        return "".join(f"\\u{ord(c):04x}" if c.isalpha() else c for c in text).encode()
    if charset != "utf-7":
        return text.encode(charset)
    hidden = rng.choice(["%+SDlu", "%+S", "%+aeiou", "%+{}"])
    return b"".join(shifted(c) if c in hidden else c.encode() for c in text)


def shifted(character: str) -> bytes:
    """In UTF-7's base64, which its codec uses for no letter."""
    return b"+" + base64.b64encode(character.encode("utf-16-be")).rstrip(b"=") + b"-"


def parts(rng: Random, members: Members) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """As multipart: headers and body."""
    boundary = rng.choice(["x", "----login", "a'b", "--"])
    body = "".join(f"--{boundary}\r\n{part(rng, *member)}\r\n" for member in members) + f"--{boundary}--\r\n"
    named = rng.choice([boundary, boundary, f'"{boundary}"'])
    parameter = rng.choice(["", "", "", "; charset=utf-8", "; charset=utf-16"])
    return typed(rng, f"multipart/form-data; boundary={named}", parameter), body.encode()


def part(rng: Random, name: str, value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    head = f'Content-Disposition: form-data; name="{name}"'
    coding = rng.choice(["", "", "base64", "BASE64 ", "quoted-printable", "8bit"])
    if coding:
        head += f"\r\nContent-Transfer-Encoding: {coding}"
    if coding.lower().startswith("base64"):
        text = base64.b64encode(text.encode()).decode()
    elif coding == "quoted-printable":
        text = quopri.encodestring(text.encode()).decode()
    if rng.random() < 0.1:
        head += "\r\nContent-Type: text/plain; charset=utf-7"
    return f"{head}\r\n\r\n{text}"
