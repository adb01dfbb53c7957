"""What the consume loop counts, in every worker."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

CLAIMED = Counter("nova_worker_claimed_entries_total", "Entries taken over from a worker that fell silent", ["group"])
FAILED = Counter("nova_worker_failed_attempts_total", "Attempts at an entry that failed", ["group", "code"])
DEAD_LETTERS = Counter("nova_worker_dead_letters_total", "Entries given up", ["group", "reason"])
LOAD = Gauge("nova_worker_finals_load_ratio", "Share of the time of late that was spent on finals", ["group"])
