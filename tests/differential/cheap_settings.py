"""The demo's settings with password hashes that cost nothing, so that a test can log in thousands of times."""

from newsroom.settings import *

PASSWORD_HASHERS = ["cheap_hasher.Cheap"]
