"""The two WebSocket protocols for GraphQL: the same conversation in different words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """What one protocol calls its messages, where the two differ."""

    subprotocol: str
    start: str
    stop: str
    data: str


DIALECTS = {
    dialect.subprotocol: dialect
    for dialect in (
        Dialect("graphql-transport-ws", start="subscribe", stop="complete", data="next"),
        Dialect("graphql-ws", start="start", stop="stop", data="data"),  # the older one
    )
}


class Close:
    """Close codes of graphql-transport-ws; the older protocol defines none."""

    BAD_MESSAGE = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    INIT_TIMEOUT = 4408
    DUPLICATE_ID = 4409
    TOO_MANY_INITS = 4429
