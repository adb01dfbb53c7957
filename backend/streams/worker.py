"""The shell of every worker process: Redis, heartbeat, the consume loop, and an orderly end."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version

import structlog
from prometheus_client import start_http_server

from backend.service.heartbeat import beat
from backend.service.lifecycle import keep_tidy, process_name, settle
from backend.service.settings import WorkerSettings
from backend.streams.connection import connect
from backend.streams.consumer import Consumer, Handler, HungError
from backend.streams.lanes import J, Lane, Lanes
from backend.streams.names import WORKERS, worker_key

log = structlog.get_logger()


async def work(
    kind: str, settings: WorkerSettings, lane: Lane[J], handle: Handler[J],
    about: Callable[[], Mapping[str, object]], stop: asyncio.Event,
) -> None:  # fmt: skip
    """Consume a lane until `stop`, then finish the batch in hand within the drain time; the rest is left to others.

    `about` is what the heartbeat says of this worker: its model, its device, how fast it is.
    """
    redis = connect(settings)
    name = settings.name or process_name()
    consumer = Consumer(Lanes(redis, settings), lane, name, settings, handle)
    body = {"kind": kind, "name": name, "version": version("nova-voice")}

    def alive() -> dict[str, object]:
        return {**body, **about(), **consumer.report()}

    if settings.metrics_port:
        start_http_server(settings.metrics_port)
    overdue = False
    try:
        async with asyncio.TaskGroup() as tasks:
            heart = tasks.create_task(beat(redis, WORKERS, worker_key(kind, name), alive))
            loop = tasks.create_task(consumer.run(stop))
            tidy = tasks.create_task(keep_tidy())
            settle()
            log.info("worker_started", worker=name, **about())
            await stop.wait()
            done, _ = await asyncio.wait([loop], timeout=settings.drain_s)
            overdue = not done
            loop.cancel()
            heart.cancel()
            tidy.cancel()
    except* HungError as hung:
        log.critical("worker_hung", worker=name, error=str(hung.exceptions[0]))
        overdue = True
    finally:
        await redis.aclose()
    log.info("worker_stopped", worker=name, overdue=overdue)
    if overdue:
        # A thread that works on cannot be stopped, so the process ends; what it held is claimed by others.
        sys.stdout.flush()
        os._exit(os.EX_TEMPFAIL)
