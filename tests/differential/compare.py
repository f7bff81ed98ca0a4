"""What two answers have in common once tokens, dates and wording are taken out; and where they differ."""

import json
from collections.abc import Iterator
from http.cookies import SimpleCookie

from contract.contract import VOLATILE
from transports import Answer

COOKIES = ("jwt", "refresh_token")


def view(answer: Answer) -> dict:
    """The parts of an answer that are compared."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    seen = {
        "status": answer.status,
        "content type": answer.headers.get("Content-Type", "").partition(";")[0],
        "allow": answer.headers.get("Allow"),
        "cookies": cookies(answer),
    }
    if not isinstance(body, dict):
        return {**seen, "body": answer.body.decode(errors="replace")[:500]}
    return {**seen, "has data": "data" in body, "data": normal(body.get("data")), "errors": errors(body.get("errors"))}


def cookies(answer: Answer) -> dict[str, str]:
    """Session cookies by what happens to them."""
    morsels = [morsel for line in answer.headers.get_all("Set-Cookie") or [] for morsel in SimpleCookie(line).values()]
    return {morsel.key: "deleted" if morsel["max-age"] == "0" else "set" for morsel in morsels if morsel.key in COOKIES}


def normal(value: object) -> object:
    """Objects as lists of pairs: the order of their keys is part of the answer."""
    if isinstance(value, dict):
        return [[key, normal(each)] for key, each in value.items()]
    if isinstance(value, list):
        return ["<message>" if is_message(each) else normal(each) for each in value]
    if isinstance(value, str):
        return next((kind for pattern, kind in VOLATILE if pattern.match(value)), value)
    return value


def is_message(value: object) -> bool:
    """In a list, under whatever alias, a sentence for people."""
    return isinstance(value, str) and " " in value and value.endswith(".")


def errors(entries: object) -> list | None:
    """Places and paths. Wording and codes are each side's own, and so is the order of errors and of one's places."""
    if not isinstance(entries, list):
        return entries
    return sorted(([entry.get("path"), places(entry.get("locations"))] for entry in entries), key=json.dumps)


def places(locations: list | None) -> list | None:
    return locations and sorted([place["line"], place["column"]] for place in locations)


def differences(direct: dict, through: dict) -> Iterator[str]:
    for key in {**direct, **through}:
        one, other = (json.dumps(view.get(key), ensure_ascii=False) for view in (direct, through))
        if one != other:
            yield f"{key}: directly {one}, through the gateway {other}"
