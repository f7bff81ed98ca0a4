"""Auth operations by names that backends of other frameworks give them: `tokenAuth`, `signUp`."""

import graphene

from rail_django.schema.login import Login, Register
from rail_django.schema.types import AuthPayload


class TokenAuth(graphene.Mutation):
    class Arguments:
        username = graphene.String(required=True)
        password = graphene.String(required=True)

    Output = AuthPayload
    mutate = staticmethod(Login.mutate)


class OtherNames:
    token_auth = TokenAuth.Field()
    sign_up = Register.Field()
