"""A small OpenTelemetry collector: an HTTP server that stores the spans that it receives."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.testkit.servers.threads import serve_in_thread, url_of


@dataclass(frozen=True, slots=True)
class Received:
    """A received span. Ids are hexadecimal, times are seconds."""

    service: str
    name: str
    trace: str
    id: str
    parent: str  # empty if it has none
    start: float
    end: float
    links: tuple[str, ...]  # ids of linked traces
    about: dict[str, str | int | float] = field(hash=False)


class Collector:
    """The server. Set OTEL_EXPORTER_OTLP_ENDPOINT to its `url`."""

    def __init__(self) -> None:
        self.spans: list[Received] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Content-Encoding"] == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces":
                    collector.spans += _read(body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = url_of(self.server)

    def named(self, name: str) -> list[Received]:
        """The spans with this name, sorted by their start."""
        return sorted((span for span in self.spans if span.name == name), key=lambda span: span.start)


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector."""
    collector = Collector()
    with serve_in_thread(collector.server):
        yield collector


def _read(body: bytes) -> Iterator[Received]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = next(one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Received(
                    service,
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano / 1e9,
                    span.end_time_unix_nano / 1e9,
                    tuple(link.trace_id.hex() for link in span.links),
                    {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes},
                )
