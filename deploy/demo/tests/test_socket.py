"""GraphQL over WebSocket, in both protocols."""

from asgiref.sync import sync_to_async

from api.dialects import DIALECTS, Close
from tests.sockets import Socket, signed_in
from tests.support import DemoTestCase
from tests.test_articles import CREATE

SUBSCRIBE = "subscription { articleCreated { title attachments { name } author { username } } }"
CURRENT = "graphql-transport-ws"


class Subscriptions(DemoTestCase):
    async def test_events_come_until_the_client_has_enough(self):
        token = (await sync_to_async(self.log_in)())["token"]
        for dialect in DIALECTS.values():
            with self.subTest(dialect.subprotocol):
                socket = await signed_in(dialect, token)
                start = {"type": dialect.start, "id": "1", "payload": {"query": SUBSCRIBE}}
                await socket.say(start)
                self.assertTrue(await socket.receive_nothing())
                await sync_to_async(self.post)(CREATE, token=token)
                event = await socket.hear()
                self.assertEqual((event["id"], event["type"]), ("1", dialect.data))
                self.assertEqual(event["payload"]["data"]["articleCreated"]["title"], "Tides")
                await socket.say({"type": dialect.stop, "id": "1"})
                self.assertTrue(await socket.receive_nothing())
                await sync_to_async(self.post)(CREATE, token=token)
                self.assertTrue(await socket.receive_nothing())
                await socket.leave()

    async def test_token_in_the_upgrade(self):
        token = (await sync_to_async(self.log_in)())["token"]
        socket = Socket(CURRENT, [(b"authorization", f"Bearer {token}".encode())])
        self.assertEqual(await socket.connect(), CURRENT)
        await socket.say({"type": "connection_init"})
        self.assertEqual(await socket.hear(), {"type": "connection_ack"})
        await socket.leave()

    async def test_queries_and_invalid_documents(self):
        token = (await sync_to_async(self.log_in)())["token"]
        socket = await signed_in(DIALECTS[CURRENT], token)
        await socket.say({"type": "subscribe", "id": "q", "payload": {"query": "{ me { id } }"}})
        self.assertEqual((await socket.hear())["payload"], {"data": {"me": {"id": "1"}}})
        self.assertEqual(await socket.hear(), {"id": "q", "type": "complete"})
        await socket.say({"type": "subscribe", "id": "q", "payload": {"query": "{ nope }"}})
        self.assertEqual((await socket.hear())["type"], "error")
        await socket.leave()


class Refusals(DemoTestCase):
    async def close_code_after(self, *messages) -> int:
        socket = Socket(CURRENT)
        await socket.connect()
        for message in messages:
            await socket.say(message)
        return await socket.close_code()

    async def test_no_token(self):
        self.assertEqual(await self.close_code_after({"type": "connection_init"}), Close.FORBIDDEN)

    async def test_an_operation_before_the_handshake(self):
        message = {"type": "subscribe", "id": "1", "payload": {"query": SUBSCRIBE}}
        self.assertEqual(await self.close_code_after(message), Close.UNAUTHORIZED)

    async def test_what_is_no_message(self):
        for message in ("{", {"type": "hello"}, {"type": "subscribe", "id": 1}):
            with self.subTest(message):
                self.assertEqual(await self.close_code_after(message), Close.BAD_MESSAGE)

    async def test_an_unknown_protocol(self):
        self.assertIsNone(await Socket("soap").connect())

    async def test_a_path_without_sockets(self):
        for path in ("/graphql/auth/", "/nope"):
            with self.subTest(path):
                socket = Socket(CURRENT, path=path)
                self.assertIsNone(await socket.connect())
