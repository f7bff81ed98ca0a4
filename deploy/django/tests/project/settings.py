"""A project that has users, and the middleware. RAILGATE and the database come from the environment."""

import json
import os

SECRET_KEY = "a key for tests"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tests.project.views.keep_assertion",
    "railgate_django.AssertionMiddleware",
]
RAILGATE = json.loads(os.environ.get("RAILGATE", '{"JWKS_URL": "http://127.0.0.1:1/", "AUDIENCE": "api"}'))
ROOT_URLCONF = "tests.project.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DATABASE", ":memory:")}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True
