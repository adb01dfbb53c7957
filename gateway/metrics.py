"""What the gateway counts. Published names stay; labels are bounded, never a session id."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

ACTIVE_CONNECTIONS = Gauge("gateway_active_connections", "WebSocket sessions that are open")
SESSIONS = Counter("nova_gateway_sessions_total", "Sessions that were started")
AUDIO_SECONDS = Counter("nova_gateway_audio_seconds_total", "Audio received, in seconds")
FINALS = Counter("nova_gateway_finals_total", "Finals delivered to clients")
ERRORS = Counter("nova_gateway_errors_total", "Errors told to clients", ["code"])
FINAL_LATENCY = Histogram(
    "nova_gateway_final_latency_seconds",
    "From the end of the utterance being noticed to its final being sent",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16),
)
FIRST_PARTIAL = Histogram(
    "nova_gateway_first_partial_seconds",
    "From speech being noticed to the utterance's first words being sent",
    buckets=(0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 16),
)
SHOWN = Counter("nova_gateway_shown_words_total", "Words of finals that partials led up to")
ERASED = Counter("nova_gateway_erased_words_total", "Words that were shown and taken back, by a partial or the final")
REDIS_MEMORY = Gauge("nova_redis_memory_bytes", "Memory that Redis uses; of a cluster, its fullest master")
REDIS_LIMIT = Gauge("nova_redis_memory_limit_bytes", "Memory that Redis may use; 0: as much as there is")
WORKERS = Gauge("nova_workers", "Processes that send heartbeats", ["kind"])
REJECTED = Counter("nova_gateway_rejected_sessions_total", "Sessions that were refused", ["reason"])
RESUMED = Counter("nova_gateway_resumed_sessions_total", "Sessions that were taken over from a lost connection")
PRESSURE = Gauge("nova_gateway_pressure_level", "0: none, 1: previews slowed, 2: stopped, 3: new sessions refused")
LOAD = Gauge("nova_gateway_finals_load_ratio", "Share of the workers' time that the finals of all who speak take")
WAITING = Gauge("nova_gateway_oldest_final_seconds", "Age of the oldest final that no worker has taken")
