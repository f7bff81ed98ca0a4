"""What the framework generates for the models of second factors, with its names and, as it has them, for every user."""

import graphene
from django.db import models
from graphene.types.generic import GenericScalar
from graphene.utils.str_converters import to_camel_case, to_snake_case
from graphql import GraphQLError

from rail_django.models import MFABackupCode, MFADevice, TrustedDevice

COLUMNS = {
    MFADevice: ("id", "user_id", "device_name", "device_type", "secret_key", "is_active"),
    MFABackupCode: ("id", "device_id", "code", "is_used"),
    TrustedDevice: ("id", "user_id", "device_name", "device_fingerprint", "expires_at", "is_active"),
}


def _for_users(resolve):
    """The resolver, for who is logged in."""

    def checked(_root, info, **arguments):
        if not info.context.user.is_authenticated:
            raise GraphQLError("Authentication required")
        return resolve(**arguments)

    return checked


def _type(model: type[models.Model]) -> type[graphene.ObjectType]:
    fields = {name: graphene.String() for name in COLUMNS[model]}
    return type(f"{model.__name__}Row", (graphene.ObjectType,), fields)


def _row(given: dict) -> dict:
    return {to_snake_case(name): value for name, value in given.items()}


def _create(model):
    return lambda input: model.objects.create(**_row(input))


def _update(model):
    def update(id, input):
        model.objects.filter(pk=id).update(**_row(input))
        return model.objects.get(pk=id)

    return update


def _delete(model):
    def delete(id):
        row = model.objects.get(pk=id)
        row.delete()
        row.pk = id
        return row

    return delete


def _queries(model: type[models.Model], row: type[graphene.ObjectType]) -> dict[str, graphene.Field]:
    name = to_camel_case(to_snake_case(model.__name__))
    one = _for_users(lambda id: model.objects.filter(pk=id).first())
    every = _for_users(lambda: model.objects.all())
    key = {"id": graphene.ID(required=True)}
    return {
        name: graphene.Field(row, args=key, resolver=one),
        f"{name}List": graphene.List(row, resolver=every),
    }


def _mutations(model: type[models.Model], row: type[graphene.ObjectType]) -> dict[str, graphene.Field]:
    key = {"id": graphene.ID(required=True)}
    columns = {"input": GenericScalar(required=True)}
    fields = {"create": (_create, columns), "update": (_update, key | columns), "delete": (_delete, key)}
    return {
        f"{verb}{model.__name__}": graphene.Field(row, args=arguments, resolver=_for_users(resolve(model)))
        for verb, (resolve, arguments) in fields.items()
    }


TYPES = {model: _type(model) for model in COLUMNS}


def _mixin(name: str, fields) -> type:
    every = {key: field for model, row in TYPES.items() for key, field in fields(model, row).items()}
    return type(name, (), every)


GeneratedQuery = _mixin("GeneratedQuery", _queries)
GeneratedMutations = _mixin("GeneratedMutations", _mutations)
