"""Records spans with the OpenTelemetry SDK. Only this module imports the SDK, and only when tracing is enabled.

The SDK reads the OTEL_* variables for the sampler, the resource, batches, limits and the destination. The provider is
not registered globally, so libraries do not add spans to our traces.
"""

import logging
from collections.abc import Mapping
from contextvars import ContextVar
from threading import Thread
from typing import Self

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import Link, SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from backend.service.tracing import Attribute

# Time to send the remaining spans at shutdown.
CLOSE_S = 2.0

_propagator = TraceContextTextMapPropagator()


class _Ids(RandomIdGenerator):
    """Random ids, except for a span whose id was created by `new_traceparent` before the span is recorded."""

    def __init__(self) -> None:
        self.given: ContextVar[SpanContext | None] = ContextVar("given", default=None)

    def generate_trace_id(self) -> int:
        given = self.given.get()
        return given.trace_id if given else super().generate_trace_id()

    def generate_span_id(self) -> int:
        given = self.given.get()
        return given.span_id if given else super().generate_span_id()


class OtlpRecorder:
    """Records and exports spans."""

    def __init__(self, service: str, processor: SpanProcessor) -> None:
        """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES override `service`."""
        self._ids = _Ids()
        resource = Resource.create({SERVICE_NAME: service}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(id_generator=self._ids, resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("nova-voice")

    @classmethod
    def exporting(cls, service: str) -> Self:
        """Export in batches, from a thread, to OTEL_EXPORTER_OTLP_ENDPOINT. Failures are logged as errors."""
        logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
        return cls(service, BatchSpanProcessor(OTLPSpanExporter()))

    def new_traceparent(self, parent: str) -> str:
        """Return the id of a future span; without a parent it starts a trace.

        Whether it is sampled is decided now, by its parent or by the sampler.
        """
        context = _context(parent)
        above = _named(context)
        trace_id = above.trace_id if above else self._ids.generate_trace_id()
        sampled = self._provider.sampler.should_sample(context, trace_id, "").decision is Decision.RECORD_AND_SAMPLE
        return f"00-{trace_id:032x}-{self._ids.generate_span_id():016x}-{sampled:02x}"

    def record(
        self,
        name: str,
        parent: str,
        start_s: float,
        end_s: float,
        identity: str,
        link: str,
        attributes: Mapping[str, Attribute],
    ) -> None:
        """Record a finished span, if `parent` or `identity` is valid. Times are Unix seconds."""
        above, itself, linked = _context(parent), _named(_context(identity)), _named(_context(link))
        if not (itself or _named(above)):
            return
        token = self._ids.given.set(itself)
        try:
            span = self._tracer.start_span(
                name,
                context=above,
                start_time=round(start_s * 1e9),
                links=[Link(linked)] if linked else None,
                attributes={f"nova.{key}": value for key, value in attributes.items()},
            )
        finally:
            self._ids.given.reset(token)
        span.end(round(end_s * 1e9))

    def close(self) -> None:
        """Send the remaining spans within `CLOSE_S`. The exporter would retry an unreachable collector for minutes."""
        sending = Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(CLOSE_S)


def _context(traceparent: str) -> Context:
    """Return the context of a traceparent, empty if it is invalid."""
    return _propagator.extract({"traceparent": traceparent}, Context())


def _named(context: Context) -> SpanContext | None:
    named = get_current_span(context).get_span_context()
    return named if named.is_valid else None
