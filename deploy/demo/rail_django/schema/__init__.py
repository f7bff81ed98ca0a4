"""The authentication mutations."""

from rail_django.schema.factors import FactorMutations
from rail_django.schema.login import LoginMutations
from rail_django.schema.sessions import SessionMutations


class AuthMutations(LoginMutations, FactorMutations, SessionMutations):
    """All of them, to be mixed into a root type."""
