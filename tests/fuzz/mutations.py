"""What makes a good request doubtful: changes to its parts, to its bytes, and to how it is framed."""

import gzip
from random import Random

from envelopes import Request
from noise import changed

HEADERS = [
    (b"Content-Type", b"application/json"), (b"Content-Type", b"application/x-www-form-urlencoded"), (b"Content-Type", b"text/plain"),
    (b"Content_Type", b"application/json"), (b"Content-Type", b"application/json;charset=utf-16"), (b"Content-Encoding", b"identity"),
    (b"Content-Encoding", b"gzip"), (b"Connection", b"content-type"), (b"Connection", b"close"), (b"Connection", b"x-a, host"),
    (b"X-HTTP-Method-Override", b"POST"), (b"X-HTTP-Method-Override", b"GET"), (b"X-Method-Override", b"POST"), (b"Host", b"b"),
    (b"Upgrade", b"h2c"), (b"Expect", b"100-continue"), (b"X-Original-URL", b"/graphql/"), (b"X-Rewrite-URL", b"/graphql/"),
    (b"Authorization", b"Bearer x"), (b"Accept", b"text/html"), (b"Transfer_Encoding", b"chunked"), (b"X-Forwarded-Prefix", b"/graphql"),
    (b"Content-Length", b"0"), (b"Content_Length", b"0"), (b"TE", b"trailers"), (b"Cookie", b"jwt=x"), (b"Trailer", b"content-type"),
]
PATHS = [
    "/%67raphql/", "/graphql%2f", "//graphql/", "/graphql//", "/Graphql/", "/graphql/./", "/x/../graphql/", "/graphql;x/",
    "/%2567raphql/", "/graphql%00/", "/graphql/%20", "http://127.0.0.1/graphql/", "/graphql/batch/../", "/graphql\\", "/..;/graphql/",
    "/graphql%2Fbatch/", "/graph%71l/upload/", "/graphql/?", "/x", "/graphq%6c/?a#", "*", "/%ff/../graphql/", "/.//graphql/",
]
METHODS = ["GET", "POST", "OPTIONS", "PUT", "HEAD", "post", "PATCH", "QUERY", "DELETE", "TRACE"]


def mutate(rng: Random, request: Request) -> None:
    """Leaves two in five as they are, or nearly none would still run."""
    for _ in range(rng.choice([0, 0, 0, 1, 1, 1, 2])):
        rng.choice([change_body] * 5 + [change_query] * 3 + [add_header, change_header, change_path, change_method])(rng, request)


def change_body(rng: Random, request: Request) -> None:
    if request.body:
        request.body = changed(rng, request.body)
        if rng.random() < 0.03:
            recode(rng, request)


def change_query(rng: Random, request: Request) -> None:
    if request.query:
        request.query = changed(rng, request.query)
    elif rng.random() < 0.3:
        request.query = rng.choice([b"", b"a=b", b"query=", b"query", b"variables={}", b"operationName=Run", b"id=1", b"raw",
                                    b"query=%7Bme%7Bid%7D%7D", b"query={authSessions{id}}", b"query=%20", b";query=x"])


def recode(rng: Random, request: Request) -> None:
    charset = rng.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "utf-7", "gzip"])
    try:
        request.body = gzip.compress(request.body) if charset == "gzip" else request.body.decode().encode(charset)
    except UnicodeError:
        return
    if rng.random() < 0.5:
        request.headers = [(name, value + b"; charset=" + charset.encode()) for name, value in request.headers]


def add_header(rng: Random, request: Request) -> None:
    request.headers.insert(rng.randint(0, len(request.headers)), rng.choice(HEADERS))


def change_header(rng: Random, request: Request) -> None:
    if not request.headers:
        return add_header(rng, request)
    at = rng.randrange(len(request.headers))
    name, value = request.headers[at]
    more = [b" ", b";", b"; charset=utf-7", b"; charset*=utf-8''utf-7", b";charset=utf-8;charset=utf-16", b",application/json", b"x", b"\t",
            b"; boundary=y", b'; charset="utf-8"', b" ;charset=utf-8", b"\r\n folded", b"; CHARSET=cp037", b"\xa0"]
    changed = [(name, value + rng.choice(more)), (name, rng.choice(more) + value), (name.replace(b"-", b"_"), value),
               (name, changed_header(rng, value)), (b"X-" + name, value)]
    chance = rng.random()
    if chance < 0.1:
        del request.headers[at]
    elif chance < 0.2:
        request.headers.insert(at, (name, rng.choice(HEADERS)[1]))
    else:
        request.headers[at] = rng.choice(changed)


def changed_header(rng: Random, value: bytes) -> bytes:
    return changed(rng, value).replace(b"\r", b"").replace(b"\n", b"")


def change_path(rng: Random, request: Request) -> None:
    if rng.random() < 0.6:
        request.path = rng.choice(PATHS)
    else:
        request.path = changed_header(rng, request.path.encode()).replace(b" ", b"").decode("latin-1")


def change_method(rng: Random, request: Request) -> None:
    request.method = rng.choice(METHODS)
