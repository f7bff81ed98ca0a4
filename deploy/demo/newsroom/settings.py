"""Settings of the demo backend; README.md describes the environment variables."""

import os
from pathlib import Path

from newsroom import database, environment

STATE_DIR = Path(os.environ["STATE_DIR"])
SECRET_KEY = os.environ["SECRET_KEY"]
DEBUG = False
# The server listens on loopback only, so any name that leads here is a local one.
ALLOWED_HOSTS = environment.items("ALLOWED_HOSTS", "*")
CSRF_TRUSTED_ORIGINS = environment.items("CSRF_TRUSTED_ORIGINS")
# For the same reason whoever says "this came by HTTPS" is a local proxy that ended the TLS.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "graphene_django",
    "users",
    "rail_django",
    "articles",
    "newsroom",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "newsroom.middleware.one_thread",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

ROOT_URLCONF = "newsroom.urls"
ASGI_APPLICATION = "newsroom.asgi.application"
DATABASES = {"default": database.from_url(os.environ["DATABASE_URL"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# One process's memory, as Django has it by default; only the room is larger, so that a busy demo
# does not push out the refresh families kept here.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

AUTH_USER_MODEL = "users.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

JWT_SECRET_KEY = os.environ.get("JWT_SECRET_KEY") or SECRET_KEY
JWT_ACCESS_TOKEN_LIFETIME = environment.seconds("JWT_ACCESS_TOKEN_LIFETIME", 3600)
JWT_REFRESH_TOKEN_LIFETIME = environment.seconds("JWT_REFRESH_TOKEN_LIFETIME", 7 * 86400)
MFA_REQUIRED = environment.flag("MFA_REQUIRED")
LOGIN_RATE_LIMIT = environment.flag("LOGIN_RATE_LIMIT")
GENERATED_FIELDS = environment.flag("GENERATED_FIELDS")
OTHER_NAMES = environment.flag("OTHER_NAMES")

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
MEDIA_ROOT = STATE_DIR / "media"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
