"""Two servers, because they read a request differently.

`asgi` is uvicorn with httptools, as the demo runs it: it takes chunked bodies, and Django reads the query string as
UTF-8. `wsgi` is Django's own (`runserver`), but with the environment as the standard library makes it: headers that
differ only in `-` and `_` become one, as older servers do, and the charset of `Content-Type` decodes the query string,
too. It knows no chunked bodies: what it takes for the next request, an attacker would have smuggled.
"""

import socket
import threading
from collections.abc import Callable
from wsgiref import simple_server

import uvicorn
from django.core.asgi import get_asgi_application
from django.core.servers import basehttp
from django.core.wsgi import get_wsgi_application

BACKLOG = 64


def asgi(ready: Callable) -> None:
    sockets = [socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) for _ in range(2)]
    config = uvicorn.Config(
        get_asgi_application(),
        http="httptools",
        loop="uvloop",
        lifespan="off",
        proxy_headers=False,
        timeout_keep_alive=75,
        log_level="critical",
        access_log=False,
    )
    ready(*(each.getsockname()[1] for each in sockets))
    uvicorn.Server(config).run(sockets=sockets)


class Handler(basehttp.WSGIRequestHandler):
    # Head and body of an answer are two writes.
    disable_nagle_algorithm = True
    # Not Django's, which drops names with underscores first.
    get_environ = simple_server.WSGIRequestHandler.get_environ

    def log_message(self, *_) -> None:
        """A broken request is not worth a word here."""


class Server(basehttp.ThreadedWSGIServer):
    request_queue_size = BACKLOG

    def handle_error(self, *_) -> None:
        """Nor is a connection that broke off."""


def wsgi(ready: Callable) -> None:
    servers = [Server(("127.0.0.1", 0), Handler) for _ in range(2)]
    for server in servers:
        server.set_app(get_wsgi_application())
    ready(*(server.server_port for server in servers))
    threading.Thread(target=servers[0].serve_forever, daemon=True).start()
    servers[1].serve_forever()
