"""Traces: one per utterance, for OpenTelemetry.

OpenTelemetry's environment variables enable tracing (docs/howto/enable-tracing.md). Without them the SDK is not
imported, and the functions here return immediately. The context of a span is a W3C `traceparent` string. It is plain
data, so jobs and pure code can carry it. An empty `traceparent` creates no span. Spans are recorded when they end.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

import structlog

if TYPE_CHECKING:
    from backend.service.otlp import OtlpRecorder

log = structlog.get_logger()

Attribute = str | int | float | bool


class Traced(Protocol):
    """An object with a trace: a job, or a part of one."""

    @property
    def traceparent(self) -> str:
        """W3C trace context, "00-<trace>-<span>-<flags>", or "" if it is not traced."""


# The destination of spans; None if tracing is disabled.
_recorder: "OtlpRecorder | None" = None


def configure(service: str, environment: Mapping[str, str] = os.environ) -> None:
    """Enable tracing if the environment requests it. Call it once, in main. Errors are logged, not raised."""
    if not _is_wanted(environment):
        return
    if _protocol(environment) != "http/protobuf":
        log.warning("tracing_off", reason="only OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf is supported")
        return
    try:
        from backend.service.otlp import OtlpRecorder
    except ImportError as error:
        log.warning("tracing_off", reason=f"{error}; install it with: pip install 'nova-voice[tracing]'")
        return
    set_recorder(OtlpRecorder.exporting(service))
    log.info("tracing_on")


def set_recorder(recorder: "OtlpRecorder | None") -> None:
    """Set the destination of spans. None disables tracing."""
    global _recorder
    _recorder = recorder


def is_on() -> bool:
    """Whether tracing is enabled."""
    return _recorder is not None


def close() -> None:
    """Send the remaining spans. Call it at the end of main."""
    if _recorder is not None:
        _recorder.close()


def new_traceparent(parent: str = "") -> str:
    """Return the id of a span that is recorded later, to use as a parent. "" if tracing is disabled."""
    return _recorder.new_traceparent(parent) if _recorder is not None else ""


def span(
    name: str, parent: str, start_s: float, end_s: float, *, identity: str = "", link: str = "", **attributes: Attribute
) -> None:
    """Record a finished span from `start_s` to `end_s` (Unix time) as a child of `parent`.

    Pass the result of `new_traceparent` as `identity` when the span has children. `link` names a related span of
    another trace.
    """
    if _recorder is not None and (parent or identity):
        _recorder.record(name, parent, start_s, max(start_s, end_s), identity, link, attributes)


def stage(name: str, of: Sequence[Traced], **attributes: Attribute) -> AbstractContextManager[None]:
    """Record the block as a span in the trace of each object in `of`."""
    return _NOTHING if _recorder is None else _stage(_recorder, name, of, attributes)


_NOTHING = nullcontext()


@contextmanager
def _stage(
    recorder: "OtlpRecorder", name: str, of: Sequence[Traced], attributes: Mapping[str, Attribute]
) -> Iterator[None]:
    began = time.time()
    try:
        yield
    finally:
        ended = time.time()
        for one in of:
            recorder.record(name, one.traceparent, began, ended, "", "", {"batch": len(of), **attributes})


def _is_wanted(environment: Mapping[str, str]) -> bool:
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return exporter == "otlp" or any(environment.get(name) for name in endpoints)


def _protocol(environment: Mapping[str, str]) -> str:
    names = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    return next((environment[name] for name in names if environment.get(name)), "http/protobuf")
