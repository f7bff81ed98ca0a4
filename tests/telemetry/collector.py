"""A collector of OpenTelemetry's traces by OTLP/HTTP: decodes what it gets by the official messages, and prints a JSON line a span.

Usage: collector.py [--refuse COUNT STATUS] [--tls CERTIFICATE KEY]. It says `listening on PORT` first. The first COUNT requests
are answered with STATUS, and nothing of them is printed but `refused`.
"""

import argparse
import gzip
import http.server
import json
import ssl

from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

arguments = argparse.ArgumentParser()
arguments.add_argument("--refuse", nargs=2, type=int, default=(0, 0))
arguments.add_argument("--tls", nargs=2)
arguments = arguments.parse_args()
left, status = arguments.refuse


def plain(attributes):
    """Attributes as an object; each has one value."""
    found = {}
    for pair in attributes:
        assert pair.key not in found, pair.key
        found[pair.key] = getattr(pair.value, pair.value.WhichOneof("value"))
    return found


def check_known(message):
    """There is no field that the messages don't name."""
    assert len(UnknownFieldSet(message)) == 0, message
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for inner in value if field.is_repeated else [value]:
                check_known(inner)


def show(request):
    check_known(request)
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                line = {
                    "trace": span.trace_id.hex(),
                    "span": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "name": span.name,
                    "kind": span.kind,
                    "begun": span.start_time_unix_nano,
                    "ended": span.end_time_unix_nano,
                    "attributes": plain(span.attributes),
                    "status": span.status.code,
                    "flags": span.flags,
                    "resource": plain(resource.resource.attributes),
                    "scope": scope.scope.name,
                }
                print(json.dumps(line), flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        global left
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        assert self.path == "/v1/traces", self.path
        assert self.headers["Content-Type"] == "application/x-protobuf"
        if left > 0:
            left -= 1
            print("refused", flush=True)
            self.answer(status, b"")
        else:
            show(ExportTraceServiceRequest.FromString(body))
            self.answer(200, ExportTraceServiceResponse().SerializeToString())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if arguments.tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*arguments.tls)
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(f"listening on {server.server_address[1]}", flush=True)
server.serve_forever()
