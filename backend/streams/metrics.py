"""Metrics of Redis and its streams, and of the consume loop of every worker."""

from prometheus_client import Counter, Gauge, Histogram

REDIS_UP = Gauge("nova_redis_up", "1 if Redis answered this process at the last scrape, otherwise 0")
STREAM_LENGTH = Gauge("redis_stream_length", "Entries in a stream", ["lane"])
OLDEST = Gauge("nova_lane_oldest_seconds", "Age of the oldest entry that no worker has read yet", ["lane"])
PENDING = Gauge("nova_lane_pending_entries", "Entries that workers have read and not acknowledged", ["lane"])

CLAIMED = Counter("nova_worker_claimed_entries_total", "Entries claimed from another worker", ["group"])
FAILED = Counter("nova_worker_failed_attempts_total", "Failed attempts to process an entry", ["group", "code"])
DEAD_LETTERS = Counter("nova_worker_dead_letters_total", "Entries that became dead letters", ["group", "reason"])
LOAD = Gauge("nova_worker_finals_load_ratio", "Share of the recent time that was spent on finals", ["group"])
QUEUE_WAIT = Histogram(
    "nova_worker_queue_wait_seconds",
    "Time from writing an entry to reading it",
    ["group", "kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16),
)
