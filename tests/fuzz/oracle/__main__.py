"""Settings of the project, its directory of users, and what to serve."""

import json
import logging
import os
import sys
import threading

import django
from django.conf import settings

USER, PASSWORD = "john", "secret123"


def configure(folder: str) -> None:
    settings.configure(
        SECRET_KEY="a key for tests, 32 bytes or more",
        DEBUG=False,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="oracle.views",
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "graphene_django"],
        MIDDLEWARE=["oracle.views.mark", "django.middleware.common.CommonMiddleware"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/db.sqlite3"}},
        LOGGING_CONFIG=None,
    )
    # Every second request is refused, and each refusal would be a line.
    logging.disable()
    django.setup()


def prepare() -> None:
    """One account. Its right password costs the gateway one iteration; a wrong one costs what it always does."""
    from django.contrib.auth.hashers import PBKDF2PasswordHasher
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    User.objects.create(username=USER, password=PBKDF2PasswordHasher().encode(PASSWORD, "salt", 1))


def end_with_the_input() -> None:
    """Whoever started this may be killed; then nothing is left behind."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    kind, folder = sys.argv[1:]
    configure(folder)
    if kind == "prepare":
        return prepare()
    from oracle import servers, views

    def ready(direct: int, behind: int) -> None:
        views.LOGS.open(folder, direct=direct, behind=behind)
        print(json.dumps({"direct": direct, "behind": behind}), flush=True)

    threading.Thread(target=end_with_the_input, daemon=True).start()
    {"asgi": servers.asgi, "wsgi": servers.wsgi}[kind](ready)


main()
