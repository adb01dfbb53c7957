"""Prometheus metrics of the STT worker."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = Histogram(
    "stt_processing_duration_seconds",
    "Time of one call of the model",
    ["kind"],
    buckets=(0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10),
)
BATCH_SIZE = Histogram("nova_stt_batch_size", "Pieces of audio in one call", ["kind"], buckets=(1, 2, 4, 8, 16, 32, 64))
AUDIO_SECONDS = Counter("nova_stt_audio_seconds_total", "Audio recognized, in seconds", ["kind"])
DENOISED = Counter("nova_stt_denoised_seconds_total", "Audio whose noise was reduced, in seconds", ["kind"])
REAL_TIME_FACTOR = Gauge(
    "nova_stt_real_time_factor_ratio", "Seconds of work for each second of audio, over recent batches"
)
RECOGNIZER_READY = Gauge(
    "nova_stt_recognizer_ready", "1 if the latest calls of a recognizer succeed, otherwise 0", ["model"]
)
RECOGNIZER_FAILURES = Counter("nova_stt_recognizer_failures_total", "Calls of a recognizer that failed", ["model"])
RETRIED = Counter("nova_stt_retried_total", "Finals that were decoded again", ["reason"])
CONTINUED = Counter("nova_stt_continued_total", "Pieces of audio whose beginning was taken from a draft", ["kind"])
OMITTED = Counter("nova_stt_omitted_speech_seconds_total", "Speech that finals leave out, in seconds")
WITHHELD = Counter("nova_stt_withdrawn_total", "Texts that a guard withheld", ["reason"])
COMMITTED = Counter("nova_stt_committed_words_total", "Words committed before the final, in revise sessions")
CONTRADICTED = Counter("nova_stt_contradicted_words_total", "Committed words that the final does not confirm")
