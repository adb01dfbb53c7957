"""Where an utterance's time goes: spans for OpenTelemetry when an operator asks for them, else nothing at all.

Tracing is enabled by OpenTelemetry's own environment variables (docs/howto/enable-tracing.md). Without them its code is
not loaded, and every function here returns at once. The owner of a span is data: a W3C `traceparent`, which travels in
job headers and which pure code can carry. An empty `traceparent` makes no span. Spans are recorded when they end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

import structlog

log = structlog.get_logger()

Attribute = str | int | float | bool


class Traced(Protocol):
    """What belongs to a trace: a job, or a part of one."""

    @property
    def traceparent(self) -> str:
        """W3C trace context, "00-<trace>-<span>-<flags>"; "" when it is not traced."""
        ...


class Recorder(Protocol):
    """Where spans go: `otlp.OtlpRecorder`."""

    def new_traceparent(self, parent: str) -> str:
        """The identity of a span that is recorded later; without a parent it begins a trace."""
        ...

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
        """A span that is over, in Unix time."""
        ...

    def close(self) -> None:
        """Send what has been recorded."""
        ...


_recorder: Recorder | None = None


def configure(service: str, environment: Mapping[str, str] = os.environ) -> None:
    """Trace this process when its environment asks for it. Once, in main; what is wrong is logged, and ends nothing."""
    if not _is_wanted(environment):
        return
    if _protocol(environment) != "http/protobuf":
        log.warning("tracing_off", reason="only OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf is spoken here")
        return
    try:
        from backend.service.otlp import OtlpRecorder
    except ImportError as error:
        log.warning("tracing_off", reason=f"{error}; install it with: pip install 'nova-voice[tracing]'")
        return
    set_recorder(OtlpRecorder.exporting(service))
    log.info("tracing_on")


def set_recorder(recorder: Recorder | None) -> None:
    """From now on spans go there; None: nowhere."""
    global _recorder
    _recorder = recorder


def is_on() -> bool:
    """Whether anything is recorded."""
    return _recorder is not None


def close() -> None:
    """Send what has been recorded; call it as the last thing in main."""
    if _recorder is not None:
        _recorder.close()


def new_traceparent(parent: str = "") -> str:
    """The identity of a span to be recorded later, for others to belong to; "" when tracing is off."""
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
    """What goes on inside is part of all of these."""
    return _NOTHING if _recorder is None else _stage(_recorder, name, of, attributes)


_NOTHING = nullcontext()


@contextmanager
def _stage(recorder: Recorder, name: str, of: Sequence[Traced], attributes: Mapping[str, Attribute]) -> Iterator[None]:
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
