"""A connection's audio path: encoded bytes in, windows with speech probabilities out."""

from collections.abc import Iterator

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
from gateway.session.segmenter import WINDOW

# A run of the network with as many windows is as fast per window as a longer one.
URGENT_WINDOWS = 12


class AudioInput:
    """Decodes one client's audio and detects speech in it. Raises AudioError."""

    def __init__(
        self, audio: AudioFormat, batcher: VadBatcher, protocol: ProtocolName = "native", skip_ms: int = 0
    ) -> None:
        """`skip_ms`: audio at the beginning that is ignored, because it was received before."""
        self._source = AudioInputDecoder(audio)
        self._batcher = batcher
        self._received_seconds = metrics.AUDIO_SECONDS.labels(protocol)
        self._detector = SpeechDetector(batcher.silero)
        # Samples that are still to be ignored.
        self._skipped = skip_ms * SAMPLE_RATE // 1000

    @property
    def truncation(self) -> AudioError | None:
        """After `flush`: the error, not fatal, if the audio ended inside a packet or a sample."""
        return self._source.truncation

    def decode(self, data: bytes) -> Iterator[Samples]:
        """Yield the audio of a frame, at most about half a second at a time. Pass each piece to `detect_speech`."""
        pieces = self._source.decode(data)
        return map(self._after_skipped, pieces) if self._skipped else pieces

    def _after_skipped(self, samples: Samples) -> Samples:
        count = min(self._skipped, samples.size)
        self._skipped -= count
        return samples[count:]

    async def flush(self) -> list[ScoredWindows]:
        """The windows that are left at the end of the audio; the last one is padded with zeros."""
        rest = self._after_skipped(self._source.flush())
        return [await self.detect_speech(rest), self._detector.flush()]

    async def detect_speech(self, samples: Samples, silence_ms: int = 0, limit_ms: int = 0) -> ScoredWindows:
        """The windows that this audio completes. Await each call before the next one.

        Audio is processed at once if it may end an utterance: if the silence so far reaches the limit with it. Other
        audio waits a few milliseconds for that of more sessions.
        """
        urgent = silence_ms + 1000 * (len(samples) + WINDOW) // SAMPLE_RATE >= limit_ms
        self._received_seconds.inc(len(samples) / SAMPLE_RATE)
        prepared = self._detector.prepare_windows(samples)
        return self._detector.score_windows(prepared, await self._infer(prepared, urgent))

    async def _infer(self, prepared: PreparedWindows, urgent: bool) -> list[SequenceResult]:
        if not prepared.sequences:
            return []
        # Many windows gain nothing from waiting for those of others.
        urgent = urgent or len(prepared.windows) >= URGENT_WINDOWS
        return await self._batcher.infer(prepared.sequences, urgent=urgent)
