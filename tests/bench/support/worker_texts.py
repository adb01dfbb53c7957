"""The texts that the STT worker recognizes in utterances, one job for each, without sessions."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.messages.jobs import AudioJob
from backend.messages.protocol import Final
from backend.streams.job_streams import Entry, Outcome
from backend.streams.names import Shard
from stt_worker.worker import SttWorker
from tests.testkit.audio.clips import RATE

# Utterances in one call of the worker.
AT_ONCE = 8


def in_float(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    return pcm.astype(np.float32) / np.float32(32_768)


def in_pcm(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    pcm: NDArray[np.int16] = np.clip(np.rint(samples * 32_768), -32_768, 32_767).astype("<i2")
    return pcm


def english_entry(pcm: NDArray[np.int16], **options: Any) -> Entry[AudioJob]:
    """A final of this utterance. `options`: further fields of the job."""
    names = {"session": "s", "utterance": 1, "correlation_id": "c", "sent_at": 0.0}
    length_ms = len(pcm) * 1_000 // RATE
    job = AudioJob(kind="final", start_ms=0, end_ms=length_ms, language="en", **names, **options)
    return Entry(Shard(0), "0-0", job, pcm.tobytes())


def texts(worker: SttWorker, entries: Sequence[Entry[AudioJob]]) -> Iterator[str]:
    """The text of each entry, in order."""
    for at in range(0, len(entries), AT_ONCE):
        for outcome in asyncio.run(worker.handle(entries[at : at + AT_ONCE])):
            assert isinstance(outcome, Outcome), "English is recognized"
            yield next(event.text for event in outcome.durable if isinstance(event, Final))
