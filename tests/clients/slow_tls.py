"""Read an answer by TLS: all but its end at once, and that slowly for some seconds. Prints how many bytes came in all.

    slow_tls.py PORT CERTIFICATE TOTAL SLOW BYTES_A_SECOND SECONDS

Segments and windows are as small as they can be, so that little lies in the system's buffers between the two.
"""

import socket
import ssl
import sys
import time

PORT, TOTAL, SLOW, RATE, SECONDS = (int(sys.argv[place]) for place in (1, 3, 4, 5, 6))

connection = socket.socket()
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
connection.settimeout(20)
connection.connect(("127.0.0.1", PORT))
stream = ssl.create_default_context(cafile=sys.argv[2]).wrap_socket(connection, server_hostname="localhost")
stream.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
seen, end = 0, None
try:
    while piece := stream.recv(1024):
        seen += len(piece)
        if seen > TOTAL - SLOW:
            end = end or time.monotonic() + SECONDS
            time.sleep(max(0, min(len(piece) / RATE, end - time.monotonic())))
except OSError:
    pass
print(seen)
