"""A hasher of its own file, because importing Django's needs settings that are complete."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class Cheap(PBKDF2PasswordHasher):
    """`pbkdf2_sha256` with one iteration. The gateway reads it like any other; a wrong password costs it the usual."""

    iterations = 1
