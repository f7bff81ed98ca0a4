"""Signing in and out: login, register, refreshToken, verifyMfaLogin, logout."""

import graphene
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import update_last_login
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from rail_django import cookies, factors, sessions, throttle
from rail_django.schema.types import AuthPayload
from users.models import User


def sign_in(info, user: User) -> AuthPayload:
    """Open a session, hand it out in the payload and as cookies."""
    update_last_login(None, user)
    pair = sessions.open_session(user)
    cookies.keep(info.context, pair)
    return AuthPayload.signed_in(pair)


class Login(graphene.Mutation):
    class Arguments:
        username = graphene.String(required=True)
        password = graphene.String(required=True)
        device_id = graphene.String()
        device_name = graphene.String()

    Output = AuthPayload

    @staticmethod
    def mutate(_root, info, username, password, device_id=None, device_name=None):
        if throttle.blocked(info.context):
            return AuthPayload.failed("Too many failed logins. Try again later.")
        user = authenticate(info.context, username=username, password=password)
        if user is None:
            throttle.count_failure(info.context)
            return AuthPayload.failed("Invalid username or password.")
        enrolled = factors.has_factor(user)
        if enrolled and not factors.is_trusted(user, device_id):
            return AuthPayload.factor_due(factors.challenge(user), setup=False)
        if settings.MFA_REQUIRED and not enrolled:
            return AuthPayload.factor_due(factors.challenge(user), setup=True)
        return sign_in(info, user)


class VerifyMfaLogin(graphene.Mutation):
    """The second half of a login. Any number of tries while the ephemeral token lives."""

    class Arguments:
        code = graphene.String(required=True)
        ephemeral_token = graphene.String(required=True)

    Output = AuthPayload

    @staticmethod
    def mutate(_root, info, code, ephemeral_token):
        user = factors.challenged(ephemeral_token)
        if user is None:
            return AuthPayload.failed("This login has expired. Start again.")
        if not factors.accepts(user, code):
            return AuthPayload.failed("Invalid code.")
        return sign_in(info, user)


class Register(graphene.Mutation):
    class Arguments:
        username = graphene.String(required=True)
        email = graphene.String(required=True)
        password = graphene.String(required=True)
        first_name = graphene.String()
        last_name = graphene.String()

    Output = AuthPayload

    @staticmethod
    def mutate(_root, info, username, email, password, first_name="", last_name=""):
        user = User(username=username, email=email, first_name=first_name, last_name=last_name)
        user.set_password(password)
        errors = [*_problems(user.full_clean), *_problems(validate_password, password, user)]
        if User.objects.filter(email__iexact=email).exists():
            errors.append("A user with that email already exists.")
        if errors:
            return AuthPayload.failed(*errors)
        user.save()
        return sign_in(info, user)


def _problems(check, *arguments) -> list[str]:
    """Run one of Django's validators; its complaints, or nothing."""
    try:
        check(*arguments)
    except ValidationError as error:
        return error.messages
    return []


class RefreshToken(graphene.Mutation):
    class Arguments:
        refresh_token = graphene.String()

    Output = AuthPayload

    @staticmethod
    def mutate(_root, info, refresh_token=None):
        token = refresh_token or info.context.COOKIES.get(cookies.REFRESH)
        if not token:
            return AuthPayload.failed("A refresh token is required.")
        pair = sessions.rotate(token)
        if pair is None:
            return AuthPayload.failed("The refresh token is invalid or has expired.")
        cookies.keep(info.context, pair)
        return AuthPayload.signed_in(pair)


class LogoutMutation(graphene.Mutation):
    """Clears the cookies, no more: the tokens stay good until they expire."""

    ok = graphene.Boolean(required=True)
    errors = graphene.List(graphene.String, required=True)

    @staticmethod
    def mutate(_root, info):
        cookies.drop(info.context)
        return LogoutMutation(ok=True, errors=[])


class LoginMutations:
    login = Login.Field()
    register = Register.Field()
    refresh_token = RefreshToken.Field()
    verify_mfa_login = VerifyMfaLogin.Field()
    logout = LogoutMutation.Field()
