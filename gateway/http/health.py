"""What orchestrators and operators ask: does it live, does it take sessions, is the system well."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from backend.streams.observe.load_report import read_heartbeats
from backend.streams.observe.state import StreamInspector, StreamState, clear_stream_metrics, set_stream_metrics
from backend.streams.redis.connection import REDIS_ERRORS
from backend.streams.redis_job_streams import RedisJobStreams
from gateway import metrics
from gateway.access.admission import Admission
from gateway.access.auth import operator
from gateway.http.health_rules import Process, judge
from gateway.settings import GatewaySettings

router = APIRouter()
"""What anybody may ask."""
operators = APIRouter(dependencies=[Depends(operator)])
"""What is for operators, where the gateway is open to others than them."""
log = structlog.get_logger()

LIMIT_S = 0.9
"""How long Redis may take, so that every answer comes within a second, whatever hangs."""


@router.get("/health")
async def health() -> JSONResponse:
    """200: the process lives. That Redis is away is nothing that a new start would cure."""
    return JSONResponse({"status": "healthy", "version": version("nova-voice")})


@router.get("/health/ready")
async def ready(request: Request) -> JSONResponse:
    """200 when this gateway takes sessions; 503 when Redis does not answer, or while it drains."""
    streams: RedisJobStreams = request.app.state.streams
    admission: Admission = request.app.state.admission
    if admission.draining.is_set():
        return JSONResponse({"status": "draining", "reasons": ["it is being shut down"]}, 503)
    try:
        async with asyncio.timeout(LIMIT_S):
            await streams.redis.ping()
    except REDIS_ERRORS:  # anybody may ask: where Redis is stands in the error, and is nobody's business
        return JSONResponse({"status": "unhealthy", "reasons": ["Redis: no answer"]}, 503)
    return JSONResponse({"status": "healthy", "reasons": []})


@operators.get("/health/full")
async def health_full(request: Request) -> JSONResponse:
    """The whole system: Redis, every lane, everybody who sends heartbeats; 503 when it is unhealthy."""
    streams: RedisJobStreams = request.app.state.streams
    observer: StreamInspector = request.app.state.observer
    settings: GatewaySettings = request.app.state.services.settings
    base = {"version": version("nova-voice"), "notes": [], "lanes": {}, "workers": [], "pairs": [], "dead_letters": 0}
    try:
        async with asyncio.timeout(LIMIT_S):
            redis, states, processes = await asyncio.gather(
                observer.redis(), observer.streams(), read_heartbeats(streams.redis)
            )
    except REDIS_ERRORS as error:
        reasons = [_redis_is_away(error)]
        return JSONResponse({"status": "unhealthy", "reasons": reasons, "redis": {"ok": False}, **base}, 503)
    condition = judge(redis, states, processes, settings.unwell_after_s, time.time())
    body = {
        "status": condition.status,
        "reasons": condition.reasons,
        "redis": {"ok": True, **asdict(redis)},
        **base,
        "notes": condition.notes,
        "lanes": {lane.name: _lane(lane) for lane in states},
        "workers": processes,
        "pairs": _pairs(processes),
        "dead_letters": sum(lane.length for lane in states if lane.is_dead),
    }
    return JSONResponse(body, 503 if condition.status == "unhealthy" else 200)


@operators.get("/metrics")
async def prometheus(request: Request) -> Response:
    """Prometheus text."""
    observer: StreamInspector = request.app.state.observer
    try:
        async with asyncio.timeout(LIMIT_S):
            redis, states = await asyncio.gather(observer.redis(), observer.streams())
        metrics.REDIS_MEMORY.set(redis.memory_bytes)
        metrics.REDIS_LIMIT.set(redis.memory_limit_bytes)
        set_stream_metrics(states)
    except REDIS_ERRORS as error:
        clear_stream_metrics()
        log.warning("lanes_unknown", error=str(error))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _redis_is_away(error: BaseException) -> str:
    return f"Redis: {str(error) or 'no answer'}"


def _lane(lane: StreamState) -> dict[str, float]:
    return {"length": lane.length, "pending": lane.pending, "oldest_s": round(lane.oldest_s, 3)}


def _pairs(processes: list[Process]) -> list[Any]:
    """What the translation workers serve between them."""
    return sorted({pairs for process in processes for pairs in process.get("pairs", ())})
