"""The stage of the STT worker that describes voices while their text is recognized."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

import structlog

from stt_worker.recognizers.recognizer import Hypothesis, Speech, VoiceDescriber
from stt_worker.voices.division import DescribedAudio, describe_pieces, find_voices

log = structlog.get_logger()

# Time that a text waits for its voices. They take less time than their text, so more means that something is
# wrong, and a text without a speaker is better than none.
MAX_WAIT_S = 30.0


class VoiceStage:
    """Describes the voices of several pieces of audio at once. Each takes one core."""

    def __init__(self, model: VoiceDescriber) -> None:
        self._model = model
        self._threads = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="voices")

    def begin(self, speeches: Sequence[Speech]) -> dict[int, Future[DescribedAudio | None]]:
        """Begin to describe the voices where that is wanted. By the index of the audio."""
        wanted = [(i, speech.samples) for i, speech in enumerate(speeches) if speech.describe_voices]
        return {i: self._threads.submit(describe_pieces, samples, self._model) for i, samples in wanted}

    def complete(
        self, hypotheses: Sequence[Hypothesis], begun: Mapping[int, Future[DescribedAudio | None]]
    ) -> list[Hypothesis]:
        """Add the voices to the hypotheses. Audio without words has none."""
        wait(begun.values(), MAX_WAIT_S)
        complete = list(hypotheses)
        for i, described in begun.items():
            if hypotheses[i].text:
                complete[i] = self._with_parts(hypotheses[i], described)
        return complete

    def _with_parts(self, hypothesis: Hypothesis, described: Future[DescribedAudio | None]) -> Hypothesis:
        try:
            audio = described.result(timeout=0)
            return replace(hypothesis, parts=find_voices(audio, hypothesis.words, self._model)) if audio else hypothesis
        except Exception as error:  # onnxruntime has no base class for its errors
            log.warning("voices_not_described", error=repr(error))
            return hypothesis
