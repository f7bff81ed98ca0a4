"""Changes to text that know nothing of what it says, but the words and marks that matter to its readers."""

from random import Random

from documents import OWNED

NAMES = [name.encode() for names in OWNED.values() for name in names]
TOKENS = [
    *NAMES, b"__schema{types{name}}", b"__type", b"login", b"\\u006cogin", b"log\\u0069n", b"\\/", b"\\\\", b'\\"', b"\\n", b"\\x6c",
    b"%6cogin", b"%256c", b"%", b"%00", b"+", b";", b"&", b"=", b"&query=", b"&query={authSessions{id}}", b"?", b"#", b"\x00",
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xc0\xae", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"{", b"}", b"[", b"]", b"(", b")", b":", b"...",
    b"...on Mutation{", b"@skip(if:true)", b"@include(if:false)", b"mutation", b"query", b"subscription", b"fragment F on Query{",
    b'"""', b'"', b"#", b"\n", b"\r", b",", b"$", b"!", b'"query":"{me{id}}",', b'"id":"1",', b"null", b"NaN", b"1e999", b"_", b"x",
    b"L", b"persistedQuery", b'"extensions":{"persistedQuery":{"version":1}},', b"+AGwAbwBnAGkAbg-", b"\\u{6c}",
]


def changed(rng: Random, text: bytes) -> bytes:
    at = rng.randrange(len(text) + 1)
    to = min(len(text), at + rng.choice([0, 1, 1, 2, 5, 20]))
    chance = rng.random()
    if chance < 0.35:
        return text[:at] + rng.choice(TOKENS) + text[at:]
    if chance < 0.5:
        return text[:at] + rng.choice(TOKENS) + text[to:]
    if chance < 0.6:
        return text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :]
    if chance < 0.7:
        return text[:at] + text[to:]
    if chance < 0.8:
        return text[:to] + text[at:to] + text[to:]
    if chance < 0.87:
        # A letter by its escape, wherever that may be understood.
        form = rng.choice(["\\u{:04x}", "%{:02x}", "%25{:02x}", "&#{};", "\\x{:02x}", "\\{:03o}"])
        return text[:at] + b"".join(form.format(byte).encode() for byte in text[at : at + 1]) + text[at + 1 :]
    if chance < 0.94:
        name = rng.choice(NAMES)
        return text.replace(name, rng.choice([name.upper(), b"x" + name, name + b"_", name[:-1], name + b"\x00", b"login", name + name]))
    return text[:at].strip() + rng.choice([b" ", b"\n", b",", b"\xc2\xa0", b"\x0b", b"\x0c", b"\x1f"]) + text[at:]
