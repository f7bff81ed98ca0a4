"""The ASGI application: Django for HTTP, the GraphQL consumer for WebSocket."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()  # loads the apps, which the imports below need

from channels.routing import ProtocolTypeRouter, URLRouter
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.urls import path, re_path

from api.consumer import GraphQLConsumer, NoConsumer

application = ProtocolTypeRouter(
    {
        # The handler serves the admin site's files with DEBUG off, too, and leaves every
        # other path alone.
        "http": ASGIStaticFilesHandler(django_application),
        "websocket": URLRouter(
            [
                path("graphql/gql/", GraphQLConsumer.as_asgi()),
                re_path("", NoConsumer.as_asgi()),
            ]
        ),
    }
)
