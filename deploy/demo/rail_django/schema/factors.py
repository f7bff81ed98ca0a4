"""Second factors: setupMfa, verifyMfaSetup, disableMfa."""

import graphene

from rail_django import factors
from users.models import User

SIGN_IN_FIRST = "Authentication required."


def enrolling_user(info, ephemeral_token: str | None) -> User | None:
    """The caller; or, where a login waits for a first factor, the user who is logging in."""
    if info.context.user.is_authenticated:
        return info.context.user
    user = factors.challenged(ephemeral_token) if ephemeral_token else None
    return None if user is None or factors.has_factor(user) else user


class SetupMFAMutation(graphene.Mutation):
    class Arguments:
        method = graphene.String(required=True)
        ephemeral_token = graphene.String()

    ok = graphene.Boolean()
    secret = graphene.String()
    qr_code_url = graphene.String()
    backup_codes = graphene.List(graphene.String)
    errors = graphene.List(graphene.String)

    @staticmethod
    def mutate(_root, info, method, ephemeral_token=None):
        user = enrolling_user(info, ephemeral_token)
        if user is None:
            return SetupMFAMutation(ok=False, errors=[SIGN_IN_FIRST])
        if method != "totp":
            return SetupMFAMutation(ok=False, errors=["Unknown method; use totp."])
        device, codes = factors.enrol(user)
        return SetupMFAMutation(
            ok=True,
            secret=device.secret_key,
            qr_code_url=factors.qr_code(device),
            backup_codes=codes,
            errors=[],
        )


class VerifyMFASetupMutation(graphene.Mutation):
    class Arguments:
        code = graphene.String(required=True)
        secret = graphene.String(required=True)
        ephemeral_token = graphene.String()

    ok = graphene.Boolean()
    errors = graphene.List(graphene.String)

    @staticmethod
    def mutate(_root, info, code, secret, ephemeral_token=None):
        user = enrolling_user(info, ephemeral_token)
        if user is None:
            return VerifyMFASetupMutation(ok=False, errors=[SIGN_IN_FIRST])
        if not factors.confirm(user, secret, code):
            return VerifyMFASetupMutation(ok=False, errors=["Invalid code."])
        return VerifyMFASetupMutation(ok=True, errors=[])


class DisableMFAMutation(graphene.Mutation):
    class Arguments:
        password = graphene.String(required=True)

    ok = graphene.Boolean()
    errors = graphene.List(graphene.String)

    @staticmethod
    def mutate(_root, info, password):
        user = info.context.user
        if not user.is_authenticated:
            return DisableMFAMutation(ok=False, errors=[SIGN_IN_FIRST])
        if not user.check_password(password):
            return DisableMFAMutation(ok=False, errors=["Invalid password."])
        factors.remove_all(user)
        return DisableMFAMutation(ok=True, errors=[])


class FactorMutations:
    setup_mfa = SetupMFAMutation.Field()
    verify_mfa_setup = VerifyMFASetupMutation.Field()
    disable_mfa = DisableMFAMutation.Field()
