"""GraphQL over WebSocket, for users only.

The token comes in the payload of `connection_init` or in the Authorization header of the upgrade;
cookies are not looked at, so another site's page can't use a visitor's.
"""

import asyncio
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer

from api.dialects import DIALECTS, Close
from api.execution import SocketContext, results
from api.schema import protected_schema
from rail_django.authentication import bearer, user_of

INIT_TIMEOUT = 10


class GraphQLConsumer(AsyncJsonWebsocketConsumer):
    """One connection: a handshake, then any number of operations side by side."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.context: SocketContext | None = None
        self.initialised = False
        self.init_timer: asyncio.Task | None = None
        self.operations: dict[str, asyncio.Task] = {}

    async def connect(self):
        offered = self.scope["subprotocols"]
        name = next((name for name in offered if name in DIALECTS), None)
        if name is None:
            await self.close()
            return
        self.dialect = DIALECTS[name]
        await self.accept(name)
        self.init_timer = asyncio.create_task(self._expect_init())

    async def disconnect(self, code):
        if self.init_timer:
            self.init_timer.cancel()
        for task in self.operations.values():
            task.cancel()

    @classmethod
    async def decode_json(cls, text_data):
        try:
            return await super().decode_json(text_data)
        except ValueError:
            return None

    async def receive(self, text_data=None, bytes_data=None, **kwargs):
        if text_data is None:
            await self.close(Close.BAD_MESSAGE)
            return
        await super().receive(text_data, **kwargs)

    async def receive_json(self, content: Any, **kwargs):
        match content:
            case {"type": "connection_init"}:
                await self._init(content.get("payload"))
            case {"type": "ping"}:
                await self.send_json({"type": "pong"})
            case {"type": "pong"}:
                pass
            case {"type": "connection_terminate"}:
                await self.close()
            case {
                "type": self.dialect.start,
                "id": str(id),
                "payload": {"query": str()} as payload,
            }:
                await self._start(id, payload)
            case {"type": self.dialect.stop, "id": str(id)}:
                self._stop(id)
            case _:
                await self.close(Close.BAD_MESSAGE)

    async def _expect_init(self):
        await asyncio.sleep(INIT_TIMEOUT)
        await self.close(Close.INIT_TIMEOUT)

    async def _init(self, payload: Any):
        if self.initialised:
            await self.close(Close.TOO_MANY_INITS)
            return
        self.initialised = True
        self.init_timer.cancel()
        token = _token_in(payload) or _token_in(_headers(self.scope))
        user = await database_sync_to_async(user_of)(token or "")
        if not user.is_authenticated:
            await self.send_json({"type": "connection_error", "payload": {"message": "Forbidden"}})
            await self.close(Close.FORBIDDEN)
            return
        self.context = SocketContext(user, META={"REMOTE_ADDR": self.scope["client"][0]})
        await self.send_json({"type": "connection_ack"})

    async def _start(self, id: str, payload: dict[str, Any]):
        if self.context is None:
            await self.close(Close.UNAUTHORIZED)
        elif id in self.operations:
            await self.close(Close.DUPLICATE_ID)
        else:
            self.operations[id] = asyncio.create_task(self._run(id, payload))

    def _stop(self, id: str):
        task = self.operations.pop(id, None)
        if task:
            task.cancel()

    async def _run(self, id: str, payload: dict[str, Any]):
        async for result in results(protected_schema, payload, self.context):
            if result.data is None and result.errors and not any(e.path for e in result.errors):
                errors = [error.formatted for error in result.errors]
                await self.send_json({"id": id, "type": "error", "payload": errors})
                break
            await self.send_json({"id": id, "type": self.dialect.data, "payload": result.formatted})
        else:
            await self.send_json({"id": id, "type": "complete"})
        self.operations.pop(id, None)


class NoConsumer(AsyncWebsocketConsumer):
    """Every other path: refused with 403, where a router without a route would fail with 500."""

    async def connect(self):
        await self.close()


def _token_in(values: Any) -> str | None:
    """The bearer token under `Authorization`, however that is capitalised."""
    if not isinstance(values, dict):
        return None
    for name, value in values.items():
        if name.lower() == "authorization" and isinstance(value, str):
            return bearer(value)
    return None


def _headers(scope: dict[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
