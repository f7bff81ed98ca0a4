"""A WebSocket client that speaks ASGI to the application, without a server between them."""

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator

from api.dialects import Dialect
from newsroom.asgi import application
from tests.support import PROTECTED


class Socket(ApplicationCommunicator):
    """One connection, to the protected endpoint unless another path is given."""

    def __init__(self, subprotocol: str, headers=(), path=PROTECTED):
        scope = {
            "type": "websocket",
            "path": path,
            "headers": list(headers),
            "subprotocols": [subprotocol],
            "client": ("127.0.0.1", 50_000),
        }
        super().__init__(application, scope)

    async def connect(self) -> str | None:
        """The subprotocol agreed on, or None when the connection was refused."""
        await self.send_input({"type": "websocket.connect"})
        return (await self.receive_output()).get("subprotocol")

    async def say(self, message: Any) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        await self.send_input({"type": "websocket.receive", "text": text})

    async def hear(self) -> dict:
        return json.loads((await self.receive_output())["text"])

    async def close_code(self) -> int:
        """What the server closes with, whatever it says before."""
        while (event := await self.receive_output())["type"] != "websocket.close":
            pass
        return event["code"]

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait()


async def signed_in(dialect: Dialect, token: str) -> Socket:
    """A socket past its handshake."""
    socket = Socket(dialect.subprotocol)
    await socket.connect()
    payload = {"Authorization": f"Bearer {token}"}
    await socket.say({"type": "connection_init", "payload": payload})
    assert await socket.hear() == {"type": "connection_ack"}
    return socket
