"""The same tokens with other things between them, and strings spelt in other ways: the document means the same."""

import json
from random import Random

from graphql import Lexer, Source, Token, TokenKind

GAPS = [" ", "\n", "\t", ",", "\r", "\r\n", "\ufeff", "  ", ",,", " , ", "\n\n", "# login(\n", "#\r\n", "# é 長 🚆\r"]
# What needs no mark between it and its neighbour.
WORDS = (TokenKind.NAME, TokenKind.INT, TokenKind.FLOAT)


def tokens(text: str) -> list[Token]:
    lexer, found = Lexer(Source(text)), []
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        if token.kind is not TokenKind.COMMENT:
            found.append(token)
    return found


def laid_out(rng: Random, text: str) -> str:
    """`text` must consist of good tokens."""
    share = rng.choice([0, 0, 0.03, 0.2, 0.6])
    is_dense = rng.random() < 0.3
    parts, before = [gap(rng, share)], None
    for token in tokens(text):
        is_apart = before in WORDS and (token.kind in WORDS or token.kind is TokenKind.SPREAD)
        blank = gap(rng, share) or (" " if is_apart or before and not is_dense else "")
        parts += [blank if before else "", spelt(rng, token, share)]
        before = token.kind
    return "".join(parts) + gap(rng, share)


def gap(rng: Random, share: float) -> str:
    return "".join(rng.choice(GAPS) for _ in range(rng.choice([1, 1, 2]))) if rng.random() < share else ""


def spelt(rng: Random, token: Token, share: float) -> str:
    if token.kind not in (TokenKind.STRING, TokenKind.BLOCK_STRING):
        return token.value if token.value is not None else token.kind.value
    value = token.value
    if '"""' not in value and "\\" not in value and value.strip() == value and value and rng.random() < 0.2:
        return block(rng, value)
    return '"' + "".join(character(rng, each, share) for each in value) + '"'


def block(rng: Random, value: str) -> str:
    lines = value.split("\n")
    if len(lines) > 1 or value.endswith('"') or value.startswith(" "):
        return json.dumps(value, ensure_ascii=False)
    return rng.choice(
        [f'"""{value}"""', f'"""\n    {value}\n  """', f'"""\r\n{value}\r"""', f'"""\n\n\t{value}\n\n"""']
    )


def character(rng: Random, each: str, share: float) -> str:
    if rng.random() >= share:
        return json.dumps(each, ensure_ascii=False)[1:-1]
    code = ord(each)
    if code > 0xFFFF:
        return f"\\u{{{code:x}}}"
    return rng.choice(["\\u{:04x}", "\\u{:04X}", "\\u{{{:x}}}", "\\u{{00{:X}}}"]).format(code)
