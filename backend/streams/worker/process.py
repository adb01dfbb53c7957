"""Runs a worker process: Redis, heartbeat, consumers, and shutdown."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import structlog

from backend.engines.gpu_info import gpu_memory
from backend.service import logging
from backend.service.heartbeat import publish_heartbeats
from backend.service.lifecycle import freeze_startup_objects, process_name, trim_memory_periodically
from backend.service.metrics_server import MetricsServer
from backend.service.settings import WorkerSettings
from backend.streams.job_streams import J, JobStream
from backend.streams.names import WORKERS, worker_key
from backend.streams.observe.state import StreamInspector
from backend.streams.redis.connection import connect
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.worker.batch_processor import Handler, HungError
from backend.streams.worker.health import WorkerHealth
from backend.streams.worker.policy import PreviewPool, RecordingShare
from backend.streams.worker.redis_source import redis_consumer

log = structlog.get_logger()

# Heartbeat fields that are the maximum over all consumers of the process; the others are sums.
MAXIMA = ("load", "last_batch", "last_inference")

# Returns the fields of the heartbeat about the worker: model, device, speed.
Describe = Callable[[], Mapping[str, object]]


async def run_worker(
    kind: str,
    settings: WorkerSettings,
    job_stream: JobStream[J],
    handle: Handler[J],
    describe: Describe,
    stop: asyncio.Event,
    metrics_server: MetricsServer,
    *,
    overlap: int = 1,
) -> None:
    """Consume until `stop`, then finish the entries in flight within the drain time.

    `overlap` consumers process a batch each at the same time. If entries are still in flight after the drain time, or
    the handler hangs, the process hands them back and exits at once; other workers claim them.
    """
    redis = connect(settings)
    name = settings.name or process_name()
    streams = RedisJobStreams(redis, settings)
    names = [name, *(f"{name}.{number}" for number in range(2, overlap + 1))]
    previews, recordings = PreviewPool[J](), RecordingShare(time.monotonic(), len(names))
    consumers = [redis_consumer(streams, job_stream, own, settings, handle, previews, recordings) for own in names]
    device = str(describe().get("device"))
    static: dict[str, object] = {"kind": kind, "name": name, "version": version("nova-voice"), "batch": settings.batch}
    # Gateways use the streams of recordings only if workers announce this. Release 0.1.0 does not read them.
    static["reads_recordings"] = True
    static |= await asyncio.to_thread(gpu_memory, device)
    heartbeat = _Heartbeat(static, describe, [consumer.report for consumer in consumers])
    inspector = StreamInspector(redis, streams.shards, (job_stream.group,))
    in_flight = [consumer.in_flight for consumer in consumers]
    metrics_server.health_source = WorkerHealth(redis, inspector, in_flight, settings.hung_after_s, stop)
    is_overdue = False
    try:
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(publish_heartbeats(redis, WORKERS, worker_key(kind, name), heartbeat)),
                tasks.create_task(trim_memory_periodically()),
            ]
            loops = [tasks.create_task(consumer.consume_until(stop)) for consumer in consumers]
            freeze_startup_objects()
            logging.add_process_fields(model=describe().get("model"), gpu_device=_gpu_index(device))
            log.info("worker_started", worker=name, **describe())
            await stop.wait()
            _, overdue = await asyncio.wait(loops, timeout=settings.drain_s)
            is_overdue = bool(overdue)
            for task in (*overdue, *background):
                task.cancel()
    except* HungError as hung:
        log.critical("worker_hung", worker=name, error=str(hung.exceptions[0]))
        is_overdue = True
    finally:
        if is_overdue:
            await asyncio.gather(*(consumer.hand_back() for consumer in consumers))
        await redis.aclose()
    log.info("worker_stopped", worker=name, overdue=is_overdue)
    if is_overdue:
        # A thread that is still computing cannot be stopped and would keep the process alive.
        sys.stdout.flush()
        os._exit(os.EX_TEMPFAIL)


@dataclass(frozen=True, slots=True)
class _Heartbeat:
    """Makes the body of a heartbeat."""

    static: Mapping[str, object]
    describe: Describe
    reports: Sequence[Callable[[], Mapping[str, float]]]

    def __call__(self) -> dict[str, object]:
        reports = [report() for report in self.reports]
        merged = {field: (max if field in MAXIMA else sum)(report[field] for report in reports) for field in reports[0]}
        return {**self.static, **self.describe(), **merged}


def _gpu_index(device: str) -> int | None:
    """2 for "cuda:2"; None for a CPU."""
    number = device.rpartition("cuda:")[2]
    return int(number) if number.isdigit() else None
