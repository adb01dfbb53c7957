"""Structured logs: JSON lines on stdout, or readable lines on a terminal.

The event is a short past-tense constant. The standard keys are timestamp, service, level, correlation_id, message,
duration_ms, model and gpu_device (docs/howto/read-logs.md). Audio is never logged, text only at debug.
"""

import logging
import sys

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from backend.service.settings import ServiceSettings

_process_fields: dict[str, object] = {}


def configure(service: str, settings: ServiceSettings) -> None:
    """Configure logging for this process. Call it once, in main.

    Every line contains the service's name, in all threads. Messages of libraries that use Python's logging get the same
    format.
    """
    pretty = settings.log_format == "console" or (settings.log_format == "auto" and sys.stdout.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _with_process_fields,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if pretty
        else [
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(),
        ]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    _process_fields.clear()
    add_process_fields(service=service)
    handler = logging.StreamHandler(sys.stdout)
    foreign: list[Processor] = [structlog.stdlib.add_logger_name, *shared]
    handler.setFormatter(
        ProcessorFormatter(foreign_pre_chain=foreign, processors=[ProcessorFormatter.remove_processors_meta, *last])
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def add_process_fields(**keys: object) -> None:
    """Add fields about this process to all its log lines: service, model, gpu_device."""
    _process_fields.update(keys)


def _with_process_fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {**_process_fields, **event}
