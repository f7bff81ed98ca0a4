"""Running an operation that came over a socket."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from channels.db import database_sync_to_async
from graphene import Schema
from graphql import (
    ExecutionResult,
    GraphQLError,
    OperationType,
    execute,
    get_operation_ast,
    parse,
    subscribe,
    validate,
)

from users.models import User


@dataclass
class SocketContext:
    """What resolvers read of a request. There is no response, so cookies set here go nowhere."""

    user: User
    META: dict[str, Any]
    COOKIES: dict[str, str] = field(default_factory=dict)


async def results(
    schema: Schema, payload: dict[str, Any], context: SocketContext
) -> AsyncIterator[ExecutionResult]:
    """The results of the operation: one, or for a subscription one an event.

    A result without data, only with errors, says that nothing was executed.
    """
    try:
        document = parse(payload["query"])
    except GraphQLError as error:
        yield ExecutionResult(errors=[error])
        return
    invalid = validate(schema.graphql_schema, document)
    if invalid:
        yield ExecutionResult(errors=invalid)
        return
    arguments = {
        "context_value": context,
        "variable_values": payload.get("variables"),
        "operation_name": payload.get("operationName"),
    }
    operation = get_operation_ast(document, payload.get("operationName"))
    if operation is None or operation.operation is not OperationType.SUBSCRIPTION:
        yield await database_sync_to_async(execute)(schema.graphql_schema, document, **arguments)
        return
    stream = await subscribe(schema.graphql_schema, document, **arguments)
    if isinstance(stream, ExecutionResult):
        yield stream
        return
    async for result in stream:
        yield result
