"""Text that is no document (§2)."""

from random import Random

from graphql.language import Token

from layout import tokens

ODD = ["?", "%", "'", "\\", "~", "é", "..", "0x1", "01", "1.", "1e", "-", "\x00", "\x07"]
ODD += ['"', '"a\nb"', '"\\x"', '"\\ud800"', '"""']
MARKS = ["{", "}", "(", ")", "[", "]", ":", "...", "!", "$", "@", "|", "=", "&", "on", "login", '"x"', "1"]


def chosen(rng: Random, text: str) -> Token:
    return rng.choice(tokens(text))


def on_token_left_out(rng: Random, text: str) -> str:
    token = chosen(rng, text)
    return text[: token.start] + " " + text[token.end :]


def on_token_added(rng: Random, text: str) -> str:
    token = chosen(rng, text)
    return f"{text[: token.start]} {rng.choice(MARKS)} {text[token.start :]}"


def on_odd_characters(rng: Random, text: str) -> str:
    token = chosen(rng, text)
    return f"{text[: token.start]} {rng.choice(ODD)} {text[token.start :]}"


def on_end_too_early(rng: Random, text: str) -> str:
    return text[: chosen(rng, text).start]


def on_nothing(rng: Random, _text: str) -> str:
    return rng.choice(["", " ", "#login\n", ",", "{}", "mutation", "mutation {}", "query login", "{ login { } }"])
