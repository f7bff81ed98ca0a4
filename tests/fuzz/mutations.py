"""What makes a good request doubtful: changes to its parts. `noise` changes text, and `framing` bytes."""

import gzip
from random import Random

from envelopes import Request
from noise import changed

HEADERS = [
    tuple(part.encode() for part in line.strip().split(": "))
    for line in """
        Content-Type: application/json
        Content-Type: application/x-www-form-urlencoded
        Content-Type: text/plain
        Content-Type: application/json;charset=utf-16
        Content_Type: application/json
        Content-Encoding: identity
        Content-Encoding: gzip
        Content-Length: 0
        Content_Length: 0
        Transfer_Encoding: chunked
        Connection: content-type
        Connection: close
        Connection: x-a, host
        Host: b
        Upgrade: h2c
        Expect: 100-continue
        TE: trailers
        Trailer: content-type
        X-HTTP-Method-Override: POST
        X-HTTP-Method-Override: GET
        X_Method_Override: POST
        X-Original-URL: /graphql/
        X-Rewrite-URL: /graphql/
        X-Forwarded-Prefix: /graphql
        Authorization: Bearer x
        Accept: text/html
        Cookie: jwt=x
    """.strip().splitlines()
]
# What may stand at the end of a header's value, or at its beginning.
AFFIXES = [
    affix.encode("latin-1")
    for affix in (
        " |;|\t|x|\xa0|\r\n folded|,application/json|; charset=utf-7|; charset*=utf-8''utf-7| ;charset=utf-8|"
        ';charset=utf-8;charset=utf-16|; CHARSET=cp037|; charset="utf-8"|; boundary=y'
    ).split("|")
]
PATHS = r"""
    /%67raphql/ /graphql%2f //graphql/ /graphql// /Graphql/ /GRAPHQL/ /graphql/./ /x/../graphql/ /graphql;x/ /x *
    /%2567raphql/ /graphql%00/ /graphql/%20 /graphql%0a /graphql/%0A http://127.0.0.1/graphql/ /graphql/batch/../
    /graphql\ /..;/graphql/ /graphql%2Fbatch/ /graph%71l/upload/ /graphql/? /graphql/?/ /graphq%6c/?a# /%ff/../graphql/
    /.//graphql/ /graphql/b%61tch/ /%67raphql/loose/ /graphql//batch/ /graphql/batch /graphql/?query={authSessions{id}}#
""".split()
METHODS = ["GET", "POST", "OPTIONS", "PUT", "HEAD", "post", "PATCH", "QUERY", "DELETE", "TRACE"]
QUERIES = b""" a=b query= query variables={} operationName=Run id=1 raw query=%7Bme%7Bid%7D%7D query={authSessions{id}}
    query=%20 ;query=x &""".split()


def mutate(rng: Random, request: Request) -> None:
    """Leaves some as they are, or nearly none would still run."""
    parts = [change_body] * 5 + [change_query] * 3 + [add_header, change_header, change_path, change_method]
    for _ in range(rng.choice([0, 0, 0, 1, 1, 1, 2])):
        rng.choice(parts)(rng, request)


def change_body(rng: Random, request: Request) -> None:
    if request.body:
        request.body = changed(rng, request.body)
        if rng.random() < 0.03:
            recode(rng, request)


def recode(rng: Random, request: Request) -> None:
    charset = rng.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "utf-7", "gzip"])
    try:
        is_gzip = charset == "gzip"
        request.body = gzip.compress(request.body) if is_gzip else request.body.decode().encode(charset)
    except UnicodeError:
        return
    if rng.random() < 0.5:
        named = b"; charset=" + charset.encode()
        request.headers = [(name, value + named) for name, value in request.headers]


def change_query(rng: Random, request: Request) -> None:
    if request.query:
        request.query = changed(rng, request.query)
    elif rng.random() < 0.3:
        request.query = rng.choice(QUERIES)


def add_header(rng: Random, request: Request) -> None:
    request.headers.insert(rng.randint(0, len(request.headers)), rng.choice(HEADERS))


def change_header(rng: Random, request: Request) -> None:
    if not request.headers:
        return
    at = rng.randrange(len(request.headers))
    name, value = request.headers[at]
    others = [
        [],
        [(name, rng.choice(HEADERS)[1]), (name, value)],
        [(name, value + rng.choice(AFFIXES))],
        [(name, value + rng.choice(AFFIXES))],
        [(name, rng.choice(AFFIXES) + value)],
        [(name.replace(b"-", b"_"), value)],
        [(b"X-" + name, value)],
        [(name, one_line(changed(rng, value)))],
    ]
    request.headers[at : at + 1] = rng.choice(others)


def change_path(rng: Random, request: Request) -> None:
    if rng.random() < 0.6:
        request.path = rng.choice(PATHS)
    else:
        request.path = one_line(changed(rng, request.path.encode())).replace(b" ", b"").decode("latin-1")


def one_line(text: bytes) -> bytes:
    return text.replace(b"\r", b"").replace(b"\n", b"")


def change_method(rng: Random, request: Request) -> None:
    request.method = rng.choice(METHODS)
