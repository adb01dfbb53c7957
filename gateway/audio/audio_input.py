"""A connection's audio path: encoded bytes in, windows with speech probabilities out."""

import asyncio

from backend.audio.resampler import Samples
from backend.errors import AudioError
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import AudioFormat
from gateway import metrics
from gateway.audio.decoder import AudioInputDecoder
from gateway.audio.silero import SequenceResult
from gateway.audio.vad import PreparedWindows, ScoredWindows, SpeechDetector
from gateway.audio.vad_batcher import VadBatcher
from gateway.protocols import ProtocolName

# Samples from which speech detection runs in a thread: two seconds, which only files send at once. Smaller frames are
# faster on the event loop, where they share a run of the network with other sessions.
THREAD_SAMPLES = 2 * SAMPLE_RATE


class AudioInput:
    """Decodes one client's audio and detects speech in it. Await each call before the next one. Raises AudioError."""

    def __init__(self, audio: AudioFormat, batcher: VadBatcher, protocol: ProtocolName = "native") -> None:
        self._source = AudioInputDecoder(audio)
        self._batcher = batcher
        self._received_seconds = metrics.AUDIO_SECONDS.labels(protocol)
        self._detector = SpeechDetector(batcher.silero)

    @property
    def truncation(self) -> AudioError | None:
        """After `flush`: the error, not fatal, if the audio ended inside a packet or a sample."""
        return self._source.truncation

    async def process_bytes(self, data: bytes) -> ScoredWindows:
        """The windows that these bytes complete."""
        return await self._detect_speech(await self._source.decode(data))

    async def flush(self) -> list[ScoredWindows]:
        """The windows that are left at the end of the audio; the last one is padded with zeros."""
        return [await self._detect_speech(await self._source.flush()), self._detector.flush()]

    async def _detect_speech(self, samples: Samples) -> ScoredWindows:
        self._received_seconds.inc(len(samples) / SAMPLE_RATE)
        if len(samples) > THREAD_SAMPLES:
            return await asyncio.to_thread(self._detector.detect_speech, samples)
        prepared = self._detector.prepare_windows(samples)
        return self._detector.score_windows(prepared, await self._infer(prepared))

    async def _infer(self, prepared: PreparedWindows) -> list[SequenceResult]:
        if not prepared.sequences:
            return []
        return await self._batcher.infer(prepared.sequences, urgent=self._detector.in_silence)
