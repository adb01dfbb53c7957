"""Whisper without a pipeline: the baseline for speed and accuracy."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray

from backend.engines.loading import Hardware
from stt_worker.recognizers.encoder_windows import EncoderWindows, group_batches
from stt_worker.recognizers.whisper_model import load_whisper, log_mel
from stt_worker.recognizers.whisper_tokens import MAX_TOKENS, TOKENS_PER_S
from tests.testkit.audio.clips import RATE

# faster-whisper's default: the temperatures of further decodes when a check fails.
FALLBACK = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


class OfflineWhisper:
    """Decodes English with the weights in `path` on the CPU."""

    def __init__(self, path: Path, *, threads: int, beam_size: int) -> None:
        """Batches run in parallel, one per core, which is fastest. Single utterances use `threads` threads."""
        hardware = Hardware("cpu")
        self._decoders = hardware.parallel_batches
        self._whisper = load_whisper(path, hardware)
        self._sequential = WhisperModel(
            str(path), "cpu", compute_type=self._whisper.engine.compute_type, cpu_threads=threads
        )
        self._windows = EncoderWindows()
        self._beam_size = beam_size
        multilingual = self._whisper.engine.is_multilingual
        self._tokenizer = Tokenizer(self._whisper.hf_tokenizer, multilingual, "transcribe", "en")

    def in_batches(self, utterances: Sequence[NDArray[np.float32]], max_size: int) -> list[str]:
        """Decode with CTranslate2 alone: batches of utterances of one window size, no guard, one decode."""
        sizes = [self._windows.fit(len(samples) / RATE) for samples in utterances]
        by_length = sorted(range(len(utterances)), key=lambda i: len(utterances[i]))
        planned = [[by_length[i] for i in places] for places in group_batches([sizes[i] for i in by_length], max_size)]
        texts: dict[int, str] = {}
        with ThreadPoolExecutor(self._decoders) as threads:
            decoded = threads.map(lambda some: self._decode([utterances[i] for i in some], sizes[some[0]]), planned)
            for indexes, some in zip(planned, decoded, strict=True):
                texts.update(zip(indexes, some, strict=True))
        return [texts[i] for i in range(len(utterances))]

    def one_by_one(
        self, utterances: Sequence[NDArray[np.float32]], temperature: float | list[float] = FALLBACK
    ) -> list[str]:
        """Decode as users of faster-whisper do: one utterance after the other, each in a window of 30 s."""
        texts = []
        for samples in utterances:
            segments, _ = self._sequential.transcribe(
                samples, language="en", beam_size=self._beam_size, temperature=temperature
            )
            texts.append(" ".join(segment.text.strip() for segment in segments))
        return texts

    def _decode(self, batch: Sequence[NDArray[np.float32]], size: int) -> list[str]:
        tokenizer = self._tokenizer
        mels = np.stack([log_mel(self._whisper.feature_extractor, samples, size) for samples in batch])
        encoded = self._whisper.engine.encode(mels)
        results = self._whisper.engine.generate(
            encoded,
            [[*tokenizer.sot_sequence, tokenizer.no_timestamps]] * len(batch),
            beam_size=self._beam_size,
            # The limit of the pipeline, so that a repetition loop costs the same in both.
            max_length=min(MAX_TOKENS, 2 * (24 + round(TOKENS_PER_S["en"] * max(map(len, batch)) / RATE))),
        )
        return [tokenizer.decode(result.sequences_ids[0]).strip() for result in results]
