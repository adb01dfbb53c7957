"""Prometheus metrics of the translation worker."""

from prometheus_client import Counter, Histogram

BATCH_SIZE = Histogram("translation_batch_size", "Passages in one call", buckets=(1, 2, 4, 8, 16, 32, 64, 128))
SECONDS = Histogram("nova_translation_processing_seconds", "Time of one call of the model", ["kind"])
UNSERVED = Counter("nova_translation_unserved_total", "Passages that no installed model translates")
