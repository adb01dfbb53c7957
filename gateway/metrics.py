"""Metrics of the gateway. Names are published and stay the same. Labels are bounded: never a session id."""

from prometheus_client import Counter, Gauge, Histogram

from gateway.protocols import PROTOCOLS

ACTIVE_CONNECTIONS = Gauge("gateway_active_connections", "Open WebSocket connections")
SESSIONS = Counter("nova_gateway_sessions_total", "Started sessions", ["protocol"])
OPEN_SESSIONS = Gauge("nova_gateway_open_sessions", "Sessions that clients hold, with recordings", ["protocol"])
AUDIO_SECONDS = Counter("nova_gateway_audio_seconds_total", "Received audio in seconds", ["protocol"])
FINALS = Counter("nova_gateway_finals_total", "Finals sent to clients", ["protocol"])
ERRORS = Counter("nova_gateway_errors_total", "Errors sent to clients", ["code", "protocol"])
FINAL_LATENCY = Histogram(
    "nova_gateway_final_latency_seconds",
    "Time from the detected end of an utterance until its final is sent",
    ["protocol"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16),
)
FIRST_PARTIAL = Histogram(
    "nova_gateway_first_partial_seconds",
    "Time from detected speech until the first words of the utterance are sent",
    buckets=(0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 16),
)
SHOWN = Counter("nova_gateway_shown_words_total", "Words of finals that were preceded by partials")
ERASED = Counter(
    "nova_gateway_erased_words_total", "Words sent in a partial that a later partial or the final removed or replaced"
)
REDIS_MEMORY = Gauge("nova_redis_memory_bytes", "Memory used by Redis; in a cluster, of the fullest master")
REDIS_LIMIT = Gauge("nova_redis_memory_limit_bytes", "Memory limit of Redis; 0: no limit")
WORKERS = Gauge("nova_workers", "Processes with a current heartbeat", ["kind"])
REJECTED = Counter("nova_gateway_rejected_sessions_total", "Refused sessions", ["reason", "protocol"])
RESUMED = Counter("nova_gateway_resumed_sessions_total", "Sessions that clients resumed")
WEBHOOK_EVENTS = Counter(
    "nova_gateway_webhook_events_total",
    "Attempts to deliver an event of a call: delivered, retried, given_up",
    ["outcome"],
)
PRESSURE = Gauge(
    "nova_gateway_pressure_level", "0: none, 1: previews slowed, 2: previews stopped, 3: new sessions refused"
)
LOAD = Gauge("nova_gateway_finals_load_ratio", "Share of the workers' time that the finals of all current speech need")
WAITING = Gauge("nova_gateway_oldest_final_seconds", "Age in seconds of the oldest final that no worker has taken")
ROOM_READERS = Gauge("nova_gateway_room_readers", "Readers of rooms")
ROOM_CAPTIONS = Counter("nova_gateway_room_captions_total", "Captions sent to readers of rooms, one for each reader")
ROOM_READERS_ENDED = Counter(
    "nova_gateway_room_readers_ended_total",
    "Readers that have left or were disconnected: left, too_slow, link_ended, key_ended, draining, unavailable",
    ["reason"],
)

# Counters that are absent until the first session would hide it: `rate` needs a value before the increase.
for _protocol in PROTOCOLS:
    SESSIONS.labels(_protocol)
    OPEN_SESSIONS.labels(_protocol)
for _outcome in ("delivered", "retried", "given_up"):
    WEBHOOK_EVENTS.labels(_outcome)
for _reason in ("left", "too_slow", "link_ended", "key_ended", "draining", "unavailable"):
    ROOM_READERS_ENDED.labels(_reason)
