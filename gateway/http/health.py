"""Routes for orchestrators and operators: liveness, readiness, the health of the system, and metrics."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from backend.streams.observe.load_report import read_heartbeats
from backend.streams.observe.state import RedisState, StreamState, clear_stream_metrics, set_stream_metrics
from backend.streams.redis.connection import REDIS_ERRORS
from gateway import metrics
from gateway.http.health_rules import Process, assess_health
from gateway.services import GatewayServices

# Limit for Redis, so that every answer arrives within a second, even if Redis hangs.
REDIS_TIMEOUT_S = 0.9

log = structlog.get_logger()


class HealthRoutes:
    """`/health` and `/health/ready` are public. `/health/full` and `/metrics` require the scope "read"."""

    def __init__(self, services: GatewayServices) -> None:
        self._services = services

    def router(self) -> APIRouter:
        router, operators_only = APIRouter(), [Depends(self._services.auth.require_operator)]
        router.add_api_route("/health", self.health)
        router.add_api_route("/health/ready", self.ready)
        router.add_api_route("/health/full", self.health_full, dependencies=operators_only)
        router.add_api_route("/metrics", self.prometheus_metrics, dependencies=operators_only)
        return router

    async def health(self) -> JSONResponse:
        """200 while the process lives. It does not depend on Redis: a restart would not repair Redis."""
        return JSONResponse({"status": "healthy", "version": version("nova-voice")})

    async def ready(self) -> JSONResponse:
        """200 if this gateway accepts sessions; 503 if Redis does not answer, or while draining."""
        if self._services.registry.draining:
            return JSONResponse({"status": "draining", "reasons": ["the gateway is shutting down"]}, 503)
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                await self._services.redis.ping()
        except REDIS_ERRORS:
            # The error text contains the address of Redis, which a public route must not reveal.
            return JSONResponse({"status": "unhealthy", "reasons": ["Redis: no answer"]}, 503)
        return JSONResponse({"status": "healthy", "reasons": []})

    async def health_full(self) -> JSONResponse:
        """The whole system: Redis, all streams, all processes with heartbeats. 503 if it is unhealthy."""
        inspector = self._services.inspector
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                redis, streams, processes = await asyncio.gather(
                    inspector.redis(), inspector.streams(), read_heartbeats(self._services.redis)
                )
        except REDIS_ERRORS as error:
            return JSONResponse(_unreachable_body(error), 503)
        report = assess_health(redis, streams, processes, self._services.settings.unwell_after_s, time.time())
        body = {
            "status": report.status,
            "reasons": report.reasons,
            "notes": report.notes,
            **_system_body(redis, streams, processes),
        }
        return JSONResponse(body, 503 if report.status == "unhealthy" else 200)

    async def prometheus_metrics(self) -> Response:
        """All metrics of this process and of Redis, in Prometheus's text format."""
        inspector = self._services.inspector
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                redis, streams = await asyncio.gather(inspector.redis(), inspector.streams())
            metrics.REDIS_MEMORY.set(redis.memory_bytes)
            metrics.REDIS_LIMIT.set(redis.memory_limit_bytes)
            set_stream_metrics(streams)
        except REDIS_ERRORS as error:
            # No value is better than an old one.
            clear_stream_metrics()
            log.warning("lanes_unknown", error=str(error))
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _unreachable_body(error: BaseException) -> dict[str, Any]:
    return {
        "status": "unhealthy",
        "reasons": [f"Redis: {str(error) or 'no answer'}"],
        "notes": [],
        "version": version("nova-voice"),
        "redis": {"ok": False},
        "lanes": {},
        "workers": [],
        "pairs": [],
        "dead_letters": 0,
    }


def _system_body(redis: RedisState, streams: Sequence[StreamState], processes: Sequence[Process]) -> dict[str, Any]:
    return {
        "version": version("nova-voice"),
        "redis": {"ok": True, **asdict(redis)},
        "lanes": {stream.name: _stream_body(stream) for stream in streams},
        "workers": processes,
        "pairs": _language_pairs(processes),
        "dead_letters": sum(stream.length for stream in streams if stream.is_dead),
    }


def _stream_body(stream: StreamState) -> dict[str, float]:
    return {"length": stream.length, "pending": stream.pending, "oldest_s": round(stream.oldest_s, 3)}


def _language_pairs(processes: Sequence[Process]) -> list[Any]:
    """All pairs that at least one translation worker supports."""
    return sorted({pairs for process in processes for pairs in process.get("pairs", ())})
