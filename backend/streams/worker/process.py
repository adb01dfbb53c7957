"""The shell of every worker process: Redis, heartbeat, the consume loop, and an orderly end."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version

import structlog

from backend.service import logging
from backend.service.gpu import graphics_card
from backend.service.heartbeat import publish_heartbeats
from backend.service.lifecycle import freeze_startup_objects, process_name, trim_memory_periodically
from backend.service.metrics_server import MetricsServer
from backend.service.settings import WorkerSettings
from backend.streams.job_streams import J, JobStream, JobStreams
from backend.streams.names import WORKERS, worker_key
from backend.streams.observe.state import StreamInspector
from backend.streams.redis.connection import connect
from backend.streams.worker.consumer import Consumer, Handler, HungError
from backend.streams.worker.health import WorkerHealth

log = structlog.get_logger()

LATEST = ("load", "last_batch", "last_inference")
"""What the heartbeat says of the consumer that has most of it; the rest is added up."""


async def work(
    kind: str,
    settings: WorkerSettings,
    lane: JobStream[J],
    handle: Handler[J],
    about: Callable[[], Mapping[str, object]],
    stop: asyncio.Event,
    metrics_server: MetricsServer,
    *,
    overlap: int = 1,
) -> None:
    """Consume a lane until `stop`, then finish what is in hand within the drain time; the rest is left to others.

    `overlap` batches are in hand at a time, each taken by a consumer of its own. `about` is what the heartbeat says
    of this worker: its model, its device, how fast it is. `monitor` learns that it can take work.
    """
    redis = connect(settings)
    name = settings.name or process_name()
    streams = JobStreams(redis, settings)
    names = [name, *(f"{name}.{number}" for number in range(2, overlap + 1))]
    consumers = [Consumer(streams, lane, own, settings, handle) for own in names]
    body = {"kind": kind, "name": name, "version": version("nova-voice"), "batch": settings.batch}
    body |= await asyncio.to_thread(graphics_card, str(about().get("device")))

    def alive() -> dict[str, object]:
        reports = [consumer.report() for consumer in consumers]
        told = {what: (max if what in LATEST else sum)(report[what] for report in reports) for what in reports[0]}
        return {**body, **about(), **told}

    observer = StreamInspector(redis, streams.shards, (lane.group,))
    metrics_server.health_source = WorkerHealth(
        redis, observer, [consumer.in_flight for consumer in consumers], settings.hung_after_s, stop
    )
    overdue = False
    try:
        async with asyncio.TaskGroup() as tasks:
            heart = tasks.create_task(publish_heartbeats(redis, WORKERS, worker_key(kind, name), alive))
            loops = [tasks.create_task(consumer.run(stop)) for consumer in consumers]
            tidy = tasks.create_task(trim_memory_periodically())
            freeze_startup_objects()
            logging.add_process_fields(model=about().get("model"), gpu_device=_gpu(str(about().get("device"))))
            log.info("worker_started", worker=name, **about())
            await stop.wait()
            _, late = await asyncio.wait(loops, timeout=settings.drain_s)
            overdue = bool(late)
            for loop in late:
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


def _gpu(device: str) -> int | None:
    """The number of the graphics card in "cuda:0"; None where there is none."""
    number = device.rpartition("cuda:")[2]
    return int(number) if number.isdigit() else None
