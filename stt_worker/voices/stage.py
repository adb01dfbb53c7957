"""The stage of the STT worker that describes voices while their text is recognized."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

import structlog

from backend.messages.voices.profiles import VoiceSample
from stt_worker.recognizers.recognizer import Hypothesis, Speech, SpokenPart, VoiceDescriber
from stt_worker.voices.division import DescribedAudio, describe_pieces, find_voices
from stt_worker.voices.samples import measure_sample
from stt_worker.voices.target import Target, Verdict, judge_preview, keep_target, speech_of

log = structlog.get_logger()

# Time that a text waits for its voices. They take less time than their text, so more means that something is
# wrong, and a text without a speaker is better than none.
MAX_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class BegunVoices:
    """Computations about the voices of a piece of audio, while its text is recognized."""

    described: Future[DescribedAudio | None] | None = None
    sample: Future[VoiceSample | None] | None = None
    verdict: Future[Verdict] | None = None

    @property
    def futures(self) -> list[Future[Any]]:
        """All of them."""
        return [future for future in (self.described, self.sample, self.verdict) if future]


class VoiceStage:
    """Describes the voices of several pieces of audio at once. Each takes one core."""

    def __init__(self, model: VoiceDescriber) -> None:
        self._model = model
        self._threads = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="voices")

    def begin(self, speeches: Sequence[Speech]) -> dict[int, BegunVoices]:
        """Begin to describe the voices where that is wanted. By the index of the audio."""
        begun = ((i, self._begin(speech)) for i, speech in enumerate(speeches))
        return {i: voices for i, voices in begun if voices.futures}

    def _begin(self, speech: Speech) -> BegunVoices:
        submit, model = self._threads.submit, self._model
        if speech.target and not speech.final:
            return BegunVoices(verdict=submit(judge_preview, speech.samples, Target.of(speech.target), model))
        audio = speech_of(speech.samples) if speech.target else speech.samples
        is_described = speech.describe_voices or speech.target is not None
        return BegunVoices(
            submit(describe_pieces, audio, model) if is_described else None,
            submit(measure_sample, speech.samples, model) if speech.measure_voice else None,
        )

    def complete(
        self, hypotheses: Sequence[Hypothesis], speeches: Sequence[Speech], begun: Mapping[int, BegunVoices]
    ) -> list[Hypothesis]:
        """Add the voices to the hypotheses, and leave out the text of voices that are not wanted."""
        wait([future for voices in begun.values() for future in voices.futures], MAX_WAIT_S)
        complete = list(hypotheses)
        for i, voices in begun.items():
            if hypotheses[i].text:  # audio without words has no voices
                complete[i] = self._with_voices(hypotheses[i], speeches[i], voices)
        return complete

    def _with_voices(self, hypothesis: Hypothesis, speech: Speech, begun: BegunVoices) -> Hypothesis:
        if begun.verdict:
            return replace(hypothesis, voice=_result(begun.verdict) or "unknown")
        audio = _result(begun.described) if begun.described else None
        parts = self._parts(audio, hypothesis)
        if begun.sample:
            hypothesis = replace(hypothesis, sample=_result(begun.sample))
        if speech.target:
            hypothesis = keep_target(hypothesis, audio, parts, Target.of(speech.target))
        # The words of these parts are not those of a text that parts were left out of.
        return replace(hypothesis, parts=parts) if speech.describe_voices and not hypothesis.ignored else hypothesis

    def _parts(self, audio: DescribedAudio | None, hypothesis: Hypothesis) -> tuple[SpokenPart, ...]:
        try:
            return find_voices(audio, hypothesis.words, self._model) if audio else ()
        except Exception as error:  # onnxruntime has no base class for its errors
            log.warning("voices_not_described", error=repr(error))
            return ()


def _result(future: Future[Any]) -> Any:
    """The result, or None if it failed or takes too long."""
    try:
        return future.result(timeout=0)
    except Exception as error:  # onnxruntime has no base class for its errors
        log.warning("voices_not_described", error=repr(error))
        return None
