"""Changes to text that know nothing of what it says, only the words and marks that matter to its readers."""

from random import Random

from documents import OWNED

NAMES = [name.encode() for names in OWNED.values() for name in names]
GRAPHQL = b"""{ } [ ] ( ) : ... ! $ @ | = & , _ x L # \" \"\"\" __schema{types{name}} __type mutation query subscription
    null ..._on_Mutation{ @skip(if:true) @include(if:false) fragment_F_on_Query{""".split()
JSON = rb"""\\ \/ \" \n \x6c \u0069 \u006cogin \u{6c} NaN 1e999 persistedQuery "query":"{me{id}}", "id":"1",
    "extensions":{"persistedQuery":{"version":1}},""".split()
FORM = b"% %00 %6cogin %256c %u006c + ; & = ? &query= &query={authSessions{id}} +AGwAbwBnAGkAbg-".split()
# What is no text, or text that few expect: NUL, byte order marks, overlong forms, surrogates, separators.
BYTES = [
    b"\x00",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xc0\xae",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",
    b"\n",
    b"\r",
    b" ",
]
TOKENS = [*NAMES, *(token.replace(b"_on_", b" on ") for token in GRAPHQL), *JSON, *FORM, *BYTES]
BLANKS = [b" ", b"\n", b",", b"\xc2\xa0", b"\x0b", b"\x0c", b"\x1f"]
ESCAPES = ["\\u{:04x}", "%{:02x}", "%25{:02x}", "&#{};", "\\x{:02x}", "\\{:03o}"]


def changed(rng: Random, text: bytes) -> bytes:
    """The text with one change somewhere."""
    at = rng.randrange(len(text) + 1)
    before, rest = text[:at], text[at:]
    size = rng.choice([0, 1, 1, 2, 5, 20])
    return rng.choices(
        [
            lambda: before + rng.choice(TOKENS) + rest,
            lambda: before + rng.choice(TOKENS) + rest[size:],
            lambda: before + bytes([rng.randrange(256)]) + rest[1:],
            lambda: before + rest[size:],
            lambda: before + rest[:size] + rest,
            lambda: before + escaped(rng, rest[:1]) + rest[1:],
            lambda: renamed(rng, text),
            lambda: before + rng.choice(BLANKS) + rest,
        ],
        weights=[35, 15, 10, 10, 10, 7, 7, 6],
    )[0]()


def escaped(rng: Random, byte: bytes) -> bytes:
    """A letter by its escape, wherever that may be understood."""
    return b"".join(rng.choice(ESCAPES).format(each).encode() for each in byte)


def renamed(rng: Random, text: bytes) -> bytes:
    name = rng.choice(NAMES)
    others = [name.upper(), b"x" + name, name + b"_", name[:-1], name + b"\x00", b"login", name * 2]
    return text.replace(name, rng.choice(others))
