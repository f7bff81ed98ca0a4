"""Speaks TLS for a backend in clear, and passes on what it says.

    tls_relay.py BACKEND_PORT CERTIFICATE KEY [AUTHORITY]

Prints `listening on PORT`. With AUTHORITY a client has to show a certificate that it signed.
"""

import asyncio
import ssl
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main(port, certificate, key, authority=None):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    context.load_cert_chain(certificate, key)
    if authority:
        context.verify_mode = ssl.CERT_REQUIRED

    async def relay(reader, writer):
        backend_reader, backend_writer = await asyncio.open_connection("127.0.0.1", int(port))
        await asyncio.gather(pump(reader, backend_writer), pump(backend_reader, writer))

    server = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)
    print("listening on", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
