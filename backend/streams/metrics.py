"""What is counted of Redis and its lanes, and by the consume loop of every worker."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REDIS_UP = Gauge("nova_redis_up", "Whether Redis answered this process at the last scrape")
STREAM_LENGTH = Gauge("redis_stream_length", "Entries on a lane", ["lane"])
OLDEST = Gauge("nova_lane_oldest_seconds", "Age of a lane's oldest entry that no worker has taken", ["lane"])
PENDING = Gauge("nova_lane_pending_entries", "Entries of a lane that workers have in hand", ["lane"])

CLAIMED = Counter("nova_worker_claimed_entries_total", "Entries taken over from a worker that fell silent", ["group"])
FAILED = Counter("nova_worker_failed_attempts_total", "Attempts at an entry that failed", ["group", "code"])
DEAD_LETTERS = Counter("nova_worker_dead_letters_total", "Entries given up", ["group", "reason"])
LOAD = Gauge("nova_worker_finals_load_ratio", "Share of the time of late that was spent on finals", ["group"])
QUEUE_WAIT = Histogram(
    "nova_worker_queue_wait_seconds",
    "From an entry's being sent to its being taken",
    ["group", "kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16),
)
