"""What operators ask: is it well, how long are the lanes, who works."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.asyncio import Redis

from backend.streams.connection import TROUBLE
from backend.streams.lanes import Lanes
from backend.streams.load import heartbeats
from backend.streams.names import STT_GROUP, TRANSLATION_GROUP
from gateway.admission import Admission
from gateway.metrics import STREAM_LENGTH

router = APIRouter()
log = structlog.get_logger()

LIMIT_S = 1.0
"""Every answer comes within this time, whatever hangs."""


@router.get("/health")
async def health(request: Request) -> JSONResponse:
    """200 when this gateway takes sessions; 503 when Redis does not answer, or while it drains."""
    lanes: Lanes = request.app.state.lanes
    admission: Admission = request.app.state.admission
    problem = await _redis_problem(lanes.redis)
    status = "unhealthy" if problem else "draining" if admission.draining.is_set() else "healthy"
    body = {"status": status, "redis": problem or "ok", "version": version("nova-voice")}
    return JSONResponse(body, status_code=200 if status == "healthy" else 503)


@router.get("/health/full")
async def health_full(request: Request) -> JSONResponse:
    """Redis, every lane's length, every worker's heartbeat; 503 when something essential is missing."""
    lanes: Lanes = request.app.state.lanes
    try:
        async with asyncio.timeout(LIMIT_S):
            info = await lanes.redis.info("server")
            lengths = await _lane_lengths(lanes)
            workers = await heartbeats(lanes.redis)
    except TROUBLE as error:
        body = {"status": "unhealthy", "reasons": [f"Redis: {error or 'no answer'}"], "redis": {"ok": False}}
        return JSONResponse({**body, "lanes": {}, "workers": []}, status_code=503)
    reasons = [f"no {kind} worker sends heartbeats" for kind in ("stt", "translation") if not _any(workers, kind)]
    unhealthy = not _any(workers, "stt")
    status = "unhealthy" if unhealthy else "degraded" if reasons else "healthy"
    redis = {"ok": True, "version": info.get("valkey_version") or info.get("redis_version")}
    body_full = {"status": status, "reasons": reasons, "redis": redis, "lanes": lengths, "workers": workers}
    return JSONResponse(body_full, status_code=503 if unhealthy else 200)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus text."""
    try:
        async with asyncio.timeout(LIMIT_S):
            for lane, length in (await _lane_lengths(request.app.state.lanes)).items():
                STREAM_LENGTH.labels(lane).set(length)
    except TROUBLE as error:
        log.warning("lane_lengths_unknown", error=str(error))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _redis_problem(redis: Redis) -> str | None:
    try:
        async with asyncio.timeout(LIMIT_S):
            await redis.ping()
    except TROUBLE as error:
        return str(error) or "no answer"
    return None


async def _lane_lengths(lanes: Lanes) -> dict[str, int]:
    names = [
        name
        for shard in lanes.shards
        for name in (
            *(shard.audio(kind) for kind in ("final", "preview")),
            *(shard.transcripts(kind) for kind in ("final", "preview")),
            shard.dead(STT_GROUP),
            shard.dead(TRANSLATION_GROUP),
        )
    ]
    async with lanes.redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.xlen(name)
        return dict(zip(names, await pipe.execute(), strict=True))


def _any(workers: list[dict[str, object]], kind: str) -> bool:
    return any(worker["kind"] == kind for worker in workers)
