"""Structured logs: JSON lines on stdout, or readable ones on a terminal.

The event is a short past-tense constant; the standard keys are timestamp, service, level, correlation_id, message,
duration_ms, model, gpu_device. Never audio; text only at debug.
"""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import Processor

from backend.service.settings import ServiceSettings


def configure(service: str, settings: ServiceSettings) -> None:
    """Set up logging for this process, once, in main. Everything logged carries the service's name."""
    pretty = settings.log_format == "console" or (settings.log_format == "auto" and sys.stdout.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
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
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(message)s")
